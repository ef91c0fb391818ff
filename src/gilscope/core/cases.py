"""What is asked: cases with their ids, the blocks they share, studies and plans.

A *case* is one implementation of one kernel under one executor with so many workers. Its id names it everywhere: on
the command line, in results, in output.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from gilscope.core.errors import UsageError

__all__ = [
    "DEFAULT_CHUNKS_PER_WORKER",
    "DEFAULT_START_METHOD",
    "DEFAULT_TRANSPORT",
    "Case",
    "Group",
    "Plan",
    "Slot",
    "Study",
    "Unavailable",
    "reserved",
]

DEFAULT_CHUNKS_PER_WORKER = 4
DEFAULT_START_METHOD = "forkserver"
DEFAULT_TRANSPORT = "shm"

_USUAL = ("", DEFAULT_START_METHOD, DEFAULT_TRANSPORT, "native")  # parts that ids leave out

_NAME_ENDS = {"native": "_own_threads", "all": "_nested"}
"""By ``libraries``: how earlier versions ended the name of the user's function instead."""

_CASE = re.compile(
    r"(?P<kernel>[\w.:/\-]+)/(?P<implementation>\w+)@(?P<executor>[a-z]+)"
    r"(?:\.(?P<start_method>fork|forkserver|spawn))?(?:\.(?P<transport>shm|pickle))?"
    r"(?:\.(?P<scaling>weak))?(?:\.(?P<schedule>dynamic))?(?:\.(?P<libraries>all))?"
    r"(?:\*(?P<workers>\d{1,18}))?#(?P<size>\w+)(?:~c(?P<chunks>\d{1,18}))?(?:!(?P<interpreter>[\w.+\-]+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """kernel x implementation x executor x workers x size x interpreter.

    ``start_method`` and ``transport`` are empty for executors other than ``processes``. ``scaling`` is ``weak`` where
    every worker does the whole work on buffers of its own, else empty; ``schedule`` is ``dynamic`` where workers take
    chunks from a shared counter, else empty. ``libraries`` says on how many threads the libraries behind the
    implementation (BLAS, OpenMP, Numba) work for each worker: empty for one, ``all`` for as many as there are CPUs, and
    always ``native`` under that executor, whose workers these threads are.
    """

    kernel: str
    implementation: str
    executor: str
    workers: int
    size: str
    chunks_per_worker: int = DEFAULT_CHUNKS_PER_WORKER
    start_method: str = ""
    transport: str = ""
    scaling: str = ""
    schedule: str = ""
    libraries: str = ""
    interpreter: str = ""

    def __post_init__(self) -> None:
        if (self.executor == "native") != (self.libraries == "native"):  # one follows from the other
            object.__setattr__(self, "libraries", "native" if self.executor == "native" else "")
        if self.workers < 1 or self.chunks_per_worker < 1:
            raise UsageError(f"case of {self.kernel}: workers and chunks per worker must be 1 or more")

    @property
    def id(self) -> str:
        """``nbody/cy_nogil@processes.spawn.pickle.weak*4#M~c8!3.13t``; defaults are left out."""
        how = self.how if self.executor == "serial" else f"{self.how}*{self.workers}"
        chunks = "" if self.chunks_per_worker == DEFAULT_CHUNKS_PER_WORKER else f"~c{self.chunks_per_worker}"
        interpreter = f"!{self.interpreter}" if self.interpreter else ""
        return f"{self.kernel}/{self.implementation}@{how}#{self.size}{chunks}{interpreter}"

    @property
    def how(self) -> str:
        """``processes.spawn.pickle.weak``: the executor with whatever is not the default."""
        parts = (self.start_method, self.transport, self.scaling, self.schedule, self.libraries)
        return ".".join([self.executor, *(part for part in parts if part not in _USUAL)])

    @property
    def aliases(self) -> tuple[str, ...]:
        """Ids by which earlier versions knew the case, where they differ."""
        if not self.libraries or not self.is_own:
            return ()
        name = self.implementation + _NAME_ENDS[self.libraries]
        return (self.id.replace(f"/{self.implementation}@{self.how}", f"/{name}@{self.how.removesuffix('.all')}"),)

    @property
    def is_own(self) -> bool:
        """Whether the kernel is made of the user's own functions: it is named by their targets."""
        return ":" in self.kernel

    @property
    def is_single(self) -> bool:
        """Whether one thread runs it without an executor, so that it is its own T(1)."""
        return self.executor == "serial" or (self.executor == "native" and self.workers == 1)

    @classmethod
    def parse(cls, text: str) -> Case:
        """Read a case id, also one of an earlier version.

        Raises
        ------
        UsageError
            If the text is no case id.
        """
        match = _CASE.fullmatch(text)
        if match is None:
            raise UsageError(f"{text!r} is no case: write it like nbody/cy_nogil@threads*2#M")
        part: dict[str, Any] = {name: found or "" for name, found in match.groupdict().items()}
        processes = part["executor"] == "processes"
        part["start_method"] = (part["start_method"] or DEFAULT_START_METHOD) if processes else ""
        part["transport"] = (part["transport"] or DEFAULT_TRANSPORT) if processes else ""
        chunks, workers = part.pop("chunks") or DEFAULT_CHUNKS_PER_WORKER, part.pop("workers") or 1
        if ":" in part["kernel"]:
            part |= _without_end(**part)
        return cls(**part, workers=int(workers), chunks_per_worker=int(chunks))

    @property
    def chunks(self) -> int:
        """Number of chunks per phase of one execution."""
        return self.chunks_per_worker if self.scaling == "weak" else self.workers * self.chunks_per_worker

    @property
    def copies(self) -> int:
        """How many times the work of T(1) the case does, each on buffers of its own: 1, or one per worker."""
        return self.workers if self.scaling == "weak" else 1

    @property
    def one_gil(self) -> bool:
        """Whether all workers live in the runner's own interpreter, whose GIL the probe reads."""
        return self.executor in ("serial", "threads", "native")

    @property
    def language(self) -> str:
        """What the variants that share one inner loop have in common: ``cy``; of the user's own functions the name and
        the threads of their libraries."""
        if self.is_own:
            return f"{self.implementation}.{self.libraries}" if self.libraries else self.implementation
        return self.implementation.split("_")[0]

    @property
    def by_tasks(self) -> bool:
        """Whether chunks are tasks, which the executor gives to whichever worker it likes, without a common start."""
        return self.executor in ("loky", "dask")

    @property
    def t1(self) -> Case:
        """The case that is T(1) of this one: ``native*1``, or serial with as many chunks per execution; serial is its
        own."""
        if self.executor == "serial":
            return self
        if self.executor == "native":
            return replace(self, workers=1)
        return replace(
            self,
            executor="serial",
            workers=1,
            chunks_per_worker=self.chunks,
            start_method="",
            transport="",
            scaling="",
            schedule="",
        )


def _without_end(implementation: str, executor: str, **_: str) -> dict[str, str]:
    """Return what an id means whose ``libraries`` 0.1.0 wrote at the end of the function's name."""
    meant = "native" if executor == "native" else "all"
    name = implementation.removesuffix(_NAME_ENDS[meant])
    return {"implementation": name, "libraries": meant} if name not in ("", implementation) else {}


def reserved(name: str) -> bool:
    """Whether the name of a user's function would be read as a spelling of version 0.1.0."""
    return name.endswith(tuple(_NAME_ENDS.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What a measuring verb was asked to do; every field after checking, none empty unless said.

    Parameters
    ----------
    size : str
        A size word, or empty: each implementation at its own default size.
    budget_s : float
        Seconds from the first timed round on; finite and positive.
    precision : float
        Stop when all intervals of speed-ups have half-widths below this fraction.
    functions : tuple of str
        The user's own functions, if that is what is measured: their targets, in the order of the implementations.
    interpreters : tuple of str
        Labels of the interpreters that are compared; empty: the running one, whose cases carry no label.
    scalings, schedules : tuple of str
        How the work grows with the workers, and who says which chunks are whose; several are measured side by side.
    pin : {"none", "cores", "smt"}
        Whether workers are bound to CPUs: one per core first, or all threads of a core first.
    dask_scheduler : str
        Address of a running Dask scheduler; empty: ``dask`` starts a cluster of its own on this machine.
    memory_limit_bytes : int
        What each measuring process may allocate; 0: no limit of ours.
    """

    kernels: tuple[str, ...]
    implementations: tuple[str, ...]
    executors: tuple[str, ...]
    workers: tuple[int, ...]
    size: str = ""
    budget_s: float = 60.0
    precision: float = 0.05
    chunks_per_worker: int = DEFAULT_CHUNKS_PER_WORKER
    start_methods: tuple[str, ...] = (DEFAULT_START_METHOD,)
    transports: tuple[str, ...] = (DEFAULT_TRANSPORT,)
    seed: int = 1
    functions: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    scalings: tuple[str, ...] = ("strong",)
    schedules: tuple[str, ...] = ("static",)
    pin: str = "none"
    dask_scheduler: str = ""
    memory_limit_bytes: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.budget_s) and self.budget_s > 0):
            raise UsageError(f"budget {self.budget_s!r} must be above zero: write it like 60, 60s or 2m")
        if not 0 < self.precision < 1:
            raise UsageError(f"precision {self.precision!r} must lie between 0 and 100 %: write it like 5%")
        if not self.workers or min(self.workers) < 1:
            raise UsageError("workers must be 1 or more: write them like 1,2,4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One place in a block: a case in a role.

    ``case`` is measured for its own sake (or as T(1)); ``spin``, ``isolated`` and ``A/A`` are controls.
    """

    case: Case
    role: Literal["case", "spin", "isolated", "A/A"] = "case"

    @property
    def key(self) -> str:
        """Name of the slot within its block and in the result file."""
        return self.case.id if self.role == "case" else f"{self.role}:{self.case.id}"

    @property
    def aliases(self) -> tuple[str, ...]:
        """What earlier versions called it, where that differs."""
        return tuple(self.key.removesuffix(self.case.id) + alias for alias in self.case.aliases)

    @property
    def session(self) -> str:
        """What is made ready to measure it: the case whatever the role, except that ``isolated`` has its own."""
        return self.key if self.role == "isolated" else self.case.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The slots that share blocks: all cases of one kernel with their baselines and controls."""

    kernel: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """A case that was asked for and cannot be measured here, with the reason and the cure."""

    case: Case
    reason: str
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be measured, in which blocks, and what cannot be."""

    groups: tuple[Group, ...]
    unavailable: tuple[Unavailable, ...]
