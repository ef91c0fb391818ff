"""The list of environments of other interpreters."""

from __future__ import annotations

from gilscope.report.environments import made_note, render_environments

ENVIRONMENT = {
    "name": "3.13t",
    "version": "3.13.5",
    "free_threaded": True,
    "libraries": {"numpy": "2.4"},
    "base": "~/python3.13t",
    "problem": "",
}


def test_the_list_says_what_can_be_used_and_how_to_mend_the_rest() -> None:
    broken = {"name": "3.99", "problem": "unfinished"}
    text = render_environments([ENVIRONMENT, broken], "/there", width=120)
    assert "Python 3.13.5, free-threaded" in text
    assert "numpy 2.4" in text
    assert "ready" in text
    assert "unfinished; gilscope env add 3.99" in text
    assert "gilscope env add 3.13t" in render_environments([], "/there", width=120)


def test_what_was_made_says_how_to_use_it_and_what_is_missing() -> None:
    text = made_note(ENVIRONMENT, {"numba": "no release"})
    assert "without numba, whose cases will be n/a (no release)" in text
    assert text.endswith("gilscope run --python 3.13t --gil both")
