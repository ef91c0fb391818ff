"""What workers cost: creating and joining N of each kind in a fresh process, and the memory of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast

from gilscope import executors
from gilscope.core.errors import UsageError
from gilscope.core.memory import PSS_REASON
from gilscope.core.registry import START_METHODS, is_engine
from gilscope.core.spec import Availability, Impl
from gilscope.measure.events import Observer
from gilscope.stats import Estimate, estimate_or_none
from gilscope.studies.codec import Positive, decode
from gilscope.studies.document import Envelope, StudyRow
from gilscope.studies.host import StudyHost
from gilscope.studies.interleave import interleave
from gilscope.studies.record import Kind, StudyLog

KINDS = ("threads", "interpreters", *START_METHODS, "loky", "dask")
"""Executors, ``processes`` by start method."""

RUNNER = "gilscope.studies._startup_runner"
TIMEOUT_S = 120.0  # a Dask cluster of 64 workers on a slow disk, with room
_NOT_OURS = "which processes an engine that is not ours starts is unknown"
_TIMES = ("import_s", "create_s", "join_s", "total_s", "again_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupRequest:
    """What ``gilscope startup`` was asked, after checking."""

    kinds: tuple[str, ...] = KINDS
    workers: Positive = 2
    budget_s: float = 60.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError("workers must be 1 or more: write them like 4")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupSample:
    """What the runner measured once: seconds, and bytes per worker where the system tells."""

    import_s: float
    create_s: float
    join_s: float
    total_s: float
    again_s: float
    pss_bytes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupRow(StudyRow):
    """What workers of one kind cost: importing the library, creating, joining, both, both again; memory of each."""

    workers: Positive
    import_s: Estimate | None
    create_s: Estimate | None
    join_s: Estimate | None
    total_s: Estimate | None
    again_s: Estimate | None
    pss_bytes: Estimate | None
    pss_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupDocument(Envelope):
    """What ``gilscope startup`` found."""

    study: Literal["startup"] = "startup"
    asked: StartupRequest
    rows: tuple[StartupRow, ...]


StartupLog: TypeAlias = StudyLog[StartupRequest, StartupRow, None, StartupSample]


def availability(kind: str) -> Availability:
    """Return whether workers of a kind can be started here, without starting any."""
    executor, method = ("processes", kind) if kind in START_METHODS else (kind, "")
    return executors.availability(executor, Impl(name="py_loop", target="", gil="held"), method)


def usable(request: StartupRequest) -> Mapping[str, Availability]:
    """Return which kinds of workers can be started here; UsageError if none can."""
    here = {kind: availability(kind) for kind in request.kinds}
    if not any(found.ok for found in here.values()):
        raise UsageError("nothing of this is here: " + "; ".join(f"{k}: {a.reason}" for k, a in here.items()))
    return here


def measure(
    request: StartupRequest, here: Mapping[str, Availability], host: StudyHost, log: StartupLog, observer: Observer
) -> None:
    """Start and end workers of every kind that is ``usable``, block after block, each time in a fresh process."""
    for kind in request.kinds:
        before = log.record.items.get(kind)
        if before is None or not here[kind].ok or before.row.status == "unavailable":
            log.put(kind, _row(request, kind, here[kind]))

    def take(kind: str) -> StartupSample:
        reply = host.call(kind, {"kind": kind, "workers": request.workers}, TIMEOUT_S)
        host.end(kind)  # one that failed is gone already
        return cast(StartupSample, decode(StartupSample, reply))

    kinds = [kind for kind in request.kinds if here[kind].ok]
    interleave("startup", kinds, take, log, budget_s=request.budget_s, seed=request.seed, observer=observer)


def _row(request: StartupRequest, kind: str, here: Availability) -> StartupRow:
    """Return the row of a kind before anything is measured."""
    figures: dict[str, Any] = dict.fromkeys((*_TIMES, "pss_bytes"))
    processes = kind in START_METHODS
    return StartupRow(
        label=f"processes/{kind}" if processes else kind,
        executor="processes" if processes else kind,
        start_method=kind if processes else "",  # type: ignore[arg-type]
        status="ok" if here.ok else "unavailable",
        reason=here.reason,
        cure=here.cure,
        workers=request.workers,
        pss_reason="",
        **figures,
    )


def _measured(row: StartupRow, samples: Sequence[StartupSample], _: object) -> StartupRow:
    """Return a row with its figures: medians over blocks."""
    times: dict[str, Any] = {name: estimate_or_none([getattr(one, name) for one in samples]) for name in _TIMES}
    memory = [sample.pss_bytes for sample in samples if sample.pss_bytes is not None]
    reason = (_NOT_OURS if is_engine(row.executor) else PSS_REASON) if samples and not memory else ""
    return replace(row, **times, pss_bytes=estimate_or_none(memory), pss_reason=reason)


STARTUP: Kind[StartupRequest, StartupRow, None, StartupSample] = Kind(
    name="startup",
    request=StartupRequest,
    row=StartupRow,
    plan=None,
    sample=StartupSample,
    document_type=StartupDocument,
    measured=_measured,
)
