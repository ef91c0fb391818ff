"""docs/gil.md: the example program under ``gilscope gil``."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from gilscope.analysis.program import ProgramReport
from gilscope.report.gil import render_gil
from pages import quiet
from pages.shared import EXAMPLES, gilscope, terminal

PROGRAM = "busy_threads.py"
MODES = ("count", "hash")


def report(mode: str) -> Path:
    """Return where the report of a run is kept."""
    return EXAMPLES / f"gil_{mode}.json"


def measure(mode: str) -> None:
    """Run the program from its own folder, so that no path gets into the report."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "report.json")
        gilscope("gil", "--json", "--out", kept, PROGRAM, mode, cwd=EXAMPLES, timeout=120)
        text = kept.read_text(encoding="utf-8")
    quiet.keep(report(mode), text, (), render_gil(ProgramReport.of(json.loads(text))))


def section(mode: str) -> str:
    """Return what the terminal shows of a run."""
    seen = ProgramReport.of(json.loads(report(mode).read_text(encoding="utf-8")))
    return terminal(f"gil {PROGRAM} {mode}", f"done\n\n{render_gil(seen)}")
