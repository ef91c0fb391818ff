"""The worker's side of the ``dask`` executor: the tasks of ``_task_worker``, known by the worker's address.

Imported on workers of a cluster, which therefore need gilscope.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from distributed import get_worker

from gilscope.executors import _task_worker
from gilscope.executors._task_worker import Answer, Work

__all__ = ["forget", "run", "warm"]


def warm(key: str, blob: bytes, inputs: Mapping[str, bytes], cpu: int | None) -> Answer:
    """Make a job ready; see ``_task_worker.warm``. Nothing is held busy, for Dask can name the worker it wants.

    Parameters
    ----------
    cpu : int or None
        What to bind the thread to that does this worker's tasks.
    """
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    return _task_worker.warm(key, blob, inputs, 0.0, get_worker().address)


def run(key: str, phase: int, work: Work) -> Answer:
    """Do some chunks of one phase of a job made ready before; see ``_task_worker.run``."""
    return _task_worker.run(key, b"", None, phase, work, get_worker().address)


def forget(keys: Sequence[str] | None) -> None:
    """Let go of jobs, or of all: those of a client that was killed stay until somebody does."""
    _task_worker.forget(tuple(_task_worker.known()) if keys is None else keys)
