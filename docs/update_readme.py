"""Fill the output sections of README.md from a real result, so that no number in it was ever typed.

Run: ``python docs/update_readme.py [RESULT]``. With a result (a file or its folder) that one becomes the example: it is
copied to docs/examples. Without one the example that is there is rendered again, after a change of the tables.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from gilscope import results
from gilscope.analysis import analyse
from gilscope.report.terminal import render_head, render_kernel

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
EXAMPLE = ROOT / "docs/examples" / results.RESULT_NAME
KERNELS = ("mandelbrot", "triad")  # one that is bound by arithmetic, one by memory
WIDTH = 100  # what a code block of a web page shows without scrolling


def output() -> str:
    """Return what ``gilscope show`` prints of the example: where it was measured, and two kernels."""
    document = analyse(results.load(EXAMPLE))
    document["result"] = EXAMPLE.relative_to(ROOT).as_posix()
    parts = [render_head(document, WIDTH), *(render_kernel(document, kernel, width=WIDTH) for kernel in KERNELS)]
    return "\n\n".join(parts)


def filled(text: str) -> str:
    """Return the README's text with its section replaced."""
    block = f"<!-- output:run -->\n```\n{output()}\n```\n<!-- /output -->"
    return re.sub(r"<!-- output:run -->.*?<!-- /output -->", lambda match: block, text, flags=re.DOTALL)


def main(result: str | None) -> None:
    """Take a new example if there is one, and write the README."""
    if result is not None:
        source = Path(result)
        EXAMPLE.parent.mkdir(exist_ok=True)
        shutil.copyfile(source / results.RESULT_NAME if source.is_dir() else source, EXAMPLE)
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
