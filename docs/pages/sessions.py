"""README.md and pages with sessions of the terminal: kept results as ``gilscope show`` prints them."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from gilscope import results
from gilscope.analysis import analyse
from gilscope.report.terminal.answer import render_answer
from pages import quiet
from pages.shared import EXAMPLES, gilscope, terminal

_WIDTH = 100  # a code block of a README scrolls beyond

SESSIONS = {
    "profile": (
        EXAMPLES / "profile.jsonl",
        "profile blobs.py:checksum blobs.py:digest --setup blobs.py:make --budget 90s",
    ),
    "run": (
        EXAMPLES / "result.jsonl",
        "run mandelbrot triad --implementations py_loop,cy_gil,cy_nogil,cy_prange,nb_prange --workers 2 --budget 75",
    ),
    "gil": (
        EXAMPLES / "interpreters_gil.jsonl",
        (
            "run mandelbrot --implementations py_loop,cy_gil,cy_nogil --executors threads,processes --workers 2"
            " --python 3.11 --python 3.13t --gil both --budget 4m"
        ),
    ),
    "engines": (
        EXAMPLES / "engines.jsonl",
        (
            "profile blobs.py:checksum --setup blobs.py:make --executors"
            " serial,threads,joblib_threading,joblib_loky,dask_client,mpi4py --workers 2 --budget 60s"
        ),
    ),
    "contention": (
        EXAMPLES / "interpreters_contention.jsonl",
        "run shared_object private_object --python 3.13t --gil both --workers 2",
    ),
}
"""Section -> its result and its command; ``--python 3.13t`` needs ``gilscope env add 3.13t``."""


def measure(name: str) -> None:
    """Run a command in the folder of the examples and keep its result, without paths of this machine."""
    example, words = SESSIONS[name]
    with tempfile.TemporaryDirectory() as folder:
        gilscope(*words.split(), "--out", f"{folder}/result", cwd=EXAMPLES)
        measured = Path(folder, "result", results.RESULT_NAME)
        header, _, rest = measured.read_text(encoding="ascii").partition("\n")
        shown = _shown(measured)
    facts = json.loads(header)
    environment = facts["environment"]
    for interpreter in (environment["interpreter"], *environment.get("interpreters", ())):
        interpreter["executable"] = "python"
    text = json.dumps(facts, separators=(",", ":")) + "\n" + rest
    quiet.keep(example, text.replace(f"{EXAMPLES}/", ""), environment["checks"], shown)


def section(name: str) -> str:
    """Return a command and the answer it printed, or for ``blobs`` the file that is profiled."""
    if name == "blobs":
        return f"```python\n{(EXAMPLES / 'blobs.py').read_text(encoding='utf-8')}```"
    example, words = SESSIONS[name]
    return terminal(words, f"\n{_shown(example)}")


def _shown(example: Path) -> str:
    return render_answer(replace(analyse(results.load(example)), result=f"docs/examples/{example.name}"), width=_WIDTH)
