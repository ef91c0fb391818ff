"""What a chapter of the tour is made of: small programs whose runs are recorded, each with a claim to check."""

from __future__ import annotations

import itertools
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gilscope.core.errors import UnavailableError
from gilscope.core.spec import Availability
from gilscope.core.trace import GIL_LANE, Event, Recorder, Trace
from gilscope.tour import _program

_CHAPTERS = Path(__file__).parent / "chapters"
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
    """A program with marks (see ``_program``), and what it shows on any machine: the claim.

    It runs up to ``tries`` times until the claim holds: more than once only for claims that something *can* happen,
    which one occurrence proves. A busy machine may prevent it now and then, a lock would always.
    """

    name: str
    title: str
    text: str
    program: str
    claim: str
    judge: Callable[[Trace, Any], Judgement]
    available: Callable[[], Availability] = lambda: _HERE
    tries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A subject of the tour; ``remember`` sums it up in a sentence or two."""

    name: str
    title: str
    text: str
    experiments: tuple[Experiment, ...]
    remember: str


def chapter(name: str, experiments: Mapping[str, Callable[..., Experiment]]) -> Chapter:
    """Return the chapter written in ``chapters/<name>.md``.

    ``experiments`` makes each of its experiments, by name and in order, of what the file says; a claim that depends on
    the interpreter is given there, and not in the file.
    """
    text = (_CHAPTERS / f"{name}.md").read_text(encoding="utf-8")
    head, *parts = re.split(r"(?m)^## ", text)
    title, intro = head.removeprefix("# ").split("\n", 1)
    found = [_experiment(part, experiments) for part in parts[:-1]]
    remember = _paragraph(parts[-1].removeprefix("Remember"))
    return Chapter(name=name, title=title, text=_paragraph(intro), experiments=tuple(found), remember=remember)


def _experiment(part: str, experiments: Mapping[str, Callable[..., Experiment]]) -> Experiment:
    heading, text = part.split("\n", 1)
    name, title = heading.split(": ", 1)
    before, program, after = re.split(r"(?m)^```(?:python)?\n", text)
    claim = {"claim": _paragraph(after.partition("Claim: ")[2])} if "Claim: " in after else {}
    return experiments[name](name=name, title=title, text=_paragraph(before), program=program, **claim)


def _paragraph(text: str) -> str:
    return " ".join(text.split())


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
        failure = _program.run(experiment.program, log, Path(folder))
        trace = log.trace(experiment.title, order=("main", GIL_LANE), notes=notes)
    try:
        failed = Judgement(holds=False, observed=failure)
        judgement = failed if failure else experiment.judge(trace, trace.facts.get("result"))
        return ExperimentRun(experiment=experiment, trace=trace, judgement=judgement)
    except UnavailableError as error:
        return ExperimentRun(experiment=experiment, availability=when(False, error.reason, error.cure))


def at_once(events: Sequence[Event]) -> Iterator[tuple[int, int]]:
    """Yield (moment, how many of the events go on from it), in order."""
    depth = 0
    for moment, change in sorted([(e.start_ns, 1) for e in events] + [(e.end_ns, -1) for e in events]):
        depth += change
        yield moment, depth


def overlap_ns(events: Sequence[Event]) -> int:
    """Return how long at least two of the events went on at once."""
    return sum(end - start for (start, depth), (end, _) in itertools.pairwise(at_once(events)) if depth >= 2)
