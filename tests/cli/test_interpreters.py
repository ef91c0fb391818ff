"""Which interpreters of a result may be run again: those that are found without it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gilscope.cli import interpreters
from gilscope.core.typed import read
from gilscope.results.surroundings import Python


@pytest.mark.parametrize(
    "entry",
    [
        {"label": "/bin/sh", "executable": "/bin/sh"},
        {"label": "sh", "executable": "/bin/sh"},
        {"label": "3.13", "executable": "/bin/sh"},
        {"label": "3.13", "executable": "~no-such-user/python"},
        {"label": None, "executable": sys.executable},
        {"label": "3.11"},
    ],
)
def test_a_result_cannot_name_a_program_to_be_run(entry: dict[str, str]) -> None:
    assert not interpreters._found_here(read(Python, entry))


@pytest.mark.parametrize("label", ["3.11", "3.13t+gil", "3.13-2"])
def test_the_running_interpreter_is_found_whatever_it_was_called(label: str) -> None:
    assert interpreters._found_here(Python(label=label, executable=str(Path(sys.executable))))
