"""The worker's side of executors that hand out tasks (loky, Dask): which worker gets which is theirs to decide.

Every task names its job and brings it along, pickled once by the parent; a worker unpickles it the first time only.
Standard library only, for a worker should start fast.
"""

from __future__ import annotations

import mmap
import os
import pickle
import time
import traceback
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gilscope.executors._shm import HAS_MEMFD, Segment
from gilscope.executors._worker import Bound, Job, bind, described, perform_private, warm_up

__all__ = ["Answer", "Memory", "Warm", "Work", "forget", "hold", "identity", "known", "run", "warm"]

Work: TypeAlias = Sequence[tuple[tuple[int, int, int], list[Any], list[Any]]]
"""Chunks with what they read and write; see ``perform_private``."""

Answer: TypeAlias = tuple[Any, ...]
"""``("ok", worker, Report, written)`` or ``("raised", one line, traceback)``."""

_KEPT = 256  # jobs a worker remembers; one forgotten is made ready again by the lead-in of its next round
_KEPT_PRIVATE = 8  # of those with buffers of the worker's own, which take room

_bound: OrderedDict[str, Bound] = OrderedDict()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where a worker on the parent's machine finds the shared buffers: a descriptor of the parent's, or a name."""

    nbytes: int
    pid: int
    fd: int
    name: str | None

    def map(self) -> Any:
        """Map them into this process."""
        if not HAS_MEMFD:
            return Segment(self.nbytes, name=self.name).map()
        # A descriptor opened through /proc keeps the memory nameless: nothing stays behind, whoever is killed.
        fd = os.open(f"/proc/{self.pid}/fd/{self.fd}", os.O_RDWR)
        try:
            return mmap.mmap(fd, self.nbytes)
        finally:
            os.close(fd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Warm:
    """What making a job ready took and found in one worker; times in ns."""

    worker: str
    import_ns: int
    jit_ns: int
    jit_cache: str
    isa: str
    gil_enabled: bool


class _Channel:
    """What ``bind`` asks for memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def memory(self, key: str) -> Any:
        return self._memory.map()


def identity() -> str:
    """Name this worker among those of its pool."""
    return str(os.getpid())


def hold(seconds: float) -> None:
    """Be busy: started for, where tasks start workers."""
    time.sleep(seconds)


def warm(key: str, blob: bytes, inputs: Mapping[str, bytes] | None, hold_s: float, worker: str | None = None) -> Answer:
    """Make a job ready and call it once, so that compilers compile; ``("ok", Warm)``.

    Parameters
    ----------
    hold_s : float
        Stay busy this long altogether, so that the next such task goes to another worker.
    """
    until = time.perf_counter() + hold_s
    try:
        made = _ready(key, blob, inputs)
        jit_ns, cache, isa, gil_enabled = warm_up(made)
    except BaseException as error:  # noqa: BLE001 - a kernel may raise anything, SystemExit too
        return "raised", described(error), traceback.format_exc()
    time.sleep(max(0.0, until - time.perf_counter()))
    return "ok", Warm(
        worker=worker or identity(),
        import_ns=made.import_ns,
        jit_ns=jit_ns,
        jit_cache=cache,
        isa=isa,
        gil_enabled=gil_enabled,
    )


def run(
    key: str, blob: bytes, inputs: Mapping[str, bytes] | None, phase: int, work: Work, worker: str | None = None
) -> Answer:
    """Do some chunks of one phase."""
    try:
        report, written = perform_private(_ready(key, blob, inputs), phase, work)
    except BaseException as error:  # noqa: BLE001 - as above
        return "raised", described(error), traceback.format_exc()
    return "ok", worker or identity(), report, written


def forget(keys: Sequence[str]) -> None:
    """Let go of jobs."""
    for key in keys:
        _bound.pop(key, None)


def known() -> list[str]:
    """Return the keys of the jobs this worker remembers."""
    return list(_bound)


def _ready(key: str, blob: bytes, inputs: Mapping[str, bytes] | None) -> Bound:
    """Return a job made ready, by an earlier task or now."""
    made = _bound.get(key)
    if made is None:
        job, memory = pickle.loads(blob)
        made = _bound[key] = _made(job, memory, inputs or {})
        private = [known for known, bound in _bound.items() if bound.job.private]
        forget([*private[:-_KEPT_PRIVATE], *list(_bound)[:-_KEPT]])
    _bound.move_to_end(key)
    return made


def _made(job: Job, memory: Memory | None, inputs: Mapping[str, bytes]) -> Bound:
    made = bind(job, _Channel(memory))  # type: ignore[arg-type]
    for name, data in inputs.items():
        made.buffers[name].cast("B")[:] = data
    return made
