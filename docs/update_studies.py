"""Fill the output sections of docs/studies.md from real documents, so that no number in it was ever typed.

Run: ``python docs/update_studies.py [--measure [STUDY...]]``. With ``--measure`` the studies (or only those named) run
again, about five minutes together on a machine that does nothing else; without it the documents that are there are laid
out again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from sections import fill_terminal

from gilscope.report.study_ipc import render_ipc
from gilscope.report.study_metg import render_metg
from gilscope.report.study_startup import render_startup
from gilscope.studies.document import to_json
from gilscope.studies.kinds import load_study

PAGE = Path(__file__).resolve().parent / "studies.md"
EXAMPLES = PAGE.parent / "examples"
WIDTH = 110
STUDIES: dict[str, tuple[list[str], Callable[..., str]]] = {
    "metg": (["metg", "--task", "40us"], render_metg),
    "startup": (["startup", "--budget", "90s"], render_startup),
    "ipc": (["ipc", "--budget", "90s"], render_ipc),
}


def document_of(study: str) -> Path:
    """Return where the document of a study is kept."""
    return EXAMPLES / f"study_{study}.json"


def measure(names: list[str]) -> None:
    """Run studies and keep their documents."""
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-m", "gilscope", *STUDIES[name][0], "--out", folder], check=True)
            document = to_json(load_study(Path(folder, f"{name}.jsonl")))
        document["environment"]["interpreter"]["executable"] = "python"  # where it lies is nobody's business
        document_of(name).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def output(name: str) -> str:
    """Return what the terminal shows of a study."""
    command, render = STUDIES[name]
    document = load_study(document_of(name))
    return f"$ gilscope {' '.join(command)}\n{render(document, width=WIDTH)}".rstrip()


def filled(text: str) -> str:
    """Return the page's text with its sections replaced."""
    return fill_terminal(text, output)


def main(arguments: list[str]) -> None:
    """Measure if asked to, and write the page."""
    if arguments[:1] == ["--measure"]:
        measure(arguments[1:] or list(STUDIES))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
