"""The list of environments of other interpreters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gilscope.env.environments import Environment, EnvironmentRecord
from gilscope.env.interpreters import ListedEnvironment
from gilscope.report.machine import made_note, render_environments


def listed(name: str, problem: str = "", **facts: Any) -> ListedEnvironment:
    made = Environment(name=name, path=Path("/there") / name, record=EnvironmentRecord(**facts))
    return ListedEnvironment(environment=made, problem=problem)


ENVIRONMENT = listed(
    "3.13t",
    python="3.13.5",
    free_threaded=True,
    libraries={"numpy": "2.4", "loky": "3.7"},
    missing={"numba": "no release"},
    base="~/python",
)


def test_the_list_says_what_can_be_used_and_how_to_mend_the_rest() -> None:
    broken = listed("3.99", "unfinished")
    text = render_environments([ENVIRONMENT, broken], "/there", width=120)
    assert "Python 3.13.5, free-threaded" in text
    assert "numpy 2.4" in text
    assert "ready" in text
    assert "unfinished; gilscope env add 3.99" in text
    assert "gilscope env add 3.13t" in render_environments([], "/there", width=120)


def test_what_was_made_says_how_to_use_it_and_what_is_missing() -> None:
    text = made_note(ENVIRONMENT)
    assert "without numba, whose cases will be n/a (no release)" in text
    assert text.endswith("gilscope run --python 3.13t --gil both")
