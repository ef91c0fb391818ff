"""Engines that come with gilscope, made ready for ``--executors``, and those of other packages, by name.

A factory is called with ``max_workers=p`` and returns anything with the interface of ``concurrent.futures.Executor``.
Standard library only until one is called.
"""

from __future__ import annotations

import concurrent.futures
import importlib
import importlib.metadata
import os
from collections.abc import Callable
from typing import Any

GROUP = "gilscope.executors"
OWN = ("joblib_threading", "joblib_loky", "dask_client", "mpi4py")
"""Names of the factories in this module."""


def address_of(name: str) -> str:
    """Return ``module:factory`` of an engine: its name without ``futures:``, or what a package registered for it.

    Raises LookupError for a name that nobody registered.
    """
    if ":" in name:
        return name
    if name in OWN:
        return f"{__name__}:{name}"
    for entry in importlib.metadata.entry_points(group=GROUP, name=name):
        return entry.value
    raise LookupError(f"no package registers an executor {name!r}: known are {', '.join(known())}")


def known() -> tuple[str, ...]:
    """Return the names of engines: ours, then those of other packages (entry point group ``gilscope.executors``)."""
    return tuple(dict.fromkeys((*OWN, *(entry.name for entry in importlib.metadata.entry_points(group=GROUP)))))


class _Backend(concurrent.futures.Executor):
    """A backend of joblib as an executor, given tasks one by one as ``joblib.Parallel`` gives it batches."""

    def __init__(self, name: str, workers: int) -> None:
        if workers == 1:
            raise ValueError("joblib starts no workers for n_jobs=1: use 2 or more")
        joblib: Any = importlib.import_module("joblib")
        self._backend: Any = importlib.import_module("joblib.parallel").BACKENDS[name](nesting_level=0)
        self._backend.configure(n_jobs=workers, parallel=joblib.Parallel(n_jobs=workers, backend=self._backend))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        """See ``concurrent.futures.Executor``."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        future.set_running_or_notify_cancel()

        def done(out: Any) -> None:
            try:
                future.set_result(self._backend.retrieve_result_callback(out))
            except BaseException as error:  # noqa: BLE001 - a task may raise anything
                future.set_exception(error)

        self._backend.submit(_Call(fn, args, kwargs), done)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See ``concurrent.futures.Executor``."""
        self._backend.terminate()
        if workers := getattr(self._backend, "_workers", None):  # loky's stay for the next Parallel
            workers.shutdown(wait=wait)


class _Call:
    """A call without arguments, which joblib's backends take."""

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._all = fn, args, kwargs

    def __call__(self) -> Any:
        fn, args, kwargs = self._all
        return fn(*args, **kwargs)


def joblib_threading(max_workers: int) -> concurrent.futures.Executor:
    """Return joblib's ``threading`` backend as an executor."""
    return _Backend("threading", max_workers)


def joblib_loky(max_workers: int) -> concurrent.futures.Executor:
    """Return joblib's ``loky`` backend as an executor."""
    return _Backend("loky", max_workers)


class _Closing(concurrent.futures.Executor):
    """An executor whose shutdown closes more than itself."""

    def __init__(self, inner: Any, *others: Any) -> None:
        self.submit, self._inner, self._others = inner.submit, inner, others  # type: ignore[method-assign]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See ``concurrent.futures.Executor``."""
        self._inner.shutdown(wait=wait)
        for other in self._others:
            other.close()


def dask_client(max_workers: int) -> concurrent.futures.Executor:
    """Return ``Client.get_executor()`` of a cluster of so many processes on this machine."""
    distributed: Any = importlib.import_module("distributed")
    cluster = distributed.LocalCluster(
        n_workers=max_workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    )
    client = distributed.Client(cluster)
    client.wait_for_workers(max_workers)
    return _Closing(client.get_executor(pure=False), client, cluster)


def mpi4py(max_workers: int) -> concurrent.futures.Executor:
    """Return ``mpi4py.futures.MPIPoolExecutor``, whose processes MPI starts.

    Open MPI is allowed more processes than it counts slots, and does not bind them: other executors are free too.
    """
    os.environ.setdefault("OMPI_MCA_rmaps_base_oversubscribe", "1")
    os.environ.setdefault("OMPI_MCA_hwloc_base_binding_policy", "none")
    pool: concurrent.futures.Executor = importlib.import_module("mpi4py.futures").MPIPoolExecutor(max_workers)
    return pool
