"""The types of ``gilscope ipc``, and how rows are made of samples."""

import importlib.util
import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from gilscope.core.errors import UsageError
from gilscope.core.registry import START_METHODS
from gilscope.stats import Estimate, estimate_or_none
from gilscope.studies._ipc_job import STAGES, Stage
from gilscope.studies.codec import Count, Positive, Seconds
from gilscope.studies.document import Envelope, StudyRow
from gilscope.studies.record import Kind, StudyLog

__all__ = ["DEFAULT_SIZES", "IPC", "STAGES", "IpcDocument", "IpcLog", "IpcPlan", "IpcRequest", "IpcRow", "IpcSample",
           "JobRow", "JobTimes", "Passage", "Stage", "TransferRow"]  # fmt: skip

DEFAULT_SIZES = (1 << 10, 1 << 15, 1 << 20, 1 << 25, 1 << 30)


def _imported() -> str:
    return "numpy" if importlib.util.find_spec("numpy") is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IpcRequest:
    """What ``gilscope ipc`` was asked, after checking."""

    sizes: tuple[int, ...] = DEFAULT_SIZES  # bytes, increasing
    start_methods: tuple[str, ...] = START_METHODS
    budget_s: float = 60.0
    seed: int = 1
    workers: int = 2  # one sends, one receives
    job_bytes: Positive = 1 << 23  # payload
    job_imports: str = field(default_factory=_imported)  # the module that its process imports; empty: none

    def __post_init__(self) -> None:
        if not self.sizes or min(self.sizes) < 1:
            raise UsageError("sizes must be 1 byte or more: write them like 1KiB,1MiB,1GiB")
        if list(self.sizes) != sorted(set(self.sizes)):
            raise UsageError("sizes must increase: write them like 1KiB,1MiB,1GiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class IpcPlan:
    """How a row is measured: transfers per round, and what a round costs with all that is not timed, in seconds."""

    transfers: Positive
    cost_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One round of transfers: the median, in seconds."""

    seconds: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTimes:
    """One job: what each stage took, and all of them, in seconds."""

    stages_s: Mapping[Stage, float]
    total_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRow(StudyRow):
    """What moving a payload through a channel costs; no bandwidth where nothing is copied."""

    kind: Literal["latency", "transfer"]
    channel: str
    bytes: Count
    seconds: Estimate | None
    bandwidth_bytes_per_s: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow(StudyRow):
    """What one job in a process started for it costs, stage by stage."""

    kind: Literal["job"]
    bytes: Count
    stages_s: Mapping[Stage, Estimate | None]
    total_s: Estimate | None


IpcRow: TypeAlias = TransferRow | JobRow
IpcSample: TypeAlias = Passage | JobTimes
IpcLog: TypeAlias = StudyLog[IpcRequest, IpcRow, IpcPlan, IpcSample]


@dataclass(frozen=True, slots=True, kw_only=True)
class IpcDocument(Envelope):
    """What ``gilscope ipc`` found."""

    study: Literal["ipc"] = "ipc"
    asked: IpcRequest
    rows: tuple[IpcRow, ...]


def _measured(row: IpcRow, samples: Sequence[IpcSample], _: object) -> IpcRow:
    """Return a row with its figures: medians over blocks."""
    if isinstance(row, JobRow):
        jobs = [sample for sample in samples if isinstance(sample, JobTimes)]
        stages = {stage: estimate_or_none([job.stages_s[stage] for job in jobs]) for stage in STAGES}
        return replace(row, stages_s=stages, total_s=estimate_or_none([job.total_s for job in jobs]))
    seconds = [sample.seconds for sample in samples if isinstance(sample, Passage)]
    copied = row.kind == "transfer" and row.executor != "threads"
    bandwidth = estimate_or_none([row.bytes / each for each in seconds]) if copied else None
    return replace(row, seconds=estimate_or_none(seconds), bandwidth_bytes_per_s=bandwidth)


def _notes(request: IpcRequest) -> tuple[str, ...]:
    imports = f"imports {request.job_imports}" if request.job_imports else "imports nothing more"
    started = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    return (
        f"the receiving process was started by {started} before",
        f"a job {imports}, is given {request.job_bytes >> 20} MiB and returns their checksum",
    )


IPC: Kind[IpcRequest, IpcRow, IpcPlan, IpcSample] = Kind(
    name="ipc",
    request=IpcRequest,
    row=IpcRow,
    plan=IpcPlan,
    sample=IpcSample,
    document_type=IpcDocument,
    measured=_measured,
    notes=_notes,
)
