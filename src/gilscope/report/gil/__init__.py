"""The report of ``gilscope gil``: how a whole program used the GIL, in the terminal, as a page and for speedscope."""

from gilscope.report.gil.strip import strip
from gilscope.report.gil.text import render_gil
from gilscope.report.gil.verdict import judge, program_report, watched_report

__all__ = ["judge", "program_report", "render_gil", "strip", "watched_report"]
