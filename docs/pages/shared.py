"""The sections of pages, from ``<!-- output:NAME -->`` to ``<!-- /output -->``, and where what they show is kept."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["EXAMPLES", "ROOT", "WIDTH", "fill", "gilscope", "terminal"]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs/examples"
WIDTH = 110  # what a code block of a web page shows with little scrolling


def fill(text: str, section: Callable[[str], str]) -> str:
    """Return a page's text with each section replaced by what ``section`` gives for its name."""
    return re.sub(
        r"<!-- output:(\w+) -->.*?<!-- /output -->",
        lambda match: f"<!-- output:{match[1]} -->\n{section(match[1])}\n<!-- /output -->",
        text,
        flags=re.DOTALL,
    )


def terminal(command: str, output: str) -> str:
    """Return a section that shows a command of gilscope and what it printed."""
    return f"```\n$ gilscope {command}\n{output.rstrip()}\n```"


def gilscope(*words: str | Path, **options: Any) -> str:
    """Run gilscope as ``subprocess.run`` does with such options, and return its standard output if that is captured."""
    options = {"check": True, "text": True, **options}
    done: subprocess.CompletedProcess[str] = subprocess.run([sys.executable, "-m", "gilscope", *words], **options)
    return done.stdout
