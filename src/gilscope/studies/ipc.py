"""What moving data costs: latency and bandwidth of every channel, and where the time of one job goes.

Payloads go one way, between two processes, threads or interpreters that run already. Sizes too large for memory or
budget are left out, with the reason.
"""

import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gilscope.core import clocks
from gilscope.core.errors import MeasurementError
from gilscope.core.memory import available_bytes
from gilscope.core.spec import Availability
from gilscope.measure.events import Observer
from gilscope.stats import MIN_BLOCKS
from gilscope.studies import ipc_rows, startup
from gilscope.studies.codec import decode
from gilscope.studies.document import RowStatus
from gilscope.studies.host import StudyHost
from gilscope.studies.interleave import interleave

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

_TOO_DEAR: _Refusal = (
    "left_out", f"{MIN_BLOCKS} rounds of it do not fit into the budget", "give more with --budget"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Measurand:
    """What a row measures: a channel with a size, or a job under a start method."""

    kind: Literal["latency", "transfer", "job"]
    name: str  # of the channel, or the start method
    nbytes: int

    @property
    def key(self) -> str:
        return f"{self.name} {self.nbytes}" if self.kind == "transfer" else f"{self.name} {self.kind}"

    @property
    def row(self) -> ipc_rows.IpcRow:
        """Return the row before anything is measured."""
        fields: dict[str, Any] = {"kind": self.kind, "bytes": self.nbytes}
        if self.kind == "job":
            fields |= {"label": f"processes/{self.name}", "executor": "processes", "start_method": self.name}
            return ipc_rows.JobRow(**fields, stages_s=dict.fromkeys(ipc_rows.STAGES), total_s=None)
        fields["label"], fields["executor"] = CHANNELS[self.name]
        return ipc_rows.TransferRow(**fields, channel=self.name, seconds=None, bandwidth_bytes_per_s=None)


def _measurands(request: ipc_rows.IpcRequest) -> Iterator[_Measurand]:
    """Yield per channel the latency and the sizes, then the jobs."""
    for channel in CHANNELS:
        silent = channel in _WITHOUT_PAYLOAD
        yield _Measurand(kind="latency", name=channel, nbytes=0 if silent else 1)
        for nbytes in () if silent else request.sizes:
            yield _Measurand(kind="transfer", name=channel, nbytes=nbytes)
    for method in request.start_methods:
        yield _Measurand(kind="job", name=method, nbytes=request.job_bytes)


def availability(channel: str) -> Availability:
    """Return whether a channel can be used here."""
    if channel == "interpreter_queue":
        return startup.availability("interpreters")
    if channel == "signal" and not hasattr(signal, "sigwait"):
        return Availability(ok=False, reason="this system has no signals one can wait for")
    return Availability(ok=True)


def measure(request: ipc_rows.IpcRequest, host: StudyHost, log: ipc_rows.IpcLog, observer: Observer) -> None:
    """Try every channel and size once, then measure what fits into the budget in blocks."""
    measuring = _Measurement(request, host, log)
    measuring.try_all(observer)
    items = measuring.fitting()
    interleave("ipc", items, measuring.take, log, budget_s=request.budget_s, seed=request.seed, observer=observer)


class _Measurement:
    def __init__(self, request: ipc_rows.IpcRequest, host: StudyHost, log: ipc_rows.IpcLog) -> None:
        self._request, self._host, self._log = request, host, log
        self._all = {one.key: one for one in _measurands(request)}
        self._plans = {key: item.plan for key, item in log.record.items.items() if item.plan is not None}
        for key, one in self._all.items():
            if key not in log.record.items:
                log.put(key, one.row)

    def try_all(self, observer: Observer) -> None:
        """Do once what no earlier attempt did: find what fails, transfers per round, and what a round costs."""
        if self._all.keys() - self._plans.keys():
            observer.message("trying every channel with every size once")
        for key, one in self._all.items():
            if key in self._plans and self._log.record.items[key].row.status not in ("failed", "timeout"):
                self._log.put(key, one.row, self._plans[key])
            elif (refused := self._reason_against(one) or self._tried(one)) is not None:
                self._log.put(key, replace(one.row, status=refused[0], reason=refused[1], cure=refused[2]))

    def _refused(self, key: str) -> _Refusal | None:
        row = self._log.record.items[key].row
        return None if row.status == "ok" else (row.status, row.reason, row.cure)

    def _reason_against(self, one: _Measurand) -> _Refusal | None:
        """Return why something need not be tried."""
        here = startup.availability(one.name) if one.kind == "job" else availability(one.name)
        if not here.ok:
            return "unavailable", here.reason, here.cure
        if one.kind != "job" and (refused := _no_room(one)) is not None:
            return refused
        smaller = [other for other in self._all.values() if other.name == one.name and other.nbytes < one.nbytes]
        if one.kind != "transfer" or not smaller:
            return None
        before = max(smaller, key=lambda other: other.nbytes)
        if (refused := self._refused(before.key)) is not None:
            return refused
        expected_s = self._plans[before.key].cost_s * one.nbytes / max(before.nbytes, 1 << 20)
        return _TOO_DEAR if MIN_BLOCKS * expected_s > _ONE_SHARE * self._request.budget_s else None

    def _tried(self, one: _Measurand) -> _Refusal | None:
        """Do it once, and plan its rounds; return why that failed."""
        transfers = 1
        try:
            sample, cost_s = self._timed(one, transfers)
            if isinstance(sample, ipc_rows.Passage):
                transfers = max(1, min(_MOST_TRANSFERS, int(_ROUND_S / max(sample.seconds, 1e-7))))
            if one.kind == "job" or cost_s < _TRIED_S:  # the first job starts the fork server, too
                _, cost_s = self._timed(one, transfers)
        except MeasurementError as error:
            return "failed", str(error), ""
        self._plans[one.key] = ipc_rows.IpcPlan(transfers=transfers, cost_s=cost_s)
        self._log.put(one.key, one.row, self._plans[one.key])
        return None

    def _timed(self, one: _Measurand, transfers: int) -> tuple[ipc_rows.IpcSample, float]:
        """Return a sample and what it took altogether, with what is not timed."""
        before_ns = clocks.wall_ns()
        sample = self._sample(one, transfers, 0.0)
        return sample, (clocks.wall_ns() - before_ns) / 1e9

    def fitting(self) -> list[str]:
        """Return what is measured: so much that six blocks of it fit; what is left out is the dearest."""
        live = [key for key in self._all if self._refused(key) is None]
        while len(live) > 1 and MIN_BLOCKS * sum(self._plans[key].cost_s for key in live) > self._request.budget_s:
            dearest = max(live, key=lambda key: self._plans[key].cost_s)
            self._log.note(dearest, *_TOO_DEAR)
            live.remove(dearest)
        return live

    def take(self, key: str) -> ipc_rows.IpcSample:
        """Return one sample: seconds of a transfer, or the stages of a job."""
        plan = self._plans[key]
        return self._sample(self._all[key], plan.transfers, plan.cost_s)

    def _sample(self, one: _Measurand, transfers: int, cost_s: float) -> ipc_rows.IpcSample:
        timeout_s = _TIMEOUT_S + _TIMEOUT_FACTOR * cost_s
        if one.kind == "job":
            message = {"op": "job", "start_method": one.name, "bytes": one.nbytes, "module": self._request.job_imports}
            reply = self._host.call("jobs", message, timeout_s)  # must stay single-threaded to fork
        else:
            message = {"op": "round", "channel": one.name, "bytes": one.nbytes, "transfers": transfers}
            reply = self._host.call("channels", message, timeout_s)
        sample: ipc_rows.IpcSample = decode(ipc_rows.JobTimes if one.kind == "job" else ipc_rows.Passage, reply)
        return sample


def _no_room(one: _Measurand, shm: Path = Path("/dev/shm")) -> _Refusal | None:
    """Return why memory does not suffice for a payload."""
    free = available_bytes()
    if free is not None and one.nbytes * _COPIES > free * _MEMORY_SHARE:
        reason = f"needs up to {_COPIES} times {_mib(one.nbytes)} of memory, and {_mib(free)} are free"
        return "left_out", reason, "leave out the size with --sizes"
    folder = shm if one.name == "shared_memory" else Path(os.environ.get("TMPDIR", "/tmp"))
    if one.name in ("shared_memory", "mapped_file") and folder.is_dir():
        left = shutil.disk_usage(folder).free
        if one.nbytes > left * _MEMORY_SHARE:
            cure = f"enlarge it: mount -o remount,size=2G {shm}, or docker run --shm-size=2g"
            return "left_out", f"{folder} has {_mib(left)} left", cure if folder == shm else "make room there"
    return None


def _mib(nbytes: int) -> str:
    return f"{nbytes / (1 << 20):.0f} MiB"
