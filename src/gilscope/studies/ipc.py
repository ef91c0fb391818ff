"""What moving data costs: latency and bandwidth of every channel, and where the time of one job goes.

Payloads go one way, from a process (thread, interpreter) to another that was started before; the clock stops when the
receiver has all of it. Sizes that memory or budget cannot bear are left out, with the reason.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from gilscope import executors
from gilscope.core import clocks
from gilscope.core.errors import MeasurementError
from gilscope.core.memory import available_bytes
from gilscope.core.spec import Availability, Impl
from gilscope.measure.events import Observer
from gilscope.stats import MIN_BLOCKS
from gilscope.studies.codec import decode
from gilscope.studies.document import RowStatus
from gilscope.studies.host import StudyHost
from gilscope.studies.interleave import interleave
from gilscope.studies.ipc_rows import (
    IpcLog,
    IpcPlan,
    IpcRequest,
    IpcRow,
    IpcSample,
    JobTimes,
    Passage,
    TransferRow,
    job_row,
    transfer_row,
)

__all__ = ["CHANNELS", "RUNNER", "availability", "measure"]

CHANNELS: Mapping[str, tuple[str, str]] = {
    "pipe": ("pipe", "processes"),
    "socket_pair": ("socket pair", "processes"),
    "mp_queue": ("mp.Queue", "processes"),
    "mp_simple_queue": ("mp.SimpleQueue", "processes"),
    "pickle_in_band": ("pickle 5 in band", "processes"),
    "pickle_out_of_band": ("pickle 5 out of band", "processes"),
    "shared_memory": ("shared_memory", "processes"),
    "mapped_file": ("memory-mapped file", "processes"),
    "signal": ("signal", "processes"),
    "condition": ("mp.Condition", "processes"),
    "thread_queue": ("queue.SimpleQueue", "threads"),
    "interpreter_queue": ("interpreters' queue", "interpreters"),
}
"""Name -> (label, between what)."""

RUNNER = "gilscope.studies._ipc_runner"

_WITHOUT_PAYLOAD = ("signal", "condition")
_COPIES = 5  # of a payload at once, at most: ours, pickled, in the receiver's buffer as it grows, unpickled
_MEMORY_SHARE = 0.5  # of the free memory: the rest is for those who live here
_ROUND_S = 0.03  # of transfers; long enough for hundreds of small ones
_MOST_TRANSFERS = 1000
_ONE_SHARE = 0.25  # of the budget that six rounds of one size of one channel may take: there are many
_TRIED_S = 0.2  # a trial that took so long need not be repeated to know what a round costs
_TIMEOUT_S, _TIMEOUT_FACTOR = 60.0, 50.0


_Refusal: TypeAlias = tuple[RowStatus, str, str]
"""Status, reason and fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A row to be: a channel with a size, or a job under a start method."""

    kind: Literal["latency", "transfer", "job"]
    name: str  # of the channel, or the start method
    nbytes: int

    @property
    def key(self) -> str:
        return f"{self.name} {self.nbytes}" if self.kind == "transfer" else f"{self.name} {self.kind}"

    @property
    def row(self) -> IpcRow:
        """Return the row before anything is measured."""
        return job_row(self.name, self.nbytes) if self.kind == "job" else self._transfer

    @property
    def _transfer(self) -> TransferRow:
        label, between = CHANNELS[self.name]
        assert self.kind != "job"
        return transfer_row(self.kind, self.name, label, between, self.nbytes)


def availability(channel: str) -> Availability:
    """Tell whether a channel can be used here."""
    if channel == "interpreter_queue":
        return executors.availability("interpreters", Impl(name="py_loop", target="", gil="held"))
    if channel == "signal" and not hasattr(signal, "sigwait"):
        return Availability(ok=False, reason="this system has no signals one can wait for")
    return Availability(ok=True)


def measure(request: IpcRequest, host: StudyHost, log: IpcLog, observer: Observer) -> None:
    """Try every channel and size once, then measure what fits into the budget in blocks."""
    study = _Study(request, host, log, observer)
    study.try_all()
    items = study.fitting()
    interleave("ipc", items, study.take, log, budget_s=request.budget_s, seed=request.seed, observer=observer)


class _Study:
    """The state of one measurement."""

    def __init__(self, request: IpcRequest, host: StudyHost, log: IpcLog, observer: Observer) -> None:
        self._request, self._host, self._log, self._observer = request, host, log, observer
        self._cells = {cell.key: cell for cell in _cells(request)}
        self._plans = {key: item.plan for key, item in log.record.items.items() if item.plan is not None}
        for cell in self._cells.values():
            if cell.key not in log.record.items:
                log.put(cell.key, cell.row)

    # Trying -----------------------------------------------------------------------------------------------------------

    def try_all(self) -> None:
        """Do everything once: finds out what fails, how many transfers make a round, and what a round costs.

        What was found out before, and did not fail, is known.
        """
        if any(key not in self._plans for key in self._cells):
            self._observer.message("trying every channel with every size once")
        for key, cell in self._cells.items():
            if key in self._plans and self._status(key) not in ("failed", "timeout"):
                self._log.put(key, cell.row, self._plans[key])
                continue
            refused = self._reason_against(cell) or self._tried(cell)
            if refused is not None:
                self._log.put(key, replace(cell.row, status=refused[0], reason=refused[1], cure=refused[2]))

    def _status(self, key: str) -> RowStatus:
        return self._log.record.items[key].row.status

    def _refused(self, key: str) -> _Refusal | None:
        row = self._log.record.items[key].row
        return None if row.status == "ok" else (row.status, row.reason, row.cure)

    def _reason_against(self, cell: _Cell) -> _Refusal | None:
        """Return (status, reason, cure) if a cell need not be tried."""
        if cell.kind == "job":
            here = executors.availability("processes", Impl(name="py_loop", target="", gil="held"), cell.name)
            return None if here.ok else ("unavailable", here.reason, here.cure)
        here = availability(cell.name)
        if not here.ok:
            return "unavailable", here.reason, here.cure
        if (reason := _no_room(cell)) is not None:
            return reason
        smaller = [other for other in self._cells.values() if other.name == cell.name and other.nbytes < cell.nbytes]
        if smaller and cell.kind == "transfer":
            before = max(smaller, key=lambda other: other.nbytes)
            if (refused := self._refused(before.key)) is not None:
                return refused
            expected_s = self._plans[before.key].cost_s * cell.nbytes / max(before.nbytes, 1 << 20)
            if MIN_BLOCKS * expected_s > _ONE_SHARE * self._request.budget_s:
                return _too_dear()
        return None

    def _tried(self, cell: _Cell) -> _Refusal | None:
        """Do it once; return (status, reason, cure) if that fails."""
        transfers = 1
        try:
            sample, cost_s = self._timed(cell, transfers)
            if isinstance(sample, Passage):
                transfers = max(1, min(_MOST_TRANSFERS, int(_ROUND_S / max(sample.seconds, 1e-7))))
            if cell.kind == "job" or cost_s < _TRIED_S:  # the first job starts the fork server, too
                _, cost_s = self._timed(cell, transfers)
        except MeasurementError as error:
            return "failed", str(error), ""
        self._plans[cell.key] = IpcPlan(transfers=transfers, cost_s=cost_s)
        self._log.put(cell.key, cell.row, self._plans[cell.key])
        return None

    def _timed(self, cell: _Cell, transfers: int) -> tuple[IpcSample, float]:
        """Return a sample and what it took altogether, with making the payload and looking at what arrived."""
        before_ns = clocks.wall_ns()
        sample = self._sample(cell, transfers, 0.0)
        return sample, (clocks.wall_ns() - before_ns) / 1e9

    def fitting(self) -> list[str]:
        """Return what is measured: so much that six blocks of it fit; what is left out is the dearest."""
        live = [key for key in self._cells if self._refused(key) is None]
        while len(live) > 1 and MIN_BLOCKS * sum(self._plans[key].cost_s for key in live) > self._request.budget_s:
            dearest = max(live, key=lambda key: self._plans[key].cost_s)
            self._log.note(dearest, *_too_dear())
            live.remove(dearest)
        return live

    # Measuring --------------------------------------------------------------------------------------------------------

    def take(self, key: str) -> IpcSample:
        """Return one sample: seconds of a transfer, or the stages of a job."""
        plan = self._plans[key]
        return self._sample(self._cells[key], plan.transfers, plan.cost_s)

    def _sample(self, cell: _Cell, transfers: int, cost_s: float) -> IpcSample:
        timeout_s = _TIMEOUT_S + _TIMEOUT_FACTOR * cost_s
        if cell.kind == "job":
            message = {"op": "job", "start_method": cell.name, "bytes": cell.nbytes}
            message["module"] = self._request.job_imports
            reply = self._host.call("jobs", message, timeout_s)  # apart: it must stay single-threaded to fork
        else:
            message = {"op": "round", "channel": cell.name, "bytes": cell.nbytes, "transfers": transfers}
            reply = self._host.call("channels", message, timeout_s)
        sample: IpcSample = decode(JobTimes if cell.kind == "job" else Passage, reply)
        return sample


def _cells(request: IpcRequest) -> Iterator[_Cell]:
    """Yield what is asked for: per channel the latency and the sizes, then the jobs."""
    for channel in CHANNELS:
        silent = channel in _WITHOUT_PAYLOAD
        yield _Cell(kind="latency", name=channel, nbytes=0 if silent else 1)
        for nbytes in () if silent else request.sizes:
            yield _Cell(kind="transfer", name=channel, nbytes=nbytes)
    for method in request.start_methods:
        yield _Cell(kind="job", name=method, nbytes=request.job_bytes)


def _no_room(cell: _Cell, shm: Path = Path("/dev/shm")) -> _Refusal | None:
    """Return (status, reason, cure) if memory does not suffice for a payload."""
    free = available_bytes()
    if free is not None and cell.nbytes * _COPIES > free * _MEMORY_SHARE:
        reason = f"needs up to {_COPIES} times {_mib(cell.nbytes)} of memory, and {_mib(free)} are free"
        return "left_out", reason, "leave out the size with --sizes"
    folder = shm if cell.name == "shared_memory" else Path(os.environ.get("TMPDIR", "/tmp"))
    if cell.name in ("shared_memory", "mapped_file") and folder.is_dir():
        left = shutil.disk_usage(folder).free
        if cell.nbytes > left * _MEMORY_SHARE:
            cure = f"enlarge it: mount -o remount,size=2G {shm}, or docker run --shm-size=2g"
            return "left_out", f"{folder} has {_mib(left)} left", cure if folder == shm else "make room there"
    return None


def _too_dear() -> _Refusal:
    """Return what is said about a cell whose blocks do not fit."""
    return "left_out", f"{MIN_BLOCKS} rounds of it do not fit into the budget", "give more with --budget"


def _mib(nbytes: int) -> str:
    return f"{nbytes / (1 << 20):.0f} MiB"
