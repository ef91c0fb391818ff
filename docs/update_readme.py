"""Fill the output sections of README.md from a real result, so that no number in it was ever typed.

Run: ``python docs/update_readme.py [RESULT]``. With a result (a file or its folder) that one becomes the example: it is
copied to docs/examples, without the path of its interpreter. Without one the example that is there is rendered again,
after a change of the tables.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sections import fill_terminal
from sessions import EXAMPLES, ROOT, adopt, session, study_of

README = ROOT / "README.md"
EXAMPLE = EXAMPLES / "result.jsonl"


def output() -> str:
    """Return the command line that asked for the example, and what it printed."""
    study = study_of(EXAMPLE)
    words = ["gilscope run", *study["kernels"], "--implementations", ",".join(study["implementations"])]
    workers = ",".join(map(str, study["workers"]))
    return session(EXAMPLE, " ".join([*words, "--workers", workers, "--budget", f"{study['budget_s']:g}"]))


def filled(text: str) -> str:
    """Return the README's text with its section replaced."""
    return fill_terminal(text, lambda name: output())


def main(result: str | None) -> None:
    """Take a new example if there is one, and write the README."""
    if result is not None:
        adopt(Path(result), EXAMPLE)
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
