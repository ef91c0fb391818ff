"""Charts: each draws one kernel of an answer as SVG panels, for the HTML report and for ``gilscope export`` alike."""

from __future__ import annotations

import importlib

from gilscope.report.charts.model import Chart, Panel, View

__all__ = ["CHARTS", "STUDY_CHARTS", "Chart", "Panel", "View", "draw"]

CHARTS = (
    "heatmap",
    "speedups",
    "scaling",
    "stack",
    "roofline",
    "prediction",
    "losses",
    "gil",
    "interpreters",
    "timeline",
)  # charts of a kernel
STUDY_CHARTS = ("metg", "ipc", "startup")  # charts of the studies beside a result; they belong to no kernel
_HOMES = {"heatmap": "heat:draw", "interpreters": "versions:draw", **{name: f"studies:{name}" for name in STUDY_CHARTS}}


def draw(name: str, view: View, kernel: str = "") -> Chart | None:
    """Draw one of ``CHARTS`` of a kernel, or of ``STUDY_CHARTS``; None where there is nothing to draw."""
    if name in STUDY_CHARTS and name not in view.studies:
        return None
    module, _, function = _HOMES.get(name, f"{name}:draw").partition(":")
    home = importlib.import_module(f"gilscope.report.charts.{module}")
    drawn: Chart | None = getattr(home, function)(view, kernel)
    return drawn
