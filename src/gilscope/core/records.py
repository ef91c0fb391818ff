"""What was measured: stamps, rounds, blocks, cases, results. Integers in ns of one machine-wide monotonic clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from gilscope.core.cases import Case
from gilscope.core.pages import Pages
from gilscope.core.spec import GilUse, Work

Status: TypeAlias = Literal["ok", "unavailable", "wrong_result", "failed", "timeout", "too_noisy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What one worker did in one round."""

    submit_ns: int  # when the parent handed out the work
    start_ns: int  # release from the start barrier
    end_ns: int  # end of the last chunk
    waiting_ns: int = 0  # sum over the inner barriers of (last arrival - own arrival): waiting for others
    waking_ns: int = 0  # sum over the inner barriers of (own release - last arrival): the price of the barrier
    cpu_ns: int = 0  # of the worker's thread between start and end
    run_queue_ns: int | None = None  # runnable without running, between submit and end; None: the system does not tell
    received_ns: int = 0  # when the parent had the worker's answer
    gathering_ns: int = 0  # from the worker's arrival at the start barrier to its release; 0 where there is none
    cpu: int | None = None  # number of the CPU it ended on; None: unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One timed execution of a case: the kernel ``repeats`` times; sums are over the workers.

    ``stamps``: one per worker; a single one for ``native``, whose threads are not ours to stamp. Read from a file, a
    round of more than 16 workers has 16 quantiles of each field instead. ``net_ns``: the length without what other
    programs took. Every worker's virtual clock leaves out its queueing for a CPU and the steal that is certain, and
    barriers hand on the latest. None where a worker's is not known.
    """

    repeats: int
    start_ns: int  # common start
    end_ns: int  # the last worker's end plus the time to combine the partials
    combine_ns: int = 0  # of that, combining partials in the parent
    stamps: tuple[Stamp, ...] = ()
    steal_ns: int | None = None  # what the hypervisor took from the machine meanwhile, all CPUs together
    throttled_ns: int | None = None  # how long the cgroup's CPU quota stopped this program's threads, summed over CPUs
    process_cpu_ns: int | None = None  # of the process that handed out the work, all its threads together
    net_ns: int | None = None
    stolen_ns: int | None = None  # sum of the steal that is certain
    minor_faults: int | None = None  # sum of the page faults without input or output
    switches: int | None = None  # sum of how often workers gave up their CPU of their own accord
    system_ns: int | None = None  # sum of the CPU time in the kernel
    # What ``measure.steady`` took out: of stamps CPU time of slow CPUs and waiting for those there; of the net length.
    slowed_ns: int = 0
    awaited_ns: int = 0
    earlier_ns: int = 0

    @property
    def wall_ns(self) -> int:
        """T(p) of the whole round."""
        return self.end_ns - self.start_ns

    @property
    def running_ns(self) -> int:
        """CPU time of the workers as it was, on CPUs however slow."""
        return sum(stamp.cpu_ns for stamp in self.stamps) + self.slowed_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast one CPU ran a T(1) for a moment: a short round of it there, beside a round of several workers."""

    case: Case  # the T(1)
    cpu: int
    at_ns: int  # the middle of the round
    cpu_ns: float  # CPU time of one execution


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One counted round of every slot of a group, taken in the same seconds. The unit of statistics.

    ``rounds`` maps slot keys to rounds in the order they were measured; a slot that failed in this block is missing.
    ``paces`` are those of the CPUs between these rounds.
    """

    kernel: str
    index: int
    started_ns: int
    ended_ns: int
    rounds: Mapping[str, Round]
    paces: tuple[Pace, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """Everything about one case that is not a round.

    ``reason`` is empty for ``ok``, otherwise one line of what happened; ``detail`` is a worker's traceback or last
    output. ``one_time_ns`` has ``start`` (workers), ``import`` (module of the implementation), ``jit`` (compile or load
    from the cache) and ``transfer`` (inputs), each of the slowest worker, absent when not applicable. ``isa`` is the
    instruction set the implementation was compiled for, e.g. ``avx512`` or ``x86-64-v3``; empty when not compiled.
    """

    case: Case
    status: Status = "ok"
    reason: str = ""
    cure: str = ""
    detail: str = ""
    repeats: int = 0  # executions per round, calibrated on T(1); 0 when never measured
    first_ns: int = 0  # the cold, uncounted round in which the answer was verified: one execution
    work: Work | None = None
    one_time_ns: Mapping[str, int] = field(default_factory=dict)
    jit_cache: Literal["cold", "cached", "none"] = "none"
    isa: str = ""
    family: str = ""  # the runner it was measured in
    python: str = ""  # version of the interpreter that measured it; empty where nothing was measured
    gil_enabled: bool | None = None  # in the workers after all their imports
    gil_reason: str = ""  # on a free-threaded build with the GIL: what switched it on
    gil: GilUse | None = None  # None where it was not recorded
    placed: tuple[Mapping[str, Any], ...] = ()  # per worker: address and clock in a cluster, CPUs if pinned
    pages: Pages = ""  # that its buffers lie on, as the parent has them; empty where they are small, or unknown
    pss_bytes: int | None = None  # of all its processes once it has run, if they are as many as its workers need


Environment: TypeAlias = Mapping[str, Any]
"""JSON-able properties of machine, limits, interpreter and libraries; made by ``gilscope.env.capture``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSet:
    """A result file in memory; ``cases`` is in its order, a later line about a case replacing an earlier one."""

    path: str
    tool_version: str
    study: Mapping[str, Any]  # the last one requested: fields of cases.Study
    environment: Environment
    cases: Mapping[str, CaseRecord]
    blocks: tuple[Block, ...]
    diagnostics: tuple[Mapping[str, Any], ...] = ()  # as they were written
    resumed: tuple[Mapping[str, Any], ...] = ()  # per --resume: study, environment and tool_version of that part
    warnings: tuple[str, ...] = ()  # what was wrong with the file but could be repaired, e.g. a torn last line
