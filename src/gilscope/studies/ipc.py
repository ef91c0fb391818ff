"""What moving data costs: latency and bandwidth of every channel, and where the time of one job goes.

Payloads go one way, from a process (thread, interpreter) to another that was started before; the clock stops when the
receiver has all of it. Sizes that memory or budget cannot bear are left out, with the reason.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gilscope import clocks, executors
from gilscope.errors import MeasurementError, UsageError
from gilscope.measure.events import Observer
from gilscope.measure.examine import available_bytes
from gilscope.registry import START_METHODS
from gilscope.spec import Availability, Impl
from gilscope.stats import MIN_BLOCKS
from gilscope.studies._ipc_job import STAGES
from gilscope.studies.document import document, medians
from gilscope.studies.host import StudyHost
from gilscope.studies.interleave import Interleaved, Trouble, interleave

__all__ = ["CHANNELS", "DEFAULT_SIZES", "RUNNER", "Request", "availability", "measure"]

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
DEFAULT_SIZES = (1 << 10, 1 << 15, 1 << 20, 1 << 25, 1 << 30)

_WITHOUT_PAYLOAD = ("signal", "condition")
_COPIES = 5  # of a payload at once, at most: ours, pickled, in the receiver's buffer as it grows, unpickled
_MEMORY_SHARE = 0.5  # of the free memory: the rest is for those who live here
_ROUND_S = 0.03  # of transfers; long enough for hundreds of small ones
_MOST_TRANSFERS = 1000
_ONE_SHARE = 0.25  # of the budget that six rounds of one size of one channel may take: there are many
_TRIED_S = 0.2  # a trial that took so long need not be repeated to know what a round costs
_JOB_BYTES = 1 << 23
_TIMEOUT_S, _TIMEOUT_FACTOR = 60.0, 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What ``gilscope ipc`` was asked, after checking.

    Parameters
    ----------
    sizes : tuple of int
        Bytes, increasing.
    """

    sizes: tuple[int, ...] = DEFAULT_SIZES
    start_methods: tuple[str, ...] = START_METHODS
    budget_s: float = 60.0
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.sizes or min(self.sizes) < 1:
            raise UsageError("sizes must be 1 byte or more: write them like 1KiB,1MiB,1GiB")
        if list(self.sizes) != sorted(set(self.sizes)):
            raise UsageError("sizes must increase: write them like 1KiB,1MiB,1GiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A row to be: a channel with a size, or a job under a start method."""

    kind: str  # latency, transfer or job
    name: str  # of the channel, or the start method
    nbytes: int

    @property
    def key(self) -> str:
        return f"{self.name} {self.nbytes}" if self.kind == "transfer" else f"{self.name} {self.kind}"


def availability(channel: str) -> Availability:
    """Tell whether a channel can be used here."""
    if channel == "interpreter_queue":
        return executors.availability("interpreters", Impl(name="py_loop", target="", gil="held"))
    if channel == "signal" and not hasattr(signal, "sigwait"):
        return Availability(ok=False, reason="this system has no signals one can wait for")
    return Availability(ok=True)


def measure(request: Request, host: StudyHost, environment: Mapping[str, Any], observer: Observer) -> dict[str, Any]:
    """Try every channel and size once, then measure what fits into the budget in blocks; return the document."""
    study = _Study(request, host, observer)
    try:
        study.try_all()
    except KeyboardInterrupt:
        return study.document(environment, Interleaved(samples={}, interrupted=True))
    items = study.fitting()
    found = interleave("ipc", items, study.take, budget_s=request.budget_s, seed=request.seed, observer=observer)
    return study.document(environment, found)


class _Study:
    """The state of one measurement."""

    def __init__(self, request: Request, host: StudyHost, observer: Observer) -> None:
        self._request, self._host, self._observer = request, host, observer
        self._cells = {cell.key: cell for cell in _cells(request)}
        self._refused: dict[str, tuple[str, str, str]] = {}
        self._transfers: dict[str, int] = {}
        self._cost_s: dict[str, float] = {}
        self._module = "numpy" if importlib.util.find_spec("numpy") is not None else ""

    # Trying -----------------------------------------------------------------------------------------------------------

    def try_all(self) -> None:
        """Do everything once: finds out what fails, how many transfers make a round, and what a round costs."""
        self._observer.message("trying every channel with every size once")
        for key, cell in self._cells.items():
            refused = self._reason_against(cell)
            if refused is None:
                refused = self._tried(cell)
            if refused is not None:
                self._refused[key] = refused

    def _reason_against(self, cell: _Cell) -> tuple[str, str, str] | None:
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
            if before.key in self._refused:
                return self._refused[before.key]
            expected_s = self._cost_s.get(before.key, 0.0) * cell.nbytes / max(before.nbytes, 1 << 20)
            if MIN_BLOCKS * expected_s > _ONE_SHARE * self._request.budget_s:
                return _too_dear()
        return None

    def _tried(self, cell: _Cell) -> tuple[str, str, str] | None:
        """Do it once; return (status, reason, cure) if that fails."""
        self._transfers[cell.key] = 1
        try:
            sample, cost_s = self._timed(cell.key)
            if cell.kind != "job":
                self._transfers[cell.key] = max(1, min(_MOST_TRANSFERS, int(_ROUND_S / max(sample, 1e-7))))
            if cell.kind == "job" or cost_s < _TRIED_S:  # the first job starts the fork server, too
                _, cost_s = self._timed(cell.key)
        except MeasurementError as error:
            return "failed", str(error), ""
        self._cost_s[cell.key] = cost_s
        return None

    def _timed(self, key: str) -> tuple[Any, float]:
        """Return a sample and what it took altogether, with making the payload and looking at what arrived."""
        before_ns = clocks.wall_ns()
        sample = self.take(key)
        return sample, (clocks.wall_ns() - before_ns) / 1e9

    def fitting(self) -> list[str]:
        """Return what is measured: so much that six blocks of it fit; what is left out is the dearest."""
        live = [key for key in self._cells if key not in self._refused]
        while len(live) > 1 and MIN_BLOCKS * sum(self._cost_s[key] for key in live) > self._request.budget_s:
            dearest = max(live, key=lambda key: self._cost_s[key])
            self._refused[dearest] = _too_dear()
            live.remove(dearest)
        return live

    # Measuring --------------------------------------------------------------------------------------------------------

    def take(self, key: str) -> Any:
        """Return one sample: seconds of a transfer, or the stages of a job."""
        cell = self._cells[key]
        timeout_s = _TIMEOUT_S + _TIMEOUT_FACTOR * self._cost_s.get(key, 0.0)
        if cell.kind == "job":
            message = {"op": "job", "start_method": cell.name, "bytes": cell.nbytes, "module": self._module}
            return self._host.ask("jobs", message, timeout_s)  # apart: it must stay single-threaded to fork
        message = {"op": "round", "channel": cell.name, "bytes": cell.nbytes, "transfers": self._transfers[key]}
        return self._host.ask("channels", message, timeout_s)["seconds"]

    def document(self, environment: Mapping[str, Any], found: Interleaved[str]) -> dict[str, Any]:
        """Return the study's document."""
        asked = {**asdict(self._request), "workers": 2, "job_bytes": _JOB_BYTES, "job_imports": self._module}
        samples, troubles = found.samples, found.troubles
        rows = [self._row(cell, samples.get(key, []), troubles.get(key)) for key, cell in self._cells.items()]
        return document(
            "ipc",
            environment=environment,
            asked=asked,
            blocks=found.blocks,
            rows=rows,
            notes=self._notes(),
            interrupted=found.interrupted,
        )

    def _row(self, cell: _Cell, samples: Sequence[Any], trouble: Trouble | None) -> dict[str, Any]:
        status, reason, cure = self._refused.get(cell.key, ("ok", "", ""))
        if trouble is not None:
            status, reason = trouble.status, trouble.reason
        base = {"kind": cell.kind, "bytes": cell.nbytes, "status": status, "reason": reason, "cure": cure}
        if cell.kind == "job":
            stages = {stage: medians([sample["stages_s"][stage] for sample in samples]) for stage in STAGES}
            total = medians([sample["total_s"] for sample in samples])
            where = {"label": f"processes/{cell.name}", "executor": "processes", "start_method": cell.name}
            return {**base, **where, "stages_s": stages, "total_s": total}
        label, between = CHANNELS[cell.name]
        copied = cell.kind == "transfer" and between != "threads"
        bandwidth = medians([cell.nbytes / seconds for seconds in samples]) if copied else None
        where = {"label": label, "executor": between, "start_method": "", "channel": cell.name}
        return {**base, **where, "seconds": medians(samples), "bandwidth_bytes_per_s": bandwidth}

    def _notes(self) -> list[str]:
        imports = f"imports {self._module}" if self._module else "imports nothing more"
        started = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        return [
            f"the receiving process was started by {started} before",
            f"a job {imports}, is given {_JOB_BYTES >> 20} MiB and returns their checksum",
        ]


def _cells(request: Request) -> Iterator[_Cell]:
    """Yield what is asked for: per channel the latency and the sizes, then the jobs."""
    for channel in CHANNELS:
        silent = channel in _WITHOUT_PAYLOAD
        yield _Cell(kind="latency", name=channel, nbytes=0 if silent else 1)
        for nbytes in () if silent else request.sizes:
            yield _Cell(kind="transfer", name=channel, nbytes=nbytes)
    for method in request.start_methods:
        yield _Cell(kind="job", name=method, nbytes=_JOB_BYTES)


def _no_room(cell: _Cell, shm: Path = Path("/dev/shm")) -> tuple[str, str, str] | None:
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


def _too_dear() -> tuple[str, str, str]:
    """Return what is said about a cell whose blocks do not fit."""
    return "left_out", f"{MIN_BLOCKS} rounds of it do not fit into the budget", "give more with --budget"


def _mib(nbytes: int) -> str:
    return f"{nbytes / (1 << 20):.0f} MiB"
