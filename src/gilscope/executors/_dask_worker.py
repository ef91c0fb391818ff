"""The worker's side of the ``dask`` executor: the tasks of ``_task_worker`` under the worker's address.

Imported by the workers of a cluster, which therefore need gilscope.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from distributed import get_worker

from gilscope.executors import _task_worker
from gilscope.executors._task_worker import Answer, Work

__all__ = ["make_ready", "run"]


def make_ready(key: str, blob: bytes, inputs: Mapping[str, bytes], cpu: int | None) -> Answer:
    """Bind this worker's thread to ``cpu`` and make a job ready."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    return _task_worker.make_ready(key, blob, inputs, 0.0, get_worker().address)


def run(key: str, phase: int, work: Work) -> Answer:
    """Do some chunks of one phase of a job made ready before."""
    return _task_worker.run(key, b"", None, phase, work, get_worker().address)
