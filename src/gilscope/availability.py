"""What an interpreter can run, by its own account: this one is queried directly, others answer a request.

Request (names of kernels) and reply are JSON, both in ``env/_about.py``: nothing is assumed of one interpreter because
another can do it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gilscope import executors, kernels
from gilscope.core.registry import is_engine
from gilscope.core.spec import Availability, Impl, KernelSpec
from gilscope.env import interpreter
from gilscope.env._about import executor_word, kind_of
from gilscope.env.interpreters import Interpreter


class Abilities(Protocol):
    """What one interpreter can run."""

    @property
    def gil_enabled(self) -> bool:
        """Whether it runs with a GIL, before any import."""

    def implementation(self, spec: KernelSpec, impl: Impl) -> Availability:
        """Whether it has what an implementation needs."""

    def executor(self, name: str, spec: KernelSpec, impl: Impl, start_method: str) -> Availability:
        """Whether it can run an implementation that it has under an executor."""


class Local:
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
class Remote:
    """Another interpreter, by its reply (``env/_about.py``) and its label in case ids."""

    label: str
    about: Mapping[str, Any]

    @property
    def gil_enabled(self) -> bool:
        """See ``Abilities``."""
        return bool(self.about["gil_enabled"])

    def implementation(self, spec: KernelSpec, impl: Impl) -> Availability:
        """See ``Abilities``; whether the user's own functions can be imported there is found out by doing it."""
        if kernels.adopted(spec.name):
            return Availability(ok=True)
        if impl.unavailable:
            return Availability(ok=False, reason=impl.unavailable)
        return self._reply(self._known(spec, impl).get("here"), f"implementation {spec.name}/{impl.name}")

    def executor(self, name: str, spec: KernelSpec, impl: Impl, start_method: str) -> Availability:
        """See ``Abilities``."""
        known = self.about["own"][kind_of(impl)] if kernels.adopted(spec.name) else self._known(spec, impl)
        if is_engine(name):  # whether it starts, only starting it tells
            return Availability(ok=impl.gil != "own_threads")
        word = executor_word(name, start_method)
        return self._reply(known.get("executors", {}).get(word), f"executor {word}")

    def _known(self, spec: KernelSpec, impl: Impl) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.about["kernels"].get(spec.name, {}).get(impl.name, {})
        return found

    def _reply(self, found: Mapping[str, Any] | None, what: str) -> Availability:
        if found:
            return Availability(**found)
        cure = "install the same packages there as here"
        return Availability(ok=False, reason=f"{self.label} has no {what}", cure=cure)


def remote(interpreters: Iterable[Interpreter]) -> dict[str, Abilities]:
    """Return what some interpreters can run, by their labels."""
    return {entry.label: Remote(label=entry.label, about=entry.about) for entry in interpreters}
