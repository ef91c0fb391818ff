"""The tour in the terminal."""

from __future__ import annotations

import textwrap

from gilscope.core.trace import duration
from gilscope.report.timeline.sequence import draw
from gilscope.report.timeline.strip import strip
from gilscope.tour._model import Figure
from gilscope.tour._shown import ShownChapter, ShownExperiment

__all__ = ["figure_text", "render_chapter"]

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
