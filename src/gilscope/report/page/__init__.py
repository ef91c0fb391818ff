"""``report.html``: one self-contained page that needs no network and runs no script but its own.

Charts are SVG made by ``gilscope.report.charts``, not by Vega-Lite, after a trial: its runtime adds 0.9 MB to every
file, compiles expressions while it runs, which no strict content policy allows, and has no keyboard navigation.
"""

from __future__ import annotations

from gilscope.report.charts.model import read_view
from gilscope.report.page.render import REPORT_NAME, render, write

__all__ = ["REPORT_NAME", "read_view", "render", "write"]
