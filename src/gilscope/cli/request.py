"""From the words on the command line to a ``Study``: every check a request can fail before anything is measured."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gilscope.cli.settings import Settings
from gilscope.core.cases import Study
from gilscope.core.errors import UnavailableError, UsageError
from gilscope.core.registry import (
    EXECUTORS,
    IMPLEMENTATIONS,
    KERNELS,
    PINS,
    PROBES,
    SCALINGS,
    SCHEDULES,
    SIZES,
    START_METHODS,
    TRANSPORTS,
    check_names,
)
from gilscope.core.spec import Impl
from gilscope.core.units import parse_bytes, parse_duration_s, parse_fraction

__all__ = ["MAX_TASKS", "build_study", "read_options", "whole"]

MAX_WORKERS = 1024  # more processes than any one machine is given CPUs; a slip of the finger should not start 100000
MAX_CHUNKS_PER_WORKER = 4096  # beyond this a chunk of every kernel is smaller than what it costs to hand it out
MAX_TASKS = 2**40  # years of the shortest function there is
MAX_SEED = 2**63 - 1  # fits the random generator and every JSON reader


def build_study(kernels: Sequence[str], asked: Mapping[str, str | None], settings: Settings) -> Study:
    """Check the request and fill in defaults.

    Parameters
    ----------
    kernels : sequence of str
        As given; empty means not given.
    asked : mapping of option name to text or None
        ``None`` means not given: the settings' value counts, else the default of `gilscope.plan.make_study`.

    Raises
    ------
    UsageError
        With the nearest word or the expected form, and the settings file where the value came from there.
    """
    words = {"kernels": ",".join(kernels) or None, **asked}
    return _study(**_taken(_READERS, words, settings))


def read_options(asked: Mapping[str, str | None], settings: Settings) -> dict[str, Any]:
    """Read the options that every measuring verb shares, under the names that ``api.Options`` gives them.

    Raises
    ------
    UsageError
        As ``build_study``.
    """
    readers = {name: entry for name, entry in _READERS.items() if name in _SHARED}
    return _taken(readers, asked, settings)


def _taken(
    readers: Mapping[str, tuple[str, Callable[[str], Any]]], asked: Mapping[str, str | None], settings: Settings
) -> dict[str, Any]:
    """Return what was given, on the command line or else in the settings, read and under its own name."""
    taken = {}
    for name, (field, read) in readers.items():
        text = asked.get(name)
        if text is not None:
            taken[field] = read(text)
        elif name in settings.values:
            try:
                taken[field] = read(settings.values[name])
            except UsageError as error:
                raise type(error)(f"{error} (from [tool.gilscope] of {settings.path})") from None
    return taken


def _study(
    *, workers: Sequence[int] = (), executors: Sequence[str] = (), dask_scheduler: str = "", **options: Any
) -> Study:
    """Fill in what was not said; imported late, because planning loads every executor."""
    from gilscope.env import default_workers, usable_cpus
    from gilscope.plan import make_study

    usable = usable_cpus()
    if dask_scheduler:
        executors = executors or ("serial", "dask")
        there = _workers_of_cluster(dask_scheduler)
        if set(executors) <= {"serial", "dask"}:
            usable = replace(usable, count=there)
    workers = workers or default_workers(usable)
    return make_study(workers=workers, executors=executors, dask_scheduler=dask_scheduler, **options)


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


def _split(what: str, text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise UsageError(f"no {what} in {text!r}: write them with commas, without spaces, like a,b")
    return words


def _kernels(text: str) -> tuple[str, ...]:
    """Read kernel names; those of other packages are looked up only when one is not ours."""
    words = _split("kernel", text)
    if set(words) <= {*KERNELS, *PROBES}:
        return words
    from gilscope.kernels import foreign

    check_names("kernel", [word for word in words if word not in PROBES], (*KERNELS, *foreign()))
    return words


def _names(what: str, known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    return lambda text: check_names(what, _split(what, text), known)


def _size(text: str) -> str:
    return check_names("size", (text.strip().upper(),), SIZES)[0]


def _budget(text: str) -> float:
    return parse_duration_s(text, what="budget")


def _precision(text: str) -> float:
    return parse_fraction(text, what="precision")


def _workers(text: str) -> tuple[int, ...]:
    counts = {whole("workers", word, 1, MAX_WORKERS, "1,2,4") for word in _split("worker count", text)}
    return tuple(sorted(counts))


def _chunks(text: str) -> int:
    return whole("chunks", text, 1, MAX_CHUNKS_PER_WORKER, "4")


def _seed(text: str) -> int:
    return whole("seed", text, 0, MAX_SEED, "1")


def _memory_limit(text: str) -> int:
    return parse_bytes(text, what="memory-limit")


def _pin(text: str) -> str:
    """Read how workers are bound to CPUs; refused where threads cannot be."""
    from gilscope.env.pinning import places

    word = check_names("pin", (text.strip(),), PINS)[0]
    places(word)
    return word


def _address(text: str) -> str:
    """Read the address of a scheduler."""
    if not re.fullmatch(r"[a-z]+://[^/\s]+:\d+", text):
        raise UsageError(f"dask-scheduler {text!r} is no address: write it like tcp://127.0.0.1:8786")
    return text


def whole(what: str, text: str, least: int, most: int, example: str) -> int:
    """Read a whole number between ``least`` and ``most``."""
    try:
        value = int(text)
    except ValueError:
        raise UsageError(f"{what} {text!r} is no whole number: write it like {example}") from None
    if not least <= value <= most:
        raise UsageError(f"{what} {text!r} must lie between {least} and {most}: write it like {example}")
    return value


_READERS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "kernels": ("kernels", _kernels),
    "implementations": ("implementations", _names("implementation", IMPLEMENTATIONS)),
    "executors": ("executors", _names("executor", EXECUTORS)),
    "workers": ("workers", _workers),
    "size": ("size", _size),
    "budget": ("budget_s", _budget),
    "precision": ("precision", _precision),
    "chunks": ("chunks_per_worker", _chunks),
    "start-method": ("start_methods", _names("start method", START_METHODS)),
    "transport": ("transports", _names("transport", TRANSPORTS)),
    "scaling": ("scalings", _names("scaling", SCALINGS)),
    "schedule": ("schedules", _names("schedule", SCHEDULES)),
    "pin": ("pin", _pin),
    "dask-scheduler": ("dask_scheduler", _address),
    "memory-limit": ("memory_limit_bytes", _memory_limit),
    "seed": ("seed", _seed),
}
"""Option -> (name of the field it fills, how its text is read)."""

_SHARED = (  # with the verb 'profile'
    *("executors", "workers", "budget", "precision", "start-method", "pin", "dask-scheduler", "seed"),
)
