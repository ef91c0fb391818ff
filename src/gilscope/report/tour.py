"""The tour: chapters in the terminal, and as one HTML page that loads nothing from anywhere."""

from __future__ import annotations

import textwrap

from gilscope.core.trace import duration
from gilscope.report.svg import Markup, tag
from gilscope.report.timeline import best_svg, in_sequence
from gilscope.report.timeline.page import document
from gilscope.report.timeline.text import draw, strip
from gilscope.tour._model import Figure
from gilscope.tour._shown import ShownChapter, ShownExperiment, Tour

_WIDEST = 100  # columns of prose: longer lines are hard to read
MANY_FIGURES = 4  # from here on a table is clearer than the sentence


def render_chapter(chapter: ShownChapter, *, width: int = 120, unicode: bool = True, color: bool = False) -> str:
    """Return a chapter as text: explanation, program, what happened when, the claim and what was measured."""
    rule = ("═" if unicode else "=") * min(width, _WIDEST)
    parts = [f"{rule}\n{_bold(chapter.title, color)}  ({chapter.name})\n{rule}", _wrapped(chapter.text, width)]
    for experiment in chapter.experiments:
        parts += _experiment(experiment, width, unicode, color)
    parts.append(_wrapped(f"Remember: {chapter.remember}", width))
    return "\n\n".join(parts) + "\n"


def _experiment(experiment: ShownExperiment, width: int, unicode: bool, color: bool) -> list[str]:
    line = ("─" if unicode else "-") * min(width, _WIDEST)
    parts = [f"{_bold(experiment.title, color)}\n{line}", _wrapped(experiment.text, width)]
    parts.append(textwrap.indent(experiment.source.rstrip(), "    "))
    if experiment.trace is not None:
        trace = experiment.trace.trace(experiment.title)
        picture = draw if in_sequence(trace) else strip
        parts.append(picture(trace, width=min(width, _WIDEST + 20), unicode=unicode))
    parts.append("\n".join(_verdict(experiment, width, unicode)))
    return parts


def _verdict(experiment: ShownExperiment, width: int, unicode: bool) -> list[str]:
    lines = [_wrapped(f"Claim:    {experiment.claim}", width, 10)]
    if experiment.holds is None:
        return [*lines, _wrapped(f"Measured: n/a, {_why_not(experiment)}", width, 10)]
    lines.append(_wrapped(f"Measured: {experiment.seen}", width, 10))
    figures = experiment.figures
    if len(figures) >= MANY_FIGURES:
        longest = max(len(figure.name) for figure in figures)
        lines += [f"          {figure.name:<{longest}}  {figure_text(figure):>12}" for figure in figures]
    mark = ("✓" if unicode else "+") if experiment.holds else ("✗" if unicode else "x")
    return [*lines, f"          {mark} the claim {'holds' if experiment.holds else 'did not hold this time'}"]


def _why_not(experiment: ShownExperiment) -> str:
    return experiment.reason + (f" ({experiment.cure})" if experiment.cure else "")


def figure_text(figure: Figure) -> str:
    """Return the value of a figure with its unit."""
    if figure.unit == "s" and not isinstance(figure.value, str):
        return duration(figure.value * 1e9)
    return f"{figure.value:.2f}" if isinstance(figure.value, float) else str(figure.value)


def _bold(text: str, color: bool) -> str:
    return f"\x1b[1m{text}\x1b[0m" if color else text


def _wrapped(text: str, width: int, indent: int = 0) -> str:
    return textwrap.fill(text, min(width, _WIDEST), subsequent_indent=" " * indent)


def tour_page(tour: Tour) -> str:
    """Return the page of a tour."""
    links = [tag("li", tag("a", chapter.title, href=f"#{chapter.name}")) for chapter in tour.chapters]
    made = f"Measured by gilscope {tour.tool_version} with Python {tour.interpreter}."
    return document(
        "A tour of concurrency",
        tag("h1", "A tour of concurrency"),
        tag("p", f"{made} Every diagram is drawn from what happened.", class_="soft"),
        tag("nav", tag("ol", *links)),
        *(part for chapter in tour.chapters for part in _chapter_markup(chapter)),
    )


def _chapter_markup(chapter: ShownChapter) -> list[Markup]:
    parts = [tag("h2", chapter.title, id=chapter.name), tag("p", chapter.text)]
    for number, experiment in enumerate(chapter.experiments):
        parts += [tag("h3", experiment.title), tag("p", experiment.text), tag("pre", tag("code", experiment.source))]
        if experiment.trace is not None:
            trace = experiment.trace.trace(experiment.title)
            parts.append(tag("figure", Markup(best_svg(trace, ident=f"{chapter.name}-{number}"))))
        parts.append(_verdict_markup(experiment))
    return [*parts, tag("p", tag("strong", "Remember: "), chapter.remember, class_="card")]


def _verdict_markup(experiment: ShownExperiment) -> Markup:
    claim = tag("p", tag("strong", "Claim: "), experiment.claim)
    if experiment.holds is None:
        return tag("div", claim, tag("p", tag("strong", "n/a: "), _why_not(experiment)), class_="card")
    rows = [
        tag("tr", tag("th", figure.name, scope="row"), tag("td", figure_text(figure), class_="n"))
        for figure in experiment.figures
    ]
    return tag(
        "div",
        claim,
        tag("p", tag("strong", "Measured: "), experiment.seen),
        tag("p", "The claim holds." if experiment.holds else "The claim did not hold this time."),
        tag("details", tag("summary", "Figures"), tag("table", tag("tbody", *rows))),
        class_=f"card {'seen' if experiment.holds else 'unseen'}",
    )
