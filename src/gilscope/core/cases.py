"""Cases with their ids, the blocks they share, studies and plans.

A *case* is one implementation of one kernel under one executor with so many workers. Its id is its name on the command
line, in results and in output.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from gilscope.core.errors import UsageError
from gilscope.core.registry import is_engine

DEFAULT_CHUNKS_PER_WORKER = 4
DEFAULT_START_METHOD = "forkserver"
DEFAULT_TRANSPORT = "shm"

_DEFAULT_PARTS = ("", DEFAULT_START_METHOD, DEFAULT_TRANSPORT, "native")  # ids leave them out
_SUFFIXES = {"native": "_own_threads", "all": "_nested"}  # version 0.1.0 had these in place of ``libraries``

_CASE = re.compile(
    r"(?P<kernel>[\w.:/\-]+)/(?P<implementation>\w+)@(?P<executor>[a-z]+|futures:[A-Za-z_]\w*(?:(?:\.\w+)*:\w+)?)"
    r"(?:\.(?P<start_method>fork|forkserver|spawn))?(?:\.(?P<transport>shm|pickle))?"
    r"(?:\.(?P<scaling>weak))?(?:\.(?P<schedule>dynamic))?(?:\.(?P<libraries>all))?(?:\.(?P<memory>kept|onearena))?"
    r"(?:\*(?P<workers>\d{1,18}))?#(?P<size>\w+)(?:~c(?P<chunks>\d{1,18}))?(?:!(?P<interpreter>[\w.+\-]+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """kernel x implementation x executor x workers x size x interpreter.

    ``start_method`` and ``transport`` are empty except for ``processes``. ``scaling`` is ``weak`` where every worker
    does the whole work on its own buffers, else empty. ``schedule`` is ``dynamic`` where workers take chunks from a
    shared counter, else empty. ``libraries`` is the number of threads that the libraries behind the implementation
    (BLAS, OpenMP, Numba) use per worker: empty for one, ``all`` for one per CPU, and always ``native`` under that
    executor, whose workers are these threads. ``memory`` is ``kept`` where malloc keeps what is freed,
    ``onearena`` where also all threads share one arena (see ``memory.KEEPING``), else empty.
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
    memory: str = ""
    interpreter: str = ""

    def __post_init__(self) -> None:
        if (self.executor == "native") != (self.libraries == "native"):  # each implies the other
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
        """``processes.spawn.pickle.weak``: the executor and whatever is not the default."""
        parts = (self.start_method, self.transport, self.scaling, self.schedule, self.libraries, self.memory)
        return ".".join([self.executor, *(part for part in parts if part not in _DEFAULT_PARTS)])

    @property
    def aliases(self) -> tuple[str, ...]:
        """Ids of the case in earlier versions, where they differ."""
        if not self.libraries or not self.is_own or self.memory:
            return ()
        name = self.implementation + _SUFFIXES[self.libraries]
        return (self.id.replace(f"/{self.implementation}@{self.how}", f"/{name}@{self.how.removesuffix('.all')}"),)

    @property
    def is_own(self) -> bool:
        """Whether the kernel is the user's own functions; their targets name it."""
        return ":" in self.kernel

    @property
    def is_single(self) -> bool:
        """Whether one thread runs it without an executor, so that it is its own T(1)."""
        return self.executor == "serial" or (self.executor == "native" and self.workers == 1)

    @classmethod
    def parse(cls, text: str) -> Case:
        """Read a case id of this version or an earlier one. Raises UsageError for anything else."""
        match = _CASE.fullmatch(text)
        if match is None:
            raise UsageError(f"{text!r} is no case: write it like nbody/cy_nogil@threads*2#M")
        part: dict[str, Any] = {name: found or "" for name, found in match.groupdict().items()}
        processes = part["executor"] == "processes"
        part["start_method"] = (part["start_method"] or DEFAULT_START_METHOD) if processes else ""
        part["transport"] = (part["transport"] or DEFAULT_TRANSPORT) if processes else ""
        chunks, workers = part.pop("chunks") or DEFAULT_CHUNKS_PER_WORKER, part.pop("workers") or 1
        if ":" in part["kernel"]:
            part |= _without_suffix(**part)
        return cls(**part, workers=int(workers), chunks_per_worker=int(chunks))

    @property
    def chunks(self) -> int:
        """Number of chunks per phase of one execution."""
        return self.chunks_per_worker if self.scaling == "weak" else self.workers * self.chunks_per_worker

    @property
    def copies(self) -> int:
        """How many times it does the work of T(1), each on its own buffers: 1, or one per worker."""
        return self.workers if self.scaling == "weak" else 1

    @property
    def one_gil(self) -> bool:
        """Whether all workers are in the runner's own interpreter, whose GIL the probe reads."""
        return self.executor in ("serial", "threads", "native")

    @property
    def language(self) -> str:
        """What variants with the same inner loop share: ``cy``; for own functions, name, library threads and memory."""
        if self.is_own:
            return ".".join(filter(None, (self.implementation, self.libraries, self.memory)))
        return self.implementation.split("_")[0]

    @property
    def by_tasks(self) -> bool:
        """Whether chunks are tasks, which the executor gives to any worker, without a common start."""
        return self.executor in ("loky", "dask") or is_engine(self.executor)

    @property
    def t1(self) -> Case:
        """The T(1) of this case: ``native*1``, or serial with as many chunks per execution."""
        if self.executor == "serial":
            return self
        if self.executor == "native":
            return replace(self, workers=1)
        empty: dict[str, Any] = dict.fromkeys(("start_method", "transport", "scaling", "schedule"), "")
        return replace(self, executor="serial", workers=1, chunks_per_worker=self.chunks, **empty)


def _without_suffix(implementation: str, executor: str, **_: str) -> dict[str, str]:
    """Return the fields that version 0.1.0 wrote as a suffix of the function's name."""
    libraries = "native" if executor == "native" else "all"
    name = implementation.removesuffix(_SUFFIXES[libraries])
    return {"implementation": name, "libraries": libraries} if name not in ("", implementation) else {}


def reserved(name: str) -> bool:
    """Whether the name of a user's function would be read as a spelling of version 0.1.0."""
    return name.endswith(tuple(_SUFFIXES.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What a measuring verb was asked to do, after checking; no field is empty unless stated."""

    kernels: tuple[str, ...]
    implementations: tuple[str, ...]
    executors: tuple[str, ...]
    workers: tuple[int, ...]
    size: str = ""  # empty: each implementation at its own default size
    budget_s: float = 60.0  # from the first timed round on; finite and positive
    precision: float = 0.05  # stop when the half-widths of all speed-up intervals are below this fraction
    chunks_per_worker: int = DEFAULT_CHUNKS_PER_WORKER
    start_methods: tuple[str, ...] = (DEFAULT_START_METHOD,)
    transports: tuple[str, ...] = (DEFAULT_TRANSPORT,)
    seed: int = 1
    functions: tuple[str, ...] = ()  # targets of the user's own, in the order of the implementations
    interpreters: tuple[str, ...] = ()  # labels of those compared; empty: the running one, whose cases have no label
    scalings: tuple[str, ...] = ("strong",)  # how the work grows with the workers
    schedules: tuple[str, ...] = ("static",)  # who assigns the chunks
    pin: str = "none"  # bind workers to CPUs: "cores", one per core first, or "smt", all threads of a core first
    dask_scheduler: str = ""  # address of a running Dask scheduler; empty: a local cluster
    memory_limit_bytes: int = 0  # what each measuring process may allocate; 0: no limit

    def __post_init__(self) -> None:
        if not (math.isfinite(self.budget_s) and self.budget_s > 0):
            raise UsageError(f"budget {self.budget_s!r} must be above zero: write it like 60, 60s or 2m")
        if not 0 < self.precision < 1:
            raise UsageError(f"precision {self.precision!r} must be between 0 and 100 %: write it like 5%")
        if not self.workers or min(self.workers) < 1:
            raise UsageError("workers must be 1 or more: write them like 1,2,4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One place in a block: a case in a role. ``spin``, ``isolated`` and ``A/A`` are controls."""

    case: Case
    role: Literal["case", "spin", "isolated", "A/A"] = "case"

    @property
    def key(self) -> str:
        """Name of the slot within its block and in the result file."""
        return self.case.id if self.role == "case" else f"{self.role}:{self.case.id}"

    @property
    def aliases(self) -> tuple[str, ...]:
        """Its keys in earlier versions, where they differ."""
        return tuple(self.key.removesuffix(self.case.id) + alias for alias in self.case.aliases)

    @property
    def session(self) -> str:
        """What is set up to measure it: the case in any role, except that ``isolated`` has its own."""
        return self.key if self.role == "isolated" else self.case.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The slots that share blocks: all cases of one kernel with their baselines and controls."""

    kernel: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """A requested case that cannot be measured here, with the reason and the fix."""

    case: Case
    reason: str
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be measured, in which blocks, and what cannot be."""

    groups: tuple[Group, ...]
    unavailable: tuple[Unavailable, ...]
