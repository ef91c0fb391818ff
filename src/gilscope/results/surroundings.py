"""Whether two measurements had the same surroundings: only then is one added to, or held against, the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Difference", "differences"]

MEMORY_TOLERANCE = 20
"""The memory of one machine may seem to change by one part in so many: kernels reserve more or less of it."""

_PARTS = {
    "machine": ("identity", "system", "architecture", "cpu_model", "memory_bytes"),
    "cpus": ("count", "limit", "logical", "quota_cpus"),
}
_INTERPRETER = ("implementation", "version", "free_threaded", "gil_enabled", "compiler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A fact that differs.

    Parameters
    ----------
    where : str
        ``machine``, ``cpus``, ``interpreter`` (which gilscope ran in), or ``interpreter 3.13t`` (one of several that
        were measured).
    name : str
        The field of the environment.
    before, now : object
        Its values.
    """

    where: str
    name: str
    before: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.where} {self.name}: {self.before} before, {self.now} now"


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between two environments and decides how fast anything runs.

    Facts that one of them does not tell are left out (of CPUs, None tells that there is no limit); so are libraries,
    whose change may be what is asked about.
    """
    found = [
        difference
        for part, names in _PARTS.items()
        for difference in _differing(part, names, before.get(part) or {}, now.get(part) or {})
    ]
    found += _differing("interpreter", _INTERPRETER, before.get("interpreter") or {}, now.get("interpreter") or {})
    others = {entry.get("label"): entry for entry in now.get("interpreters", ())}
    for entry in before.get("interpreters", ()):
        label = entry.get("label")
        found += _differing(f"interpreter {label}", _INTERPRETER, entry, others.get(label, {}))
    return found


def _differing(
    where: str, names: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in names:
        told = name in old and name in new and (where == "cpus" or None not in (old[name], new[name]))
        if told and not _same(name, old[name], new[name]):
            yield Difference(where=where, name=name, before=old[name], now=new[name])


def _same(name: str, old: Any, new: Any) -> bool:
    if name == "memory_bytes" and type(old) is type(new) is int:
        return MEMORY_TOLERANCE * abs(new - old) <= max(old, new)
    return bool(old == new)
