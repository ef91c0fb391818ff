"""What is said before the user's functions run."""

from __future__ import annotations

from pathlib import Path

from gilscope.measure.own import Request
from gilscope.measure.words import own_functions
from gilscope.report.sentences.preamble import preamble


def test_the_preamble_says_what_is_imported_and_run() -> None:
    request = Request(
        functions=own_functions(["json:dumps"], Path("/work")), folder="/work", arguments="((1,), {'indent': 2})"
    )
    assert preamble(request) == "imports from /work and calls json:dumps(1, indent=2); one call is one task"
