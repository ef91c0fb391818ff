"""The worker's side of executors that hand out tasks (loky, Dask) to whichever worker they choose.

Every task carries its job, pickled once by the parent; a worker unpickles it the first time only. Standard library
only.
"""

import contextlib
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
from gilscope.executors._worker import Bound, bind, described, perform_private, warm_up

Work: TypeAlias = Sequence[tuple[tuple[int, int, int], list[Any], list[Any]]]
"""Chunks with what they read and write; see ``perform_private``."""

Answer: TypeAlias = tuple[Any, ...]
"""``("ok", worker, ...)``, followed by WorkerReport and what was written (``run``) or by the ns of the import and what
``warm_up`` returns (``make_ready``); or ``("raised", one line, traceback)``."""

_KEPT = 256  # jobs a worker remembers; the lead-in of its next round makes a forgotten one ready again
_KEPT_PRIVATE = 8  # of those with buffers of the worker's own, which take memory

_bound: OrderedDict[str, Bound] = OrderedDict()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentMemory:
    """Where a worker on the parent's machine finds the shared buffers; the channel of ``bind``."""

    nbytes: int
    pid: int
    fd: int
    name: str | None

    def memory(self, key: str) -> Any:
        """Map them into this process."""
        if not HAS_MEMFD:
            return Segment(self.nbytes, name=self.name).map()
        # Opened through /proc the memory stays nameless: nothing is left behind after a kill.
        fd = os.open(f"/proc/{self.pid}/fd/{self.fd}", os.O_RDWR)
        try:
            return mmap.mmap(fd, self.nbytes)
        finally:
            os.close(fd)


def make_ready(
    key: str, blob: bytes, inputs: Mapping[str, bytes] | None, hold_s: float, worker: str | None = None
) -> Answer:
    """Make a job ready and call it once, so that JIT compilers compile.

    Takes at least ``hold_s``, so that the next such task goes to another worker.
    """
    until = time.perf_counter() + hold_s
    try:
        made = _ready(key, blob, inputs)
        warm = warm_up(made)
    except BaseException as error:  # noqa: BLE001 - a kernel may raise anything, SystemExit too
        return "raised", described(error), traceback.format_exc()
    time.sleep(max(0.0, until - time.perf_counter()))
    return "ok", worker or str(os.getpid()), made.import_ns, warm


def run(
    key: str, blob: bytes, inputs: Mapping[str, bytes] | None, phase: int, work: Work, worker: str | None = None
) -> Answer:
    """Do some chunks of one phase."""
    try:
        report, written = perform_private(_ready(key, blob, inputs), phase, work)
    except BaseException as error:  # noqa: BLE001 - as above
        return "raised", described(error), traceback.format_exc()
    return "ok", worker or str(os.getpid()), report, written


def knows(key: str) -> bool:
    """Whether a job is ready."""
    return key in _bound


def learn(key: str, blob: bytes) -> None:
    """Make a job ready, or leave that to ``run``, which says what is wrong."""
    with contextlib.suppress(BaseException):
        _ready(key, blob, None)


def forget(keys: Sequence[str] | None) -> None:
    """Forget jobs; all of them, also those of a client that was killed, for None."""
    for key in tuple(_bound) if keys is None else keys:
        _bound.pop(key, None)


def _ready(key: str, blob: bytes, inputs: Mapping[str, bytes] | None) -> Bound:
    """Return a job made ready, by an earlier task or now."""
    made = _bound.get(key)
    if made is None:
        job, memory = pickle.loads(blob)
        made = _bound[key] = bind(job, memory)
        for name, data in (inputs or {}).items():
            made.buffers[name].cast("B")[:] = data
        private = [known for known, bound in _bound.items() if bound.job.private]
        forget([*private[:-_KEPT_PRIVATE], *list(_bound)[:-_KEPT]])
    _bound.move_to_end(key)
    return made
