"""What surrounded a measurement, typed, and whether two had the same: only then is one held against the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gilscope.core.typed import read

__all__ = ["CheckResult", "Cpus", "Difference", "Machine", "Python", "SeenFunction", "Surroundings", "differences"]

MEMORY_TOLERANCE = 20
"""The memory of one machine may seem to change by one part in so many: kernels reserve more or less of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The hardware and its operating system.

    Parameters
    ----------
    identity : str
        A word that differs between machines.
    system, release, architecture, cpu_model : str
    virtual : bool or None
        None where there is no sign either way.
    memory_bytes : float or None
        All memory of the machine.
    caches_bytes : mapping of str to float
        Size of each data cache of the first CPU, by its name: ``L1d``, ``L2``.
    """

    identity: str = ""
    system: str = ""
    release: str = ""
    architecture: str = ""
    cpu_model: str = ""
    virtual: bool | None = None
    memory_bytes: float | None = None
    caches_bytes: Mapping[str, float] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether anything is known of it."""
        return self != Machine()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpus:
    """How many workers could run at the same time (``gilscope.env.cpu.UsableCpus``).

    Parameters
    ----------
    count : int or None
    limit, detail : str
        What makes it no more, as a word and as a text.
    logical, physical : int or None
        CPUs and cores of the machine.
    quota_cpus : float or None
        CPU seconds per second the cgroups allow; None without a quota.
    """

    count: int | None = None
    limit: str = ""
    detail: str = ""
    logical: int | None = None
    physical: int | None = None
    quota_cpus: float | None = None

    @property
    def known(self) -> bool:
        """Whether anything is known of them."""
        return self != Cpus()


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """An interpreter: the one gilscope ran in, or one of those that were compared.

    Parameters
    ----------
    label : str
        Its name in case ids: ``3.13t+gil``.
    implementation, version, executable, compiler : str
    free_threaded : bool
        Whether it was built so that it can run without the GIL.
    gil_enabled : bool or None
        Whether it starts with the GIL; None where the file does not say.
    gil_asked : str
        ``on`` or ``off`` where ``--gil`` asked for it.
    switch_interval_s : float or None
        Seconds after which a thread that waits for the GIL asks for it.
    libraries : mapping of str to (str or None)
        Version by name, None for a library that was not installed; of the interpreters that were compared.
    """

    label: str = ""
    implementation: str = ""
    version: str = ""
    executable: str = ""
    compiler: str = ""
    free_threaded: bool = False
    gil_enabled: bool | None = None
    gil_asked: str = ""
    switch_interval_s: float | None = None
    libraries: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether anything is known of it."""
        return self != Python()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check of the machine found (``gilscope.env.checks.Check``).

    Parameters
    ----------
    name : str
    status : str
        ``ok``, ``warning`` or ``unknown``.
    message, cure : str
        What was found; what to do about it.
    """

    name: str = ""
    status: str = ""
    message: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFunction:
    """What was seen of one of the user's functions before it was measured.

    Parameters
    ----------
    call_s : float or None
        Seconds of one call on one thread.
    held : float or None
        Share of that time in which it held the GIL, 0 to 1.
    own_threads : bool
        Whether it runs on threads of its own, or of libraries it calls.
    pools : tuple of str
        The thread pools of libraries that it uses.
    items : float or None
        How many items a call works on, where that was given.
    """

    call_s: float | None = None
    held: float | None = None
    own_threads: bool = False
    pools: tuple[str, ...] = ()
    items: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The environment of a result, read from what the file has: each field may be missing there.

    Parameters
    ----------
    machine : Machine
    cpus : Cpus
    interpreter : Python
        The one gilscope ran in.
    interpreters : tuple of Python
        Those that were compared; empty when it was only the running one.
    libraries : mapping of str to (str or None)
        Version by name, None for a library that was not installed.
    checks : tuple of CheckResult
    hand_over_s : mapping of str to float
        Seconds that handing a call over takes, by executor; of the user's functions.
    functions : mapping of str to SeenFunction
        By name.
    started_utc : str
        ISO 8601, to the second.
    """

    machine: Machine = field(default_factory=Machine)
    cpus: Cpus = field(default_factory=Cpus)
    interpreter: Python = field(default_factory=Python)
    interpreters: tuple[Python, ...] = ()
    libraries: Mapping[str, str | None] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()
    hand_over_s: Mapping[str, float] = field(default_factory=dict)
    functions: Mapping[str, SeenFunction] = field(default_factory=dict)
    started_utc: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, Any] | None) -> Surroundings:
        """Read a stored environment; what is missing, or not as gilscope writes it, counts as unknown."""
        return read(cls, environment)


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
        known = name in old and name in new and (where == "cpus" or None not in (old[name], new[name]))
        if known and not _same(name, old[name], new[name]):
            yield Difference(where=where, name=name, before=old[name], now=new[name])


def _same(name: str, old: Any, new: Any) -> bool:
    if name == "memory_bytes" and type(old) is type(new) is int:
        return MEMORY_TOLERANCE * abs(new - old) <= max(old, new)
    return bool(old == new)
