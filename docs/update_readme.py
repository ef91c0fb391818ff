"""Fill the output sections of README.md from a real result, so that no number in it was ever typed.

Run: ``python docs/update_readme.py [RESULT]``. With a result (a file or its folder) that one becomes the example: it is
copied to docs/examples, without the path of its interpreter. Without one the example that is there is rendered again,
after a change of the tables.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sections import fill_terminal

from gilscope import results
from gilscope.analysis import analyse
from gilscope.report.terminal import render_head, render_kernel

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
EXAMPLE = ROOT / "docs/examples" / results.RESULT_NAME
KERNELS = ("mandelbrot", "triad")  # one that is bound by arithmetic, one by memory
WIDTH = 110  # what a code block of a web page shows with little scrolling


def output() -> str:
    """Return what ``gilscope show`` prints of the example: where it was measured, and two kernels."""
    document = analyse(results.load(EXAMPLE))
    document["result"] = EXAMPLE.relative_to(ROOT).as_posix()
    parts = [render_head(document, WIDTH), *(render_kernel(document, kernel, width=WIDTH) for kernel in KERNELS)]
    return "\n\n".join([_command(document["study"]), *parts])


def _command(study: Mapping[str, Any]) -> str:
    """Return the command line that asked for a study."""
    words = ["gilscope run", *study["kernels"], "--implementations", ",".join(study["implementations"])]
    workers = ",".join(map(str, study["workers"]))
    return " ".join(["$", *words, "--workers", workers, "--budget", f"{study['budget_s']:g}"])


def filled(text: str) -> str:
    """Return the README's text with its section replaced."""
    return fill_terminal(text, lambda name: output())


def adopt(source: Path) -> None:
    """Make a result the example; where its interpreter lay is nobody's business."""
    path = source / results.RESULT_NAME if source.is_dir() else source
    header, _, rest = path.read_text(encoding="ascii").partition("\n")
    facts = json.loads(header)
    facts["environment"]["interpreter"]["executable"] = "python"
    EXAMPLE.parent.mkdir(exist_ok=True)
    EXAMPLE.write_text(json.dumps(facts, separators=(",", ":")) + "\n" + rest, encoding="ascii")


def main(result: str | None) -> None:
    """Take a new example if there is one, and write the README."""
    if result is not None:
        adopt(Path(result))
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
