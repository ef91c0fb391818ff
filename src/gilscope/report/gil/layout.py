"""How a report of ``gilscope gil`` is laid out: labels on the left, texts beside them, at most 80 columns."""

from __future__ import annotations

import textwrap

from gilscope.report.figures import NO_BREAK, unbroken

WIDTH = 80
LABEL = 12  # columns before each text


def labelled(name: str, text: str) -> str:
    """Return a text that is filled beside its label."""
    head = f"{name:<{LABEL}}"
    lines = textwrap.fill(
        unbroken(text), WIDTH, initial_indent=head, subsequent_indent=" " * LABEL, break_on_hyphens=False
    )
    return lines.replace(NO_BREAK, " ")
