"""docs/findings.md: what each finding means and what to do, from the code that names it."""

from __future__ import annotations

import importlib

from gilscope.analysis.findings import FINDINGS, cure_of
from gilscope.report.labels import MARKS, OPEN


def measure(_part: str) -> None:
    """Nothing of it is measured."""


def section(_name: str) -> str:
    """Return the table of findings, in the order of the alphabet."""
    return "\n".join(["| finding | letter | what it means | fix |", "|---|---|---|---|", *map(_line, sorted(FINDINGS))])


def _line(code: str) -> str:
    letter = MARKS[code if code in MARKS else OPEN].letter
    return f"| `{code}` | {letter} | {_meaning(code)} | {_capitalised(cure_of(code)) or '-'} |"


def _meaning(code: str) -> str:
    about = importlib.import_module(f"gilscope.analysis.findings.{code}").__doc__ or ""
    return " ".join(about.partition("\n\n")[0].split())


def _capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
