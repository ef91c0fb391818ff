"""The tour: what its programs showed, as a document and in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gilscope.report.mermaid import sequence_diagram
from gilscope.report.sequence import draw
from gilscope.report.strip import strip
from gilscope.report.trace_json import trace_from, trace_values
from gilscope.studies.tour._model import Chapter, Seen, source_of
from gilscope.trace import Trace, duration

__all__ = [
    "TOUR_SCHEMA",
    "all_hold",
    "chapter_document",
    "figure_text",
    "render_chapter",
    "tour_document",
    "trace_of",
]

TOUR_SCHEMA, TOUR_SCHEMA_VERSION = "gilscope.tour", 1

_MOST_EVENTS = 2000  # per experiment in a document; beyond, the shortest are left out


# The document ---------------------------------------------------------------------------------------------------------


def tour_document(
    chapters: Iterable[Mapping[str, Any]], *, tool_version: str, environment: Mapping[str, Any]
) -> dict[str, Any]:
    """Return chapters as one JSON-able document."""
    return {
        "schema": TOUR_SCHEMA,
        "schema_version": TOUR_SCHEMA_VERSION,
        "tool_version": tool_version,
        "environment": dict(environment),
        "chapters": list(chapters),
    }


def chapter_document(chapter: Chapter, seen: Sequence[Seen]) -> dict[str, Any]:
    """Return a chapter and what its experiments showed; times of events count from the start of each."""
    return {
        "name": chapter.name,
        "title": chapter.title,
        "text": chapter.text,
        "experiments": [_experiment(each) for each in seen],
        "remember": chapter.remember,
    }


def _experiment(seen: Seen) -> dict[str, Any]:
    experiment, verdict, trace = seen.experiment, seen.verdict, seen.trace
    return {
        "name": experiment.name,
        "title": experiment.title,
        "text": experiment.text,
        "source": source_of(experiment),
        "claim": experiment.claim,
        "holds": None if verdict is None else verdict.holds,
        "seen": "" if verdict is None else verdict.seen,
        "reason": seen.availability.reason,
        "cure": seen.availability.cure,
        "figures": [] if verdict is None else [asdict(figure) for figure in verdict.figures],
        "trace": None if trace is None else trace_values(trace, _MOST_EVENTS),
        "mermaid": "" if trace is None else sequence_diagram(trace),
    }


def trace_of(experiment: Mapping[str, Any]) -> Trace:
    """Return the trace of an experiment of a document."""
    return trace_from(experiment["title"], experiment["trace"])


def all_hold(chapter: Mapping[str, Any]) -> bool:
    """Whether no claim of a chapter failed; one that could not be tried has not."""
    return all(experiment["holds"] is not False for experiment in chapter["experiments"])


# The terminal ---------------------------------------------------------------------------------------------------------

_WIDEST = 100  # columns of prose: longer lines are hard to read
_MANY_FIGURES = 4  # from here on a table says more than the sentence


def figure_text(figure: Mapping[str, Any]) -> str:
    """Return the value of a figure with its unit."""
    value, unit = figure["value"], figure["unit"]
    if unit == "s":
        return duration(value * 1e9)
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def render_chapter(chapter: Mapping[str, Any], *, width: int = 120, unicode: bool = True, color: bool = False) -> str:
    """Return a chapter as text: explanation, program, what happened when, the claim and what was seen."""
    rule = ("═" if unicode else "=") * min(width, _WIDEST)
    parts = [
        f"{rule}\n{_bold(chapter['title'], color)}  ({chapter['name']})\n{rule}",
        _wrapped(chapter["text"], width),
    ]
    for experiment in chapter["experiments"]:
        parts += _rendered(experiment, width, unicode, color)
    parts.append(_wrapped(f"Remember: {chapter['remember']}", width))
    return "\n\n".join(parts) + "\n"


def _rendered(experiment: Mapping[str, Any], width: int, unicode: bool, color: bool) -> list[str]:
    line = ("─" if unicode else "-") * min(width, _WIDEST)
    parts = [f"{_bold(experiment['title'], color)}\n{line}", _wrapped(experiment["text"], width)]
    parts.append(textwrap.indent(experiment["source"].rstrip(), "    "))
    if experiment["trace"] is not None:
        trace = trace_of(experiment)
        parts.append(draw(trace, width=width, unicode=unicode))
        parts.append(strip(trace, width=min(width, _WIDEST + 20), unicode=unicode))
    parts.append("\n".join(_verdict(experiment, width, unicode)))
    return parts


def _verdict(experiment: Mapping[str, Any], width: int, unicode: bool) -> list[str]:
    lines = [_wrapped(f"Claim:    {experiment['claim']}", width, 10)]
    if experiment["holds"] is None:
        cure = f" ({experiment['cure']})" if experiment["cure"] else ""
        return [*lines, _wrapped(f"Measured: n/a, {experiment['reason']}{cure}", width, 10)]
    lines.append(_wrapped(f"Measured: {experiment['seen']}", width, 10))
    figures = experiment["figures"]
    if len(figures) >= _MANY_FIGURES:
        longest = max(len(figure["name"]) for figure in figures)
        lines += [f"          {figure['name']:<{longest}}  {figure_text(figure):>12}" for figure in figures]
    mark = ("✓" if unicode else "+") if experiment["holds"] else ("✗" if unicode else "x")
    return [*lines, f"          {mark} the claim {'holds' if experiment['holds'] else 'did not hold this time'}"]


def _bold(text: str, color: bool) -> str:
    return f"\x1b[1m{text}\x1b[0m" if color else text


def _wrapped(text: str, width: int, indent: int = 0) -> str:
    return textwrap.fill(text, min(width, _WIDEST), subsequent_indent=" " * indent)
