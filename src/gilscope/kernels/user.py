"""The user's own functions as a kernel: one call is one task, several functions are its implementations.

A request becomes *definitions* (see ``_calls.py``), which travel as JSON; only runners and workers import the user's
code. A runner examines each function first (``runner/examine.py``), which decides the number of tasks and what is worth
measuring.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from gilscope import kernels
from gilscope.core.cases import DEFAULT_CHUNKS_PER_WORKER
from gilscope.core.spec import Impl, KernelSpec, Work
from gilscope.kernels._calls import Calls

DEFAULT_TIMEOUT_S = 60.0
"""A function whose call, with its import and set-up, takes longer than this is taken to run forever."""

_EXECUTION_SHARE = 0.275
"""Of a round, for one execution: two of T(1) for two workers then fill a round without much overshoot, and the barrier
at the end of each, 50 to 100 us, is 0.2 % of 55 ms."""

_HELD = 0.9  # share of the time from which a function counts as holding the GIL
_FAULTING = 0.1  # share of the time from which page faults are worth avoiding
_BUSY = 1.25  # ratio of CPU times from which a call has threads of its own
PRINTS_BYTES = 512  # per call; a line now and then does not matter

_TRAVELLING = ("folder", "path", "arguments", "packed", "setup", "items", "check")
_UNSAFE = re.compile(r"[^\w.:/\-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One of the functions to compare: ``target`` is ``pkg.module:function``, or its name where ``code`` is given.

    ``code`` is the function itself, where it cannot be imported (see ``_byvalue``).
    """

    name: str
    target: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to call and with what; ``setup``, ``items`` and ``check`` are targets or empty."""

    functions: tuple[Function, ...]
    folder: str  # absolute: searched for modules first
    arguments: str = "((), {})"  # a Python literal: (positional tuple, named dict)
    packed: str = ""  # arguments that are not literals, and items: pickled, in base64, read by runners and workers only
    path: str = ""  # more folders to search, separated as in PATH
    setup: str = ""  # makes the arguments
    items: str = ""  # what the function is mapped over
    check: str = ""  # judges a result
    flops: int = 0  # of one call; 0: not counted
    nbytes: int = 0  # that one call moves between memory and caches; 0: not counted
    fresh: tuple[str, ...] = ()  # names of functions that change their arguments: each call gets a copy of them

    @property
    def kernel(self) -> str:
        """Name of the kernel in case ids: the targets."""
        return "-".join(_UNSAFE.sub("_", function.target) for function in self.functions)

    def definition(self, function: Function) -> dict[str, str]:
        """Return what a worker makes the chunked function from."""
        own = {"target": function.target, "code": function.code, "fresh": "1" if function.name in self.fresh else ""}
        return own | {name: getattr(self, name) for name in _TRAVELLING}

    def to_config(self) -> dict[str, Any]:
        """Return what a runner is started with; JSON-able."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Request:
        """Read ``to_config``."""
        functions = tuple(Function(**entry) for entry in config["functions"])
        return cls(**{**config, "functions": functions, "fresh": tuple(config["fresh"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a runner found out about a function."""

    problem: str = ""  # if not empty, why it cannot be measured; then nothing else is known
    detail: str = ""
    status: Literal["ok", "failed", "refused", "timeout"] = "ok"  # refused: there is no such function
    call_s: float = 0.0  # warm
    empty_s: float = 0.0  # the same for a function that does nothing
    items: int = 0  # length of what it is mapped over; 0 without
    held: float | None = None  # share of the time it holds the GIL; None without a probe
    peak_bytes: int = 0  # by how much the first call made the process grow
    printed_bytes: int = 0  # by one call, as the next
    complained_bytes: int = 0
    moves: bool = False
    copied: bool = False  # calls change their arguments, so each is given a copy of them
    busy: float = 1.0  # CPUs that calls keep busy, libraries limited to one thread, without threads that a call starts
    busy_whole: float = 0.0  # the same without that limit; 0 if not measured
    fresh: float | None = None  # a call with arguments as at first and an empty cache over a later one; None: no state
    growth: float | None = None  # size of the pickled arguments after all calls over that after the first
    pools: tuple[str, ...] = ()  # of its libraries, e.g. openblas
    faults: float = 0.0  # page faults of a warm call
    fault_share: float = 0.0  # of its time, at most; both of the main thread or another, whichever suffers more
    source: str = ""  # of the function; empty where it has none
    source_file: str = ""  # relative to the folder of the request where it is in it
    source_line: int = 0  # of its first line; 0 where it is not known
    source_reason: str = ""  # why there is no source
    memory: str = ""  # how malloc can keep it (``Case.memory``); empty where that is impossible or not needed

    @property
    def own_threads(self) -> bool:
        """Whether its libraries run it on threads of their own."""
        return bool(self.pools) and self.busy_whole > _BUSY

    @property
    def unlimited(self) -> bool:
        """Whether it runs on threads that no limit of a library reaches: its own, or of an unknown runtime."""
        return self.busy > _BUSY

    @property
    def gives_back(self) -> bool:
        """Whether its calls spend much of their time on memory that malloc gave back between them."""
        return self.fault_share > _FAULTING

    def stored(self) -> dict[str, Any]:
        """Return what a result file keeps; JSON-able."""
        names = ("call_s", "empty_s", "held", "own_threads", "fresh", "growth", "faults", "fault_share")
        kept = {name: getattr(self, name) for name in names} | {"pools": list(self.pools)}
        optional = ("items", "source", "source_file", "source_line", "source_reason")
        return kept | {name: value for name in optional if (value := getattr(self, name))}


class _TaskCounts(dict[str, Mapping[str, int]]):
    """Sizes are numbers of tasks: every number is a size."""

    def __missing__(self, size: str) -> Mapping[str, int]:
        if not size.isdecimal() or int(size) < 1:
            raise KeyError(size)
        return {"tasks": int(size)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """How many tasks a case of each implementation does: per worker (weak scaling) or altogether (strong)."""

    per_worker: Mapping[str, int] = field(default_factory=dict)
    fixed: Mapping[str, int] = field(default_factory=dict)

    def size_for(self, implementation: str, workers: int) -> str:
        """Return the size word of a case."""
        return str(self.fixed.get(implementation) or self.per_worker.get(implementation, 1) * workers)


def adopt(request: Request, examined: Mapping[str, Examined] | None = None, tasks: Tasks | None = None) -> KernelSpec:
    """Make the kernel of a request known to this process, with what is known about its functions."""
    impls: list[Impl] = []
    for function in request.functions:
        found = (examined or {}).get(function.name)
        base = Impl(
            name=function.name,
            target="gilscope.kernels._calls:Calls",
            definition=request.definition(function),
            gil="released" if found and (found.held or 0.0) < _HELD else "held",
            size="1",
        )
        impls.append(base)
        if examined is None or (found and found.own_threads):
            impls.append(replace(base, target="gilscope.kernels.user:OneByOne", gil="own_threads"))
    spec = KernelSpec(
        name=request.kernel,
        summary=", ".join(function.target for function in request.functions),
        regime="your own",
        sizes=_TaskCounts({"1": {"tasks": 1}}),
        extent=lambda params: params["tasks"],
        work=lambda params, result: _work(request, params["tasks"]),
        combine=lambda params, partials: next((partial for partial in partials if partial), None),
        check=lambda params, buffers, result: result,
        impls=tuple(impls),
        size_for=(tasks or Tasks()).size_for,
    )
    kernels.adopt(spec)
    return spec


def _work(request: Request, tasks: int) -> Work:
    return Work(units=tasks, unit="tasks", flops=tasks * request.flops, bytes=tasks * request.nbytes)


class OneByOne:
    """One call after the other, each on as many threads as its libraries use: what ``native`` measures."""

    def __init__(self, definition: Mapping[str, str]) -> None:
        self.calls = Calls(definition)
        self.dispatcher = self.calls.dispatcher

    def __call__(self, workers: int, params: Mapping[str, int], buffers: Any) -> str | None:
        return self.calls(0, 0, params["tasks"], params, buffers)


def choose_tasks(
    examined: Mapping[str, Examined],
    workers: Sequence[int],
    *,
    scaling: Literal["weak", "strong"],
    tasks: int | None,
    round_s: float,
) -> tuple[Tasks, int]:
    """Choose the number of tasks, unless it is given, from what a call takes; return it with the chunks per worker.

    An execution takes a worker about ``_EXECUTION_SHARE`` of a round of T(1), which lasts ``round_s`` seconds. A
    function that is mapped over items goes through all of them, long and short.
    """
    execution_s = _EXECUTION_SHARE * round_s
    usable = {name: found for name, found in examined.items() if not found.problem}
    longest_s = max((found.call_s for found in usable.values()), default=0.0)
    mapped = any(found.items for found in usable.values())
    chunks = 1 if longest_s > execution_s / DEFAULT_CHUNKS_PER_WORKER and not mapped else DEFAULT_CHUNKS_PER_WORKER
    if tasks is not None:
        return Tasks(fixed=dict.fromkeys(examined, tasks)), chunks
    per_worker = {name: _per_worker(found, chunks, execution_s) for name, found in usable.items()}
    if scaling == "weak":
        return Tasks(per_worker=per_worker), chunks
    common = math.lcm(*workers)  # every worker count divides the tasks
    return Tasks(fixed={name: count * common for name, count in per_worker.items()}), chunks


def _per_worker(found: Examined, chunks: int, execution_s: float) -> int:
    wanted = max(1, math.ceil(execution_s / max(found.call_s, 1e-9)))
    step = found.items or chunks
    return -(-wanted // step) * step
