"""Dask's distributed scheduler: inputs scattered once, chunks as tasks, results gathered."""

import contextlib
import importlib.util
from typing import Any

from gilscope.core.spec import Availability, Impl
from gilscope.executors._task_worker import forget


def availability(impl: Impl, start_method: str = "") -> Availability:
    """Dask runs every chunked implementation where ``distributed`` is installed."""
    if importlib.util.find_spec("distributed") is None:
        cure = "Install it with: pip install 'gilscope[dask]'"
        return Availability(ok=False, reason="distributed is not installed", cure=cure)
    return Availability(ok=True)


def workers_of(scheduler: str) -> int:
    """Return how many workers a running cluster has.

    Raises UnavailableError if nothing answers there, or a worker cannot be used.
    """
    from gilscope.executors._dask_cluster import Cluster

    with contextlib.closing(Cluster(scheduler, 0)) as cluster:
        return len(cluster.workers)


def open_pool(max_workers: int, cpus: int, start_method: str = "", *, scheduler: str = "") -> Any:
    """Connect to the cluster at ``scheduler``, or start one of ``max_workers`` workers on this machine."""
    from gilscope.executors._dask_cluster import Cluster

    cluster = Cluster(scheduler, max_workers)
    cluster.client.run(forget, None)  # the jobs of a client that was killed
    return cluster
