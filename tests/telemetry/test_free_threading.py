"""Who switched the GIL on, on builds that can do without it."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

import gilscope.telemetry.free_threading as free_threading
from gilscope.telemetry.free_threading import gil_state


@pytest.fixture
def re_enabled(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Play a free-threaded build whose GIL is on."""
    monkeypatch.setattr(free_threading, "free_threaded_build", lambda: True)
    monkeypatch.setattr(free_threading, "gil_enabled", lambda: True)
    monkeypatch.setattr(sys, "flags", SimpleNamespace(gil=None))
    return monkeypatch


def test_an_ordinary_build_has_its_gil_and_no_reason_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_threading, "free_threaded_build", lambda: False)
    monkeypatch.setattr(free_threading, "gil_enabled", lambda: True)
    state = gil_state()
    assert (state.enabled, state.free_threaded_build, state.reason, state.modules) == (True, False, "", ())


def test_the_first_module_without_the_declaration_is_named(re_enabled: pytest.MonkeyPatch) -> None:
    re_enabled.setattr(free_threading, "_undeclared", lambda: ("culprit", "follower"))
    assert gil_state().reason.startswith("switched on by importing culprit,")
    assert gil_state().modules == ("culprit", "follower")


def test_where_modules_cannot_be_asked_the_reason_says_so(re_enabled: pytest.MonkeyPatch) -> None:
    re_enabled.setattr(free_threading, "_undeclared", lambda: None)
    assert "cannot be told" in gil_state().reason


def test_a_culprit_that_is_gone_is_not_blamed_on_another(re_enabled: pytest.MonkeyPatch) -> None:
    re_enabled.setattr(free_threading, "_undeclared", lambda: ())
    assert "no longer loaded" in gil_state().reason


def test_the_users_own_choice_is_told_apart(re_enabled: pytest.MonkeyPatch) -> None:
    re_enabled.setattr(sys, "flags", SimpleNamespace(gil=1))
    assert gil_state().reason == "switched on by PYTHON_GIL=1 or -X gil=1"


def test_this_interpreter_agrees_with_itself() -> None:
    state = gil_state()
    assert state.enabled or state.free_threaded_build
    assert state.enabled == getattr(sys, "_is_gil_enabled", lambda: True)()
