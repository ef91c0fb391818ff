"""What a chapter of the tour is made of: small programs that record what they do, each with a claim to check."""

from __future__ import annotations

import inspect
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gilscope.core.errors import UnavailableError
from gilscope.core.spec import Availability
from gilscope.core.trace import GIL_LANE, Event, Recorder, Trace

_HERE = Availability(ok=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity; the unit is ``s``, or empty for counts, shares and words."""

    name: str
    value: float | int | str
    unit: str = ""


def seconds(name: str, span_ns: float) -> Figure:
    """Return the figure of a span of time."""
    return Figure(name, span_ns / 1e9, "s")


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a claim held in one run, and what was observed: a sentence with the numbers of that run."""

    holds: bool
    observed: str
    figures: tuple[Figure, ...] = ()


def when(ok: bool, reason: str, cure: str) -> Availability:
    """Return that something can run here, or else why not and what to do."""
    return _HERE if ok else Availability(ok=False, reason=reason, cure=cure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A program, which records what happens as it happens, and what it shows on any machine: the claim.

    Readers see the sources of the functions in ``shown``, then that of the program. It runs up to ``tries`` times until
    the claim holds: more than once only for claims that something *can* happen, which one occurrence proves. A busy
    machine may prevent it now and then, a lock would always.
    """

    title: str
    text: str
    program: Callable[[Recorder], Any]
    claim: str
    judge: Callable[[Trace, Any], Judgement]
    shown: tuple[Callable[..., Any], ...] = ()
    available: Callable[[], Availability] = lambda: _HERE
    tries: int = 1

    @property
    def name(self) -> str:
        """The name of the program: ``lost-update``."""
        return self.program.__name__.rstrip("_").replace("_", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A subject of the tour; ``remember`` sums it up in a sentence or two."""

    name: str
    title: str
    text: str
    experiments: tuple[Experiment, ...]
    remember: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRun:
    """One run of an experiment; ``trace`` and ``judgement`` are None where it cannot run here."""

    experiment: Experiment
    trace: Trace | None = None
    judgement: Judgement | None = None
    availability: Availability = _HERE


def run_experiment(experiment: Experiment) -> ExperimentRun:
    """Run the program and judge its trace, up to ``tries`` times until the claim holds."""
    available = experiment.available()
    if not available.ok:
        return ExperimentRun(experiment=experiment, availability=available)
    run = _try(experiment, ())
    for number in range(2, experiment.tries + 1):
        if run.judgement is None or run.judgement.holds:
            break
        run = _try(experiment, (f"seen at attempt {number}: before, the machine was too busy to let it happen",))
    return run


def _try(experiment: Experiment, notes: tuple[str, ...]) -> ExperimentRun:
    with tempfile.TemporaryDirectory(prefix="gilscope-tour-") as folder:
        log = Recorder(os.path.join(folder, "events"))
        try:
            result = experiment.program(log)
            trace = log.trace(experiment.title, order=("main", GIL_LANE), notes=notes)
            return ExperimentRun(experiment=experiment, trace=trace, judgement=experiment.judge(trace, result))
        except UnavailableError as error:
            return ExperimentRun(experiment=experiment, availability=when(False, error.reason, error.cure))
        finally:
            log.close()


def source_of(experiment: Experiment) -> str:
    """Return the source of the program as it ran, after that of the functions shown with it."""
    functions = (*experiment.shown, experiment.program)
    return "\n\n".join(inspect.getsource(function).rstrip() for function in functions) + "\n"


def at_once(events: Sequence[Event]) -> Iterator[tuple[int, int]]:
    """Yield (moment, how many of the events go on from it), in order."""
    depth = 0
    for moment, change in sorted([(e.start_ns, 1) for e in events] + [(e.end_ns, -1) for e in events]):
        depth += change
        yield moment, depth


def overlap_ns(events: Sequence[Event]) -> int:
    """Return how long at least two of the events went on at once."""
    return sum(end - start for (start, depth), (end, _) in itertools.pairwise(at_once(events)) if depth >= 2)
