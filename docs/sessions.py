"""Sessions of the terminal that pages show: kept result files, rendered as ``gilscope show`` does, nothing typed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from gilscope import results
from gilscope.analysis import analyse
from gilscope.report.terminal import render_head, render_kernel

__all__ = ["EXAMPLES", "ROOT", "adopt", "session", "study_of"]

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "docs/examples"
WIDTH = 110  # what a code block of a web page shows with little scrolling


def session(example: Path, command: str) -> str:
    """Return a command and what it printed: where it was measured, and every kernel."""
    answer = replace(analyse(results.load(example)), result=example.relative_to(ROOT).as_posix())
    kernels = (render_kernel(answer, kernel, width=WIDTH) for kernel in answer.by_kernel)
    parts = [render_head(answer, WIDTH), *kernels]
    return "\n\n".join([f"$ {command}", *parts])


def study_of(example: Path) -> dict[str, Any]:
    """Return what was asked for."""
    with example.open(encoding="ascii") as file:
        study: dict[str, Any] = json.loads(file.readline())["study"]
    return study


def adopt(source: Path, example: Path) -> None:
    """Make a result (a file or its folder) an example; where its interpreters lay is nobody's business."""
    path = source / results.RESULT_NAME if source.is_dir() else source
    header, _, rest = path.read_text(encoding="ascii").partition("\n")
    facts = json.loads(header)
    environment = facts["environment"]
    for interpreter in (environment["interpreter"], *environment.get("interpreters", ())):
        interpreter["executable"] = "python"
    example.parent.mkdir(exist_ok=True)
    example.write_text(json.dumps(facts, separators=(",", ":")) + "\n" + rest, encoding="ascii")
