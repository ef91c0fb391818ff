"""What a chapter of the tour is: small programs that write down what they do, and a claim each that this settles."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gilscope.core.errors import UnavailableError
from gilscope.core.spec import Availability
from gilscope.core.trace import Event, Recorder, Trace

__all__ = ["Chapter", "Experiment", "Figure", "Seen", "Verdict", "always", "overlap_ns", "run_experiment", "source_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured quantity.

    Parameters
    ----------
    name : str
    value : float, int or str
    unit : str
        ``s``, ``ns``, empty for counts, shares and words.
    """

    name: str
    value: float | int | str
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the claim held this time.

    Parameters
    ----------
    holds : bool
    seen : str
        What was seen, in a sentence with numbers of this run.
    figures : tuple of Figure
    """

    holds: bool
    seen: str
    figures: tuple[Figure, ...] = ()


def always() -> Availability:
    """Experiments that run everywhere."""
    return Availability(ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A program, and what it shows.

    Parameters
    ----------
    name, title : str
    text : str
        A few sentences: what happens and why.
    program : callable (Recorder) -> facts
        Shown as it is; writes down what happens as it happens, and may return what is no event.
    shown : tuple of callable
        What of the module is shown before it.
    claim : str
        What anybody will see who runs it, whatever the machine.
    judge : callable (Trace, facts) -> Verdict
    order : tuple of str
        Lanes of the diagram from the left.
    available : callable () -> Availability
    tries : int
        How often it is run until the claim holds. Above 1 only for claims that something *can* happen, which one
        occurrence proves; a busy machine may keep it from happening, a lock would do so every time.
    """

    name: str
    title: str
    text: str
    program: Callable[[Recorder], Any]
    claim: str
    judge: Callable[[Trace, Any], Verdict]
    shown: tuple[Callable[..., Any], ...] = ()
    order: tuple[str, ...] = ("main",)
    available: Callable[[], Availability] = always
    tries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A subject of the tour.

    Parameters
    ----------
    remember : str
        What to take along, in a sentence or two.
    """

    name: str
    title: str
    text: str
    experiments: tuple[Experiment, ...]
    remember: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one run of an experiment showed; ``trace`` and ``verdict`` are None where it cannot run here."""

    experiment: Experiment
    trace: Trace | None = None
    verdict: Verdict | None = None
    availability: Availability = field(default_factory=always)


def run_experiment(experiment: Experiment) -> Seen:
    """Run the program and judge what it wrote down, again where ``tries`` allows it and the claim did not hold."""
    available = experiment.available()
    if not available.ok:
        return Seen(experiment=experiment, availability=available)
    seen = _try(experiment, "")
    for number in range(2, experiment.tries + 1):
        if seen.verdict is None or seen.verdict.holds:
            break
        seen = _try(experiment, f"seen at attempt {number}: before, the machine was too busy to let it happen")
    return seen


def _try(experiment: Experiment, note: str) -> Seen:
    with tempfile.TemporaryDirectory(prefix="gilscope-tour-") as folder:
        log = Recorder(os.path.join(folder, "events"))
        try:
            facts = experiment.program(log)
            trace = log.trace(experiment.title, order=experiment.order, notes=(note,) if note else ())
            return Seen(experiment=experiment, trace=trace, verdict=experiment.judge(trace, facts))
        except UnavailableError as error:
            available = Availability(ok=False, reason=error.reason, cure=error.cure)
            return Seen(experiment=experiment, availability=available)
        finally:
            log.close()


def source_of(experiment: Experiment) -> str:
    """Return the text of the program as it ran, what it calls first."""
    functions = (*experiment.shown, experiment.program)
    return "\n\n".join(inspect.getsource(function).rstrip() for function in functions) + "\n"


def overlap_ns(events: Sequence[Event]) -> int:
    """Return how long at least two of the events went on at once."""
    edges = sorted([(event.start_ns, 1) for event in events] + [(event.end_ns, -1) for event in events])
    total = depth = last = 0
    for moment, change in edges:
        if depth >= 2:
            total += moment - last
        depth, last = depth + change, moment
    return total


def at_once(events: Sequence[Event]) -> Iterator[tuple[int, int]]:
    """Yield (moment, how many of the events go on from it), in order."""
    depth = 0
    for moment, change in sorted([(e.start_ns, 1) for e in events] + [(e.end_ns, -1) for e in events]):
        depth += change
        yield moment, depth
