"""A badge: the best way of a case in the newest run, as an SVG or for shields.io."""

from __future__ import annotations

import json
from dataclasses import dataclass

from gilscope.analysis.history import CaseHistory, History
from gilscope.core.errors import UsageError
from gilscope.report.figures import counted, narrow
from gilscope.report.svg import tag

_GOOD, _FAIR = 0.8, 0.5  # efficiencies: from 0.8 on acceptable (POP, pop-coe.eu); below 0.5 half the CPUs are wasted
_COLORS = {"good": "#00704f", "fair": "#7a5c00", "bad": "#a14400", "unknown": "#566173"}  # white text is legible on all
_HEIGHT, _PAD = 20.0, 6.0
_CHARACTER = 6.6  # mean width of a letter at 11 px


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says."""

    label: str
    message: str
    color: str

    @property
    def shields(self) -> str:
        """The badge as JSON for https://shields.io/badges/endpoint-badge."""
        document = {"schemaVersion": 1, "label": self.label, "message": self.message, "color": self.color}
        return json.dumps(document, indent=2) + "\n"

    @property
    def svg(self) -> str:
        """The badge as a picture that loads nothing."""
        left, right = (2 * _PAD + _CHARACTER * len(text) for text in (self.label, self.message))
        style: dict[str, str | float] = {"fill": "#ffffff", "text_anchor": "middle", "y": 14}
        font = "11px Verdana,DejaVu Sans,sans-serif"
        return tag(
            "svg",
            tag("title", f"{self.label}: {self.message}"),
            tag("clipPath", tag("rect", width=left + right, height=_HEIGHT, rx=3), id="r"),
            tag(
                "g",
                tag("rect", width=left, height=_HEIGHT, fill="#444d5a"),
                tag("rect", x=left, width=right, height=_HEIGHT, fill=self.color),
                tag("text", self.label, x=left / 2, textLength=left - 2 * _PAD, **style),
                tag("text", self.message, x=left + right / 2, textLength=right - 2 * _PAD, **style),
                clip_path="url(#r)",
                style=f"font:{font}",
            ),
            xmlns="http://www.w3.org/2000/svg",
            width=left + right,
            height=_HEIGHT,
            role="img",
        )


def badge(found: History, case: str = "") -> Badge:
    """Return the badge of the fastest parallel case of the newest run, among those with ``case`` in their name.

    Raises UsageError if no case has that.
    """
    named = [one for one in found.cases if case in one.case]
    if case and not named:
        raise UsageError(f"no case with {case!r} in {found.folder}: 'gilscope history {found.folder}' lists them")
    newest = [one for one in named if one.points[-1][0] == len(found.runs) - 1]
    return _badge(newest, sum(one.case in {own.case for own in named} for one in found.regressions))


def _badge(newest: list[CaseHistory], worse: int) -> Badge:
    parallel = [one.latest for one in newest if one.latest.speedup is not None and one.latest.workers > 1]
    best = max(parallel, key=lambda one: one.speedup.value if one.speedup else 0.0, default=None)
    if best is None or best.speedup is None or best.efficiency is None:
        return Badge("parallel", "n/a", _COLORS["unknown"])
    message = f"{narrow(best.speedup.value)}x on {best.workers}"
    if worse:
        return Badge("parallel", f"{message}, {counted(worse, 'regression')}", _COLORS["bad"])
    level = best.efficiency.value
    kind = "good" if level >= _GOOD else "fair" if level >= _FAIR else "bad"
    return Badge("parallel", message, _COLORS[kind])
