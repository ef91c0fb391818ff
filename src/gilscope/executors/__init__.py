"""Who runs the chunks: one contract, one file per executor.

Each module of ``registry.EXECUTORS`` has ``open_pool(max_workers, cpus, start_method) -> Pool`` and, unless it runs
every chunked implementation everywhere, ``availability(impl, start_method) -> Availability``. A pool has
``bind(task) -> Session`` and an idempotent ``close()``.
"""

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from gilscope.core.records import Round
from gilscope.core.registry import EXECUTORS, REFERENCES, check_executors, is_engine
from gilscope.core.spec import Availability, Impl

__all__ = ["NoPool", "Session", "availability", "bound_to", "module_of"]


class Session:
    """A case bound to workers.

    ``run_round(repeats, limit) -> Round`` runs the kernel ``repeats`` times; ``limit``: only so many chunks per worker
    and phase. It raises WorkerRaisedError or WorkerDiedError.

    ``results`` are the combined partials of the last round, one per copy of the work, ``result`` the first of them;
    ``one_time_ns`` has ``start``, ``import`` and ``jit`` of the slowest worker; ``placed`` is where each worker is
    bound to, if it is; ``gil_enabled``: whether a worker had a GIL after all its imports, missing where it cannot
    differ from the parent.
    """

    def __init__(self) -> None:
        self.result: Any = None
        self.results: list[Any] = []
        self.placed: Sequence[Mapping[str, Any]] = []

    def run_round(self, repeats: int, limit: int | None = None) -> Round:
        """See the class."""
        raise NotImplementedError

    def keep(self, start_ns: int, import_ns: Iterable[int], warm: Sequence[tuple[int, str, str, bool]]) -> None:
        """Keep what starting, importing and ``warm_up`` took and found in each worker."""
        jit_ns, caches, isas, gils = zip(*warm, strict=True)
        self.one_time_ns = {"start": start_ns, "import": max(import_ns), "jit": max(jit_ns)}
        self.jit_cache = "cold" if "cold" in caches else caches[0]
        self.isa, self.gil_enabled = isas[0], any(gils)

    def run_on(self, cpu: int, repeats: int, limit: int | None = None) -> Round:
        """Run a round of a T(1) on one CPU."""
        placed, self.placed = self.placed, [{"cpu": cpu}]
        try:
            with bound_to([cpu]):
                measured = self.run_round(repeats, limit)
        finally:
            self.placed = placed
        return replace(measured, stamps=tuple(replace(stamp, cpu=cpu) for stamp in measured.stamps))

    def close(self) -> None:
        """Forget the case, where there is something to forget. Idempotent."""


@contextmanager
def bound_to(cpus: Sequence[int]) -> Iterator[None]:
    """Bind the calling thread to CPUs, if any, for a while: threads it starts later must be free."""
    if not cpus:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class NoPool:
    """No workers of ours: ``bind`` makes a session that needs none."""

    def __init__(self, bind: Callable[[Any], Session]) -> None:
        self.bind = bind

    def close(self) -> None:
        """Nothing to end."""


def module_of(name: str) -> Any:
    """Return the module of executor ``name``, or raise UnknownNameError."""
    check_executors([name], (*EXECUTORS, *REFERENCES))
    if is_engine(name):
        return importlib.import_module("gilscope.executors._engine")
    return importlib.import_module(f"gilscope.executors.{'_' if name in REFERENCES else ''}{name}")


def availability(name: str, impl: Impl, start_method: str = "") -> Availability:
    """Whether executor ``name`` can run ``impl`` here, and if not, why."""
    check = getattr(module_of(name), "availability", None)
    found: Availability = check(impl, start_method) if check is not None else Availability(ok=True)
    return found
