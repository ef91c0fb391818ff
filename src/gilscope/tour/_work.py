"""What judges of several chapters have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gilscope.core.errors import UnavailableError
from gilscope.core.spec import Availability
from gilscope.core.trace import Event, Trace, duration
from gilscope.env.cpu import usable_cpus
from gilscope.tour._model import Experiment, Figure, Judgement, overlap_ns, seconds, when

_TWO_AT_ONCE = 1.5  # threads able to run at a time from which two did not wait for each other: half-way
_ONE_AT_A_TIME = 1.15  # CPU over wall time up to which two took turns: 1, and what they do outside the lock


def two_cpus() -> Availability:
    """Available where two can do something at the same time."""
    return when(usable_cpus().count >= 2, "this process may use one CPU only", "give it two to see this")


def with_two_cpus(here: Availability) -> Availability:
    """Return ``here``, and where that is fine whether two can do something at the same time."""
    return two_cpus() if here.ok else here


def named(trace: Trace, name: str, least: int) -> tuple[Event, ...]:
    """Return the spans of a name; UnavailableError if a worker ended before it recorded one."""
    spans = trace.spans(name=name)
    if len(spans) < least:
        raise UnavailableError(f"{least - len(spans)} of {least} workers ended without a word")
    return spans


def _wall_ns(spans: Sequence[Event]) -> int:
    return max(e.end_ns for e in spans) - min(e.start_ns for e in spans)


def judge_turns(trace: Trace, result: Any, *, name: str = "asleep") -> Judgement:
    """Judge whether two spans came one after the other."""
    first, second = named(trace, name, 2)
    gap, wall = second.start_ns - first.end_ns, second.end_ns - first.start_ns
    observed = f"The second began {duration(gap)} after the first had ended. Together they took {duration(wall)}."
    return Judgement(gap >= 0, observed, (seconds("wall", wall), seconds(name, wall - gap)))


def judge_overlap(trace: Trace, result: Any) -> Judgement:
    """Judge whether two sleeps happened at the same time."""
    spans = named(trace, "asleep", 2)
    wall, both, shared = _wall_ns(spans), sum(e.end_ns - e.start_ns for e in spans), overlap_ns(spans)
    return Judgement(
        shared > 0 and wall < both,
        f"Both were asleep at once for {duration(shared)}. Together they took {duration(wall)}; one after the other, "
        f"they would have taken {duration(both)}.",
        (seconds("wall", wall), seconds("asleep", both), seconds("at once", shared)),
    )


def load(trace: Trace, name: str, least: int) -> tuple[float, float]:
    """Return CPU time over wall time, and how many were able to run at a time, over all spans of a name.

    The second is the sum of the shares of its own span during which each ran or queued for a CPU. A busy machine
    does not change it; waiting for a lock does not count.
    """
    spans = named(trace, name, least)
    cpu = able = 0.0
    for span in spans:
        used = trace.facts.get(f"{span.lane} cpu_ns", 0)
        cpu += used
        queued = trace.facts.get(f"{span.lane} run_queue_ns", 0)
        able += min(1.0, (used + queued) / max(1, span.end_ns - span.start_ns))
    return cpu / _wall_ns(spans), able


def judge_cores(trace: Trace, result: Any, *, together: bool, name: str = "counting") -> Judgement:
    """Judge whether two threads used one core's worth of CPU, or, ``together``, were able to run at the same time."""
    cores, able = load(trace, name, 2)
    spans = trace.spans(name=name)
    wall = _wall_ns(spans)
    figures = (seconds("wall", wall), Figure("cores used", cores), Figure("able to run at a time", able))
    used = f"Together they used {cores:.2f} cores and took {duration(wall)}."
    if together:
        able_too = f"On average {able:.2f} of the two were running or queueing for a CPU. {used}"
        return Judgement(able >= _TWO_AT_ONCE and overlap_ns(spans) > 0, able_too, figures)
    return Judgement(cores <= _ONE_AT_A_TIME, used, figures)


def cores_experiment(
    *, together: bool, spans: str, available: Callable[[], Availability] = two_cpus, **fields: Any
) -> Experiment:
    """Return the experiment of two threads that are able to run at the same time, or else share one core.

    They compute in ``spans`` of this name; the other fields are the experiment's.
    """
    judge = partial(judge_cores, together=together, name=spans)
    return Experiment(judge=judge, available=available, tries=3 if together else 1, **fields)
