"""README.md and docs/interpreters.md: sessions of the terminal, kept results as ``gilscope show`` prints them."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from gilscope import results
from gilscope.analysis import analyse
from gilscope.report.terminal.answer import render_answer
from pages.shared import EXAMPLES, ROOT, WIDTH, gilscope, terminal

SESSIONS = {
    "run": (
        EXAMPLES / "result.jsonl",
        "run mandelbrot triad --implementations py_loop,cy_gil,cy_nogil,cy_prange,nb_prange --workers 2 --budget 75",
    ),
    "gil": (
        EXAMPLES / "interpreters_gil.jsonl",
        (
            "run mandelbrot primes --implementations py_loop,cy_gil,cy_nogil --executors threads,processes --workers 2"
            " --python 3.11 --python 3.13t --gil both"
        ),
    ),
    "contention": (
        EXAMPLES / "interpreters_contention.jsonl",
        "run shared_object private_object --python 3.13t --gil both --workers 2",
    ),
}
"""Section -> its result and its command; ``--python 3.13t`` needs ``gilscope env add 3.13t``."""


def measure(name: str) -> None:
    """Run a command and keep its result, without the paths of its interpreters."""
    example, words = SESSIONS[name]
    with tempfile.TemporaryDirectory() as folder:
        gilscope(*words.split(), "--out", f"{folder}/result")
        header, _, rest = Path(folder, "result", results.RESULT_NAME).read_text(encoding="ascii").partition("\n")
    facts = json.loads(header)
    environment = facts["environment"]
    for interpreter in (environment["interpreter"], *environment.get("interpreters", ())):
        interpreter["executable"] = "python"
    example.write_text(json.dumps(facts, separators=(",", ":")) + "\n" + rest, encoding="ascii")


def section(name: str) -> str:
    """Return a command and what it printed."""
    example, words = SESSIONS[name]
    answer = replace(analyse(results.load(example)), result=example.relative_to(ROOT).as_posix())
    return terminal(words, "\n" + render_answer(answer, width=WIDTH))
