"""From what was asked to a ``Study``: imported late, because planning loads every executor."""

from __future__ import annotations

from dataclasses import replace

from gilscope.cli.asked import Asked
from gilscope.core.cases import Study
from gilscope.core.errors import UnavailableError, UsageError
from gilscope.core.spec import Impl
from gilscope.env import default_workers, usable_cpus
from gilscope.plan import make_study

__all__ = ["build_study"]


def build_study(asked: Asked) -> Study:
    """Fill in what was not given.

    Raises
    ------
    UsageError
    """
    usable = usable_cpus()
    address = asked.value("dask-scheduler", "")
    executors = asked.value("executors", ("serial", "dask") if address else ())
    if address:
        there = _workers_of_cluster(address)
        if set(executors) <= {"serial", "dask"}:
            usable = replace(usable, count=there)
    return asked.fill(make_study, workers=default_workers(usable), executors=executors)


def _workers_of_cluster(address: str) -> int:
    """Ask a running cluster how many workers it has; a cluster that cannot be used is the user's to mend first."""
    from gilscope.executors import dask

    found = dask.availability(Impl(name="any", target="", gil="released"))
    if not found.ok:
        raise UsageError(f"dask-scheduler: {found.reason}; {found.cure}")
    try:
        there = dask.workers_of(address)
    except UnavailableError as error:
        raise UsageError(f"{error.reason}; {error.cure}") from None
    if not there:
        raise UsageError(f"the Dask scheduler at {address} has no workers; start some: dask worker {address}")
    return there
