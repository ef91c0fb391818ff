"""Fill the output sections of docs/interpreters.md from real results, so that no number in it was ever typed.

Run: ``python docs/update_interpreters.py [--measure]``. With ``--measure`` the commands are run again, about six
minutes on a machine that does nothing else; they need the environment of ``gilscope env add 3.13t``. Without it the
results that are there are rendered again.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from sections import fill_terminal, refresh
from sessions import EXAMPLES, ROOT, adopt, session

PAGE = ROOT / "docs/interpreters.md"
COMMANDS = {
    "gil": (
        "run mandelbrot primes --implementations py_loop,cy_gil,cy_nogil --executors threads,processes --workers 2"
        " --python 3.11 --python 3.13t --gil both"
    ),
    "contention": "run shared_object private_object --python 3.13t --gil both --workers 2",
}


def example_of(name: str) -> Path:
    """Return where the result of a command is kept."""
    return EXAMPLES / f"interpreters_{name}.jsonl"


def measure() -> None:
    """Run the commands and keep their results."""
    for name, words in COMMANDS.items():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "gilscope", *words.split(), "--out", str(Path(folder) / name)]
            subprocess.run(command, check=True)
            adopt(Path(folder) / name, example_of(name))


def filled(text: str) -> str:
    """Return the page's text with its sections replaced."""
    return fill_terminal(text, lambda name: session(example_of(name), f"gilscope {COMMANDS[name]}"))


if __name__ == "__main__":
    refresh(PAGE, filled, measure)
