"""One row per case and per control: what is known about each, estimates and findings included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from gilscope.analysis.factors import Factors
from gilscope.analysis.findings import Finding
from gilscope.analysis.gil import GilActivity
from gilscope.analysis.net import Basis
from gilscope.analysis.predict.model import WORKERS, Demands, Limit, Prediction, limit, predict
from gilscope.core.cases import Case
from gilscope.core.records import Status
from gilscope.core.registry import EXECUTORS, IMPLEMENTATIONS
from gilscope.stats import Estimate

Role: TypeAlias = Literal["spin", "isolated", "A/A"]

MEASURED = ("ok", "too_noisy")
"""Statuses with rounds; ``too_noisy`` refers to the speed-up, not to the rate."""

UNEXPLAINED = 0.03
"""Share of workers x wall up to which blocked and residual together need no mention."""

WORTH_SHOWING = 0.02
"""Smallest loss that is shown by itself: smaller ones are within the scatter of a quiet machine's rounds."""

_ABOUT_BLOCKED = frozenset({"gil_or_lock", "lock_bound", "too_noisy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Estimate):
    """A rate with what is counted."""

    unit: str  # what is counted, per second


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where one worker is, as far as it is known."""

    worker: str | None = None  # address of a worker of a cluster
    process: int | None = None  # id of its process, of an engine that is not ours
    cpu: int | None = None  # that it is bound to
    node: int | None = None  # that CPU's NUMA node
    siblings: tuple[int, ...] | None = None  # CPUs on the same core
    clock_offset_ns: int | None = None  # of the worker's clock against this machine's
    clock_error_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the controls reached with as many workers, and the shortfall split by them.

    Parameters
    ----------
    spin, isolated : Estimate or None
        Speed-ups of the controls; the second without waiting for the slowest copy.
    isolated_of : Case or None
        The case whose ``isolated`` control it is.
    machine, memory, software, below_spin : Estimate or None
        Fractions of the workers lost at each step, means over the blocks; the last is ``memory`` and ``software``
        together.
    inflation_machine, inflation_memory, inflation_software : Estimate or None
        The loss ``inflation`` split the same way.
    """

    spin: Estimate | None = None
    isolated: Estimate | None = None
    isolated_of: Case | None = None
    machine: Estimate | None = None
    memory: Estimate | None = None
    software: Estimate | None = None
    below_spin: Estimate | None = None
    inflation_machine: Estimate | None = None
    inflation_memory: Estimate | None = None
    inflation_software: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRow:
    """What cases and controls have in common.

    Parameters
    ----------
    interpreter : str
        Label of the interpreter, also where the case names none.
    reason, cure : str
        Why it is not ``ok``, and the fix.
    blocks : int
        Blocks in which it was measured.
    repeats : int
        Executions per round.
    wall_s : Estimate or None
        Seconds of one execution.
    rate : Rate or None
        Work units per second.
    speedup : Estimate or None
        T(1) over T(p), times the copies of the work; of ``A/A`` the first of two equal rounds over the second.
    net_speedup : Estimate or None
        The speed-up without what other programs took: that of ``basis``. None where the rounds of the case or those of
        its control do not tell.
    efficiency : Estimate or None
        Speed-up over the workers.
    relative_efficiency : Estimate or None
        Speed-up over that of the spin control in the same block.
    vs_fastest_serial : Estimate or None
        Rate over that of the fastest implementation on one thread.
    over_subscribed : bool
        Whether there are more workers than usable CPUs.
    isa : str
        Instruction set it was compiled for.
    """

    case: Case
    interpreter: str
    status: Status = "ok"
    reason: str = ""
    cure: str = ""
    blocks: int = 0
    repeats: int = 0
    wall_s: Estimate | None = None
    rate: Rate | None = None
    speedup: Estimate | None = None
    net_speedup: Estimate | None = None
    efficiency: Estimate | None = None
    relative_efficiency: Estimate | None = None
    vs_fastest_serial: Estimate | None = None
    over_subscribed: bool = False
    isa: str = ""

    @property
    def judged(self) -> Estimate | None:
        """The speed-up that decisions go by: net, or as timed where net is not known."""
        return self.net_speedup or self.speedup

    @property
    def why(self) -> str:
        """Reason and fix in one line; empty where nothing is wrong."""
        return "; ".join(part for part in (self.reason, self.cure) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow(MeasuredRow):
    """One case that was asked for, or its T(1).

    Parameters
    ----------
    detail : str
        A worker's traceback or last output.
    one_time_s : mapping of str to float
        Costs paid once, where they apply: start, import, jit, transfer; seconds.
    placed : tuple of Placement
        Per worker, where known, where it is.
    pss_bytes : int or None
        Memory of all its processes together, pages that several share counted once (proportional set size).
    python : str
        Version of the interpreter that measured it.
    holds_gil : bool
        Whether the implementation computes while it holds the GIL, if there is one.
    net_vs_fastest_serial : Estimate or None
        ``vs_fastest_serial`` without what other programs took, where that is known of every case of the kernel.
    kept_memory_speedup : Estimate or None
        Of a case whose malloc keeps what is freed, how much faster it is than the same case without.
    losses : mapping of str to Estimate or None, or None
        Fractions of workers x wall, means over the blocks: they add up to 1 - mean efficiency. None for T(1) and
        without stamps; a loss of None does not apply or was not measured.
    factors : Factors or None
        The efficiency as a product. None on one worker and without a speed-up.
    demands : Demands or str
        What one worker needs of what all share, or why nothing can be predicted.
    findings : tuple of Finding
        The largest loss first.
    """

    detail: str = ""
    one_time_s: Mapping[str, float] = field(default_factory=dict)
    jit_cache: Literal["cold", "cached", "none"] = "none"
    placed: tuple[Placement, ...] = ()
    pss_bytes: int | None = None
    python: str = ""
    gil: GilActivity
    holds_gil: bool = False
    net_vs_fastest_serial: Estimate | None = None
    kept_memory_speedup: Estimate | None = None
    losses: Mapping[str, Estimate | None] | None = None
    factors: Factors | None = None
    demands: Demands | str = ""
    ceiling: Limits | None = None
    basis: Basis = field(default_factory=Basis)
    findings: tuple[Finding, ...] = ()

    @property
    def predictions(self) -> tuple[Prediction, ...] | None:
        """Speed-ups with more workers; None where nothing can be predicted."""
        return predict(self.demands, WORKERS) if isinstance(self.demands, Demands) else None

    @property
    def prediction_reason(self) -> str:
        """Why nothing can be predicted; empty where something is."""
        return "" if isinstance(self.demands, Demands) else self.demands

    @property
    def limit(self) -> Limit | None:
        """The speed-up that no number of workers exceeds, as far as is known; not below what was measured.

        That of a parent is for calls one by one, which is not how they were measured.
        """
        found, seen = limit(self.demands) if isinstance(self.demands, Demands) else None, self.judged
        if found is None or seen is None or found.bound_by == "parent":
            return found
        most = found.speedup
        value, high = max(most.value, seen.low), max(most.high, seen.high)
        return replace(found, speedup=replace(most, value=value, high=high))

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the findings."""
        return tuple(found.code for found in self.findings)

    @property
    def causes(self) -> tuple[str, ...]:
        """Codes of what stops it: all findings but ``scales``."""
        return tuple(code for code in self.codes if code != "scales")

    @property
    def largest_loss(self) -> tuple[str, Estimate] | None:
        """Name and size of the largest loss with a cause; None where it is not certain or not worth showing."""
        losses = (self.losses or {}).items()
        known = [(name, lost) for name, lost in losses if lost is not None and name != "residual"]
        largest = max(known, key=lambda pair: pair[1].value, default=None)
        return largest if largest and largest[1].value >= WORTH_SHOWING and largest[1].low > 0 else None

    @property
    def unexplained(self) -> float | None:
        """Share blocked or left over, where that is more than code that neither locks nor sleeps should have and no
        finding is about it; time blocked counts only where it is not time waiting for the GIL."""
        losses = self.losses or {}
        blocked, residual = losses.get("blocked"), losses.get("residual")
        known = self.case.executor != "threads" or self.gil.available or not self.with_gil
        if blocked is None or residual is None or not known or not _ABOUT_BLOCKED.isdisjoint(self.codes):
            return None
        share = abs(blocked.value) + abs(residual.value)
        return share if share > UNEXPLAINED and blocked.low > 0 else None

    @property
    def with_gil(self) -> bool:
        """Whether it was measured with a GIL, as far as is known."""
        return self.gil.enabled is not False

    @property
    def order(self) -> tuple[Any, ...]:
        """Sort key of tables; names of the registries first."""
        case = self.case
        return (
            place(case.implementation, IMPLEMENTATIONS),
            case.libraries,
            case.memory,
            place(case.executor, EXECUTORS),
            case.how,
            case.workers,
            case.size,
            case.chunks_per_worker,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRow(MeasuredRow):
    """One control: what the machine could give in the seconds of a kernel's blocks."""

    role: Role
    of: str  # the kernel it shared blocks with


def is_measured(row: CaseRow) -> bool:
    """Whether a row has a rate."""
    return row.status in MEASURED and row.rate is not None


def table_order(rows: Iterable[CaseRow]) -> Iterator[CaseRow]:
    """Yield the rows of a kernel in the order of its table.

    A serial case exists once per number of chunks, as T(1) of so many workers; of those that went well and differ only
    in that, the one with the fewest chunks represents all.
    """
    serial: set[Case] = set()
    for row in sorted(rows, key=lambda row: row.order):
        key = replace(row.case, chunks_per_worker=1)
        repeated = row.case.executor == "serial" and row.status == "ok"
        if not repeated or key not in serial:
            yield row
        if repeated:
            serial.add(key)


def place(name: str, known: Sequence[str]) -> tuple[int, str]:
    """Return a sort key: names of a registry in its order, then others by name."""
    return (known.index(name) if name in known else len(known), name)
