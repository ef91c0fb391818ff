"""Fill the output sections of docs/gil.md from real reports, so that no number in it was ever typed.

Run: ``python docs/update_gil.py [--measure]``. With ``--measure`` the example program runs again under ``gilscope gil``
and its reports become the examples; without it the reports that are there are laid out again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from sections import fill_terminal, refresh

from gilscope.analysis.program import ProgramReport
from gilscope.report.gil import render_gil

PAGE = Path(__file__).resolve().parent / "gil.md"
EXAMPLES = PAGE.parent / "examples"
PROGRAM = "busy_threads.py"
MODES = ("count", "hash")


def report(mode: str) -> Path:
    """Return where the report of a run is kept."""
    return EXAMPLES / f"gil_{mode}.json"


def measure() -> None:
    """Run the program in each mode; from its own folder, so that no path gets into the report."""
    for mode in MODES:
        command = [sys.executable, "-m", "gilscope", "gil", "--json", "--out", report(mode).name, PROGRAM, mode]
        subprocess.run(command, cwd=EXAMPLES, check=True, timeout=120)


def output(mode: str) -> str:
    """Return what the terminal shows of a run."""
    seen = ProgramReport.of(json.loads(report(mode).read_text(encoding="utf-8")))
    return f"$ gilscope gil {PROGRAM} {mode}\ndone\n\n{render_gil(seen)}".rstrip()


def filled(text: str) -> str:
    """Return the page's text with its sections replaced."""
    return fill_terminal(text, output)


if __name__ == "__main__":
    refresh(PAGE, filled, measure)
