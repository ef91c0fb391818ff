"""The tour: what its programs showed, as JSON and in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gilscope import typed
from gilscope.report.timeline.mermaid import sequence_diagram
from gilscope.report.timeline.sequence import draw
from gilscope.report.timeline.strip import strip
from gilscope.report.timeline.trace_json import StoredTrace
from gilscope.results.surroundings import Surroundings
from gilscope.studies.tour._model import Chapter, Figure, Seen, source_of
from gilscope.trace import duration

__all__ = ["TOUR_SCHEMA", "ShownChapter", "ShownExperiment", "Tour", "figure_text", "render_chapter"]

TOUR_SCHEMA, TOUR_SCHEMA_VERSION = "gilscope.tour", 1

_MOST_EVENTS = 2000  # per experiment in a document; beyond, the shortest are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExperiment:
    """A program of the tour and what a run of it showed.

    Parameters
    ----------
    name, title, text, source, claim : str
        Of the experiment; the source as it ran.
    holds : bool or None
        Whether the claim held; None where it could not run.
    seen : str
        What was seen, in a sentence.
    reason, cure : str
        Why it could not run, and what to do.
    figures : tuple of Figure
    trace : StoredTrace or None
    mermaid : str
        The sequence diagram; empty without a trace.
    """

    name: str
    title: str
    text: str
    source: str
    claim: str
    holds: bool | None
    seen: str
    reason: str
    cure: str
    figures: tuple[Figure, ...]
    trace: StoredTrace | None
    mermaid: str

    @classmethod
    def of(cls, seen: Seen) -> ShownExperiment:
        """Return what is shown of an experiment."""
        experiment, verdict, trace = seen.experiment, seen.verdict, seen.trace
        return cls(
            name=experiment.name,
            title=experiment.title,
            text=experiment.text,
            source=source_of(experiment),
            claim=experiment.claim,
            holds=None if verdict is None else verdict.holds,
            seen="" if verdict is None else verdict.seen,
            reason=seen.availability.reason,
            cure=seen.availability.cure,
            figures=() if verdict is None else verdict.figures,
            trace=None if trace is None else StoredTrace.of(trace, _MOST_EVENTS),
            mermaid="" if trace is None else sequence_diagram(trace),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChapter:
    """A chapter and what its experiments showed."""

    name: str
    title: str
    text: str
    experiments: tuple[ShownExperiment, ...]
    remember: str

    @classmethod
    def of(cls, chapter: Chapter, seen: Iterable[Seen]) -> ShownChapter:
        """Return what is shown of a chapter."""
        return cls(
            name=chapter.name,
            title=chapter.title,
            text=chapter.text,
            experiments=tuple(map(ShownExperiment.of, seen)),
            remember=chapter.remember,
        )

    @property
    def holds(self) -> bool:
        """Whether no claim failed; one that could not be tried has not."""
        return all(experiment.holds is not False for experiment in self.experiments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """A tour that was taken.

    Parameters
    ----------
    tool_version : str
    environment : mapping
        ``interpreter`` and ``usable_cpus``, as JSON has them.
    chapters : tuple of ShownChapter
    """

    tool_version: str
    environment: Mapping[str, Any]
    chapters: tuple[ShownChapter, ...]

    @property
    def interpreter(self) -> str:
        """Name of the interpreter in case ids: ``3.13t``."""
        return Surroundings.of(self.environment).interpreter.label or "?"

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``gilscope tour --json``."""
        return {"schema": TOUR_SCHEMA, "schema_version": TOUR_SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Tour:
        """Read a stored tour.

        Raises
        ------
        ValueError
            If it lacks something.
        """
        return typed.read(cls, document)


# The terminal ---------------------------------------------------------------------------------------------------------

_WIDEST = 100  # columns of prose: longer lines are hard to read
_MANY_FIGURES = 4  # from here on a table says more than the sentence


def figure_text(figure: Figure) -> str:
    """Return the value of a figure with its unit."""
    if figure.unit == "s" and not isinstance(figure.value, str):
        return duration(figure.value * 1e9)
    return f"{figure.value:.2f}" if isinstance(figure.value, float) else str(figure.value)


def render_chapter(chapter: ShownChapter, *, width: int = 120, unicode: bool = True, color: bool = False) -> str:
    """Return a chapter as text: explanation, program, what happened when, the claim and what was seen."""
    rule = ("═" if unicode else "=") * min(width, _WIDEST)
    parts = [f"{rule}\n{_bold(chapter.title, color)}  ({chapter.name})\n{rule}", _wrapped(chapter.text, width)]
    for experiment in chapter.experiments:
        parts += _rendered(experiment, width, unicode, color)
    parts.append(_wrapped(f"Remember: {chapter.remember}", width))
    return "\n\n".join(parts) + "\n"


def _rendered(experiment: ShownExperiment, width: int, unicode: bool, color: bool) -> list[str]:
    line = ("─" if unicode else "-") * min(width, _WIDEST)
    parts = [f"{_bold(experiment.title, color)}\n{line}", _wrapped(experiment.text, width)]
    parts.append(textwrap.indent(experiment.source.rstrip(), "    "))
    if experiment.trace is not None:
        trace = experiment.trace.trace(experiment.title)
        parts.append(draw(trace, width=width, unicode=unicode))
        parts.append(strip(trace, width=min(width, _WIDEST + 20), unicode=unicode))
    parts.append("\n".join(_verdict(experiment, width, unicode)))
    return parts


def _verdict(experiment: ShownExperiment, width: int, unicode: bool) -> list[str]:
    lines = [_wrapped(f"Claim:    {experiment.claim}", width, 10)]
    if experiment.holds is None:
        cure = f" ({experiment.cure})" if experiment.cure else ""
        return [*lines, _wrapped(f"Measured: n/a, {experiment.reason}{cure}", width, 10)]
    lines.append(_wrapped(f"Measured: {experiment.seen}", width, 10))
    figures = experiment.figures
    if len(figures) >= _MANY_FIGURES:
        longest = max(len(figure.name) for figure in figures)
        lines += [f"          {figure.name:<{longest}}  {figure_text(figure):>12}" for figure in figures]
    mark = ("✓" if unicode else "+") if experiment.holds else ("✗" if unicode else "x")
    return [*lines, f"          {mark} the claim {'holds' if experiment.holds else 'did not hold this time'}"]


def _bold(text: str, color: bool) -> str:
    return f"\x1b[1m{text}\x1b[0m" if color else text


def _wrapped(text: str, width: int, indent: int = 0) -> str:
    return textwrap.fill(text, min(width, _WIDEST), subsequent_indent=" " * indent)
