"""Charts: each draws one kernel of an analysis document as SVG panels, with the standard library alone.

Every chart is drawn by the same function for the HTML report and for ``gilscope export``.
"""

from __future__ import annotations

import importlib

from gilscope.report.charts.model import Chart, Drawer, Panel, View

__all__ = ["CHARTS", "Chart", "Panel", "View", "draw"]

CHARTS = ("heatmap", "scaling", "losses", "gil", "interpreters")

_MODULES = {"heatmap": "heat", "interpreters": "versions"}


def draw(name: str, view: View, kernel: str) -> Chart | None:
    """Draw one of ``CHARTS`` of a kernel; None where the result has nothing to draw."""
    module = importlib.import_module(f"gilscope.report.charts.{_MODULES.get(name, name)}")
    drawer: Drawer = module.draw
    return drawer(view, kernel)
