"""What is compared: the ways to have tasks done here, and the two patterns in which tasks come."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gilscope import kernels
from gilscope.availability import Abilities, Local
from gilscope.core.cases import DEFAULT_TRANSPORT, Case
from gilscope.core.errors import UsageError
from gilscope.core.registry import EXECUTORS, START_METHODS
from gilscope.core.spec import Availability, Impl
from gilscope.kernels.spin.spec import size_word
from gilscope.studies.codec import Positive
from gilscope.studies.document import StartMethod

Dispatch: TypeAlias = Literal["loop", "static", "own threads", "submit"]
"""How a task gets to its worker: not at all; dealt beforehand to workers that stay; by a parallel loop of compiled
code; handed over each on its own."""

Pattern: TypeAlias = Literal["steps", "bag"]

PATTERNS: Mapping[Pattern, int] = {"steps": 1, "bag": 16}
"""Tasks per worker between two meetings. With 16 the price of a meeting is a sixteenth per task, and an executor that
keeps a queue can fill it; many more would make rounds of slow executors take seconds."""

BASELINE_STEPS = 1 << 23
"""About 10 ms: starting and ending the call takes less than 0.1 per mille of it."""

_DEALT = ("threads", "processes", "interpreters")  # whose workers get their chunks once, before the round
_CHUNKED = ("cy_nogil", "std_c")  # implementations of spin that release the GIL, the first usable one is taken
_LIBRARY_NAMES = {"threadpool": "ThreadPoolExecutor", "processpool": "ProcessPoolExecutor"}
_BESIDE = {"threads": "threadpool", "processes": "processpool"}  # what the standard library has beside ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way to have tasks done."""

    label: str  # in tables: threads, processes/fork, cy_prange, ThreadPoolExecutor
    executor: str
    implementation: str
    dispatch: Dispatch
    start_method: StartMethod = ""
    workers: int
    available: Availability
    interpreter: str = ""  # its label, unless it is the running one

    @property
    def baseline(self) -> Case:
        """One task so large that only its work counts, on one worker: gives the serial rate."""
        native = self.dispatch == "own threads"
        return Case(
            kernel="spin",
            implementation=self.implementation,
            executor="native" if native else "serial",
            workers=1,
            size=size_word(1, BASELINE_STEPS),
            chunks_per_worker=1,
            interpreter=self.interpreter,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MetgCell:
    """A way in a pattern: one METG."""

    way: Contender
    pattern: Pattern

    @property
    def key(self) -> str:
        """Its key in the file of the study."""
        return f"{self.way.label} {self.pattern}"

    @property
    def tasks_per_worker(self) -> int:
        """Tasks of each worker between two meetings."""
        return PATTERNS[self.pattern]

    def case(self, steps: int) -> Case:
        """Return the case with tasks of so many steps of the probe; 0 for tasks without work."""
        way = self.way
        return Case(
            kernel="spin",
            implementation=way.implementation,
            executor=way.executor,
            workers=way.workers,
            size=size_word(way.workers * self.tasks_per_worker, steps),
            chunks_per_worker=self.tasks_per_worker,
            start_method=way.start_method,
            transport=DEFAULT_TRANSPORT if way.executor == "processes" else "",
            interpreter=way.interpreter,
        )

    def per_task_s(self, wall_s: float, repeats: int) -> float:
        """Return workers x wall per task of a round, in seconds."""
        return wall_s / repeats / self.tasks_per_worker


@dataclass(frozen=True, slots=True, kw_only=True)
class MetgRequest:
    """What ``gilscope metg`` was asked, after checking."""

    executors: tuple[str, ...] = tuple(
        name for executor in EXECUTORS for name in (executor, _BESIDE.get(executor)) if name is not None
    )
    start_methods: tuple[str, ...] = START_METHODS  # of processes
    workers: Positive = 2
    budget_s: float = 75.0
    seed: int = 1
    task_s: float | None = None  # length of a task of the user's, for the advice
    interpreters: tuple[str, ...] = ()  # labels of those that are compared; empty: the running one
    dask_scheduler: str = ""  # address of a running one; empty: a cluster of its own

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError("workers must be 1 or more: write them like 2")
        if self.task_s is not None and not (math.isfinite(self.task_s) and self.task_s > 0):
            raise UsageError(f"task {self.task_s!r} must be above zero: write it like 40us")


def ways_of(request: MetgRequest, abilities: Mapping[str, Abilities] | None = None) -> tuple[Contender, ...]:
    """Return every way requested, also those that cannot be measured here; UsageError if none can.

    ``abilities``: what each of ``request.interpreters`` can run, by its label.
    """
    able = {"": Local(), **(abilities or {})}
    found = tuple(
        way
        for executor, interpreter in itertools.product(request.executors, request.interpreters or ("",))
        for way in _ways(request, executor, interpreter, able[interpreter])
    )
    if not any(way.available.ok for way in found):
        reasons = "; ".join(f"{way.label}: {way.available.reason}" for way in found)
        raise UsageError(f"nothing of this can be measured here: {reasons}")
    return found


def cells_of(ways: Sequence[Contender]) -> tuple[MetgCell, ...]:
    """Return the available ways in both patterns."""
    return tuple(MetgCell(way=way, pattern=pattern) for way in ways if way.available.ok for pattern in PATTERNS)


def _ways(request: MetgRequest, executor: str, interpreter: str, able: Abilities) -> Iterator[Contender]:
    spec = kernels.load("spin")

    def way(label: str, impl: Impl, dispatch: Dispatch, start_method: StartMethod = "") -> Contender:
        here = able.implementation(spec, impl)
        return Contender(
            label=f"{label} on {interpreter}" if interpreter else label,
            executor=executor,
            implementation=impl.name,
            dispatch=dispatch,
            start_method=start_method,
            workers=1 if executor == "serial" else request.workers,
            available=able.executor(executor, spec, impl, start_method) if here.ok else here,
            interpreter=interpreter,
        )

    if executor == "native":
        yield from (way(impl.name, impl, "own threads") for impl in spec.impls if impl.gil == "own_threads")
        return
    usable = [impl for name in _CHUNKED if (impl := spec.impl(name)) is not None]
    chunked = next((impl for impl in usable if able.implementation(spec, impl).ok), usable[-1])
    if executor == "serial":
        yield way("serial loop", chunked, "loop")
    elif executor == "processes":
        for method in request.start_methods:
            yield way(f"processes/{method}", chunked, "static", method)  # type: ignore[arg-type]
    else:
        yield way(_LIBRARY_NAMES.get(executor, executor), chunked, "static" if executor in _DEALT else "submit")
