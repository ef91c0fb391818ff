"""What an interpreter can run, by its own word: this one is looked at directly, others answer a question.

The question travels as names of kernels, the answer as JSON (``env/_about.py``), so nothing is assumed of one
interpreter because another can do it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gilscope import executors, kernels
from gilscope.env import interpreter
from gilscope.env.interpreters import Interpreter
from gilscope.errors import UnknownNameError
from gilscope.registry import EXECUTORS, PROBES, REFERENCES, START_METHODS
from gilscope.spec import Availability, Impl, KernelSpec

__all__ = ["Abilities", "Here", "Told", "answer", "told"]

_NUMBA_WITHOUT_GIL = (3, 14)  # the first free-threaded Python that Numba has releases for (numba#9928)


class Abilities(Protocol):
    """What one interpreter can run."""

    @property
    def gil_enabled(self) -> bool:
        """Whether it runs with a GIL, before any import."""

    def implementation(self, spec: KernelSpec, impl: Impl) -> Availability:
        """Whether it has what an implementation needs."""

    def executor(self, name: str, spec: KernelSpec, impl: Impl, start_method: str) -> Availability:
        """Whether it can run an implementation that it has under an executor."""


class Here:
    """The running interpreter."""

    @property
    def gil_enabled(self) -> bool:
        """See ``Abilities``."""
        return interpreter.gil_enabled()

    def implementation(self, spec: KernelSpec, impl: Impl) -> Availability:
        """See ``Abilities``."""
        return kernels.availability(spec, impl)

    def executor(self, name: str, spec: KernelSpec, impl: Impl, start_method: str) -> Availability:
        """See ``Abilities``."""
        return executors.availability(name, impl, start_method)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Another interpreter, by its answer.

    Parameters
    ----------
    label : str
        Its name in case ids.
    facts : mapping
        What ``env/_about.py`` printed.
    """

    label: str
    facts: Mapping[str, Any]

    @property
    def gil_enabled(self) -> bool:
        """See ``Abilities``."""
        return bool(self.facts["gil_enabled"])

    def implementation(self, spec: KernelSpec, impl: Impl) -> Availability:
        """See ``Abilities``; whether the user's own functions can be imported there is found out by doing it."""
        if kernels.adopted(spec.name):
            return Availability(ok=True)
        if impl.unavailable:
            return Availability(ok=False, reason=impl.unavailable)
        told = self._told(spec, impl)
        return Availability(**told["here"]) if told else self._unknown(f"implementation {spec.name}/{impl.name}")

    def executor(self, name: str, spec: KernelSpec, impl: Impl, start_method: str) -> Availability:
        """See ``Abilities``."""
        told = self.facts["own"][_sort(impl)] if kernels.adopted(spec.name) else (self._told(spec, impl) or {})
        found = told.get("executors", {}).get(_word(name, start_method))
        return Availability(**found) if found else self._unknown(f"executor {_word(name, start_method)}")

    def _told(self, spec: KernelSpec, impl: Impl) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self.facts["kernels"].get(spec.name, {}).get(impl.name)
        return found

    def _unknown(self, what: str) -> Availability:
        return Availability(
            ok=False, reason=f"{self.label} has no {what}", cure="install the same packages there as here"
        )


def told(interpreters: Iterable[Interpreter]) -> dict[str, Abilities]:
    """Return what some interpreters said they can run, by their labels."""
    return {entry.label: Told(label=entry.label, facts=entry.facts) for entry in interpreters}


def answer(names: Sequence[str]) -> dict[str, Any]:
    """Tell what the running interpreter can do with some kernels.

    Returns
    -------
    dict
        ``kernels``: by kernel and implementation whether it is ``here``, and by executor (``processes`` with its start
        method) whether it can be run so; ``own``: the same of the user's own functions.
    """
    chunked, own_threads = (Impl(name="own", target="", gil=gil) for gil in ("held", "own_threads"))
    return {
        "kernels": {name: _of_kernel(name) for name in dict.fromkeys((*names, *PROBES))},
        "own": {_sort(impl): {"executors": _executors(impl)} for impl in (chunked, own_threads)},
    }


def _of_kernel(name: str) -> dict[str, Any]:
    try:
        spec = kernels.load(name)
    except (ImportError, AttributeError, UnknownNameError):  # of a package that is not installed for this interpreter
        return {}
    return {
        impl.name: {"here": _said(_here(spec, impl)), "executors": _executors(impl)}
        for impl in spec.impls
        if not impl.unavailable
    }


def _here(spec: KernelSpec, impl: Impl) -> Availability:
    found = kernels.availability(spec, impl)
    version = sys.version_info[:2]
    if not found.ok and "numba" in impl.needs and interpreter.free_threaded_build() and version < _NUMBA_WITHOUT_GIL:
        return Availability(ok=False, reason=f"Numba has no release for free-threaded Python {version[0]}.{version[1]}")
    return found


def _executors(impl: Impl) -> dict[str, Any]:
    return {
        _word(name, start_method): _said(executors.availability(name, impl, start_method))
        for name in (*EXECUTORS, *REFERENCES)
        for start_method in (START_METHODS if name == "processes" else ("",))
    }


def _word(executor: str, start_method: str) -> str:
    return f"{executor}.{start_method}" if start_method else executor


def _sort(impl: Impl) -> str:
    return "own_threads" if impl.gil == "own_threads" else "chunked"


def _said(found: Availability) -> dict[str, Any]:
    """Turn an availability into JSON; what it says to install, it says for this interpreter."""
    python = interpreter.without_home(sys.executable)
    return {
        "ok": found.ok,
        "reason": found.reason,
        "cure": found.cure.replace("pip install", f"{python} -m pip install"),
    }
