"""What workers cost: creating and joining N of each kind in a fresh process, and the memory of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gilscope import executors
from gilscope.errors import UsageError
from gilscope.measure.events import Observer
from gilscope.registry import START_METHODS
from gilscope.spec import Availability, Impl
from gilscope.studies.document import document, medians
from gilscope.studies.host import StudyHost
from gilscope.studies.interleave import Interleaved, interleave
from gilscope.studies.memory import PSS_REASON

__all__ = ["KINDS", "RUNNER", "Request", "availability", "measure"]

KINDS = ("threads", "interpreters", *START_METHODS, "loky", "dask")
"""Executors, ``processes`` by start method."""

RUNNER = "gilscope.studies._startup_runner"
TIMEOUT_S = 120.0  # a Dask cluster of 64 workers on a slow disk, with room

_TIMES = ("import_s", "create_s", "join_s", "total_s", "again_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What ``gilscope startup`` was asked, after checking."""

    kinds: tuple[str, ...] = KINDS
    workers: int = 2
    budget_s: float = 60.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError("workers must be 1 or more: write them like 4")


def availability(kind: str) -> Availability:
    """Tell whether workers of a kind can be started here, without starting any."""
    plain = Impl(name="py_loop", target="", gil="held")
    if kind in START_METHODS:
        return executors.availability("processes", plain, kind)
    return executors.availability(kind, plain)


def measure(request: Request, host: StudyHost, environment: Mapping[str, Any], observer: Observer) -> dict[str, Any]:
    """Start and end workers of every kind, block after block, each time in a fresh process; return the document.

    Raises
    ------
    UsageError
        If none of the kinds can be started here.
    """
    here = {kind: availability(kind) for kind in request.kinds}
    kinds = [kind for kind in request.kinds if here[kind].ok]
    if not kinds:
        raise UsageError("nothing of this is here: " + "; ".join(f"{k}: {a.reason}" for k, a in here.items()))

    def take(kind: str) -> dict[str, Any]:
        sample = host.ask(kind, {"kind": kind, "workers": request.workers}, TIMEOUT_S)
        host.end(kind)  # one that failed is gone already
        return sample

    found = interleave("startup", kinds, take, budget_s=request.budget_s, seed=request.seed, observer=observer)
    return document(
        "startup",
        environment=environment,
        asked=asdict(request),
        blocks=found.blocks,
        rows=[_row(request, kind, here[kind], found) for kind in request.kinds],
        interrupted=found.interrupted,
    )


def _row(request: Request, kind: str, here: Availability, found: Interleaved[str]) -> dict[str, Any]:
    samples, trouble = found.samples.get(kind, []), found.troubles.get(kind)
    memory = [sample["pss_bytes"] for sample in samples if sample["pss_bytes"] is not None]
    processes = kind in START_METHODS
    return {
        "label": f"processes/{kind}" if processes else kind,
        "executor": "processes" if processes else kind,
        "start_method": kind if processes else "",
        "status": trouble.status if trouble else "ok" if here.ok else "unavailable",
        "reason": trouble.reason if trouble else here.reason,
        "cure": here.cure,
        "workers": request.workers,
        **{name: medians([sample[name] for sample in samples]) for name in _TIMES},
        "pss_bytes": medians(memory),
        "pss_reason": PSS_REASON if samples and not memory else "",
    }
