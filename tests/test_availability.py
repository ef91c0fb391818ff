"""What an interpreter can run is asked of that interpreter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gilscope import kernels
from gilscope.availability import Local, Remote
from gilscope.core.spec import Availability
from gilscope.env import _about, interpreter


def remote(*names: str, **more: Any) -> Remote:
    """Return what this interpreter answers, as another one would hear it."""
    return Remote(label="3.99", about={**json.loads(json.dumps(_about.abilities(names))), "gil_enabled": True, **more})


@pytest.mark.parametrize("name", ["primes", "gemm", "spin"])
def test_the_answer_says_of_every_implementation_what_looking_says(name: str) -> None:
    spec, here, there = kernels.load(name), Local(), remote(name)
    for impl in spec.impls:
        assert there.implementation(spec, impl).ok == here.implementation(spec, impl).ok
        if impl.unavailable:
            assert there.implementation(spec, impl).reason == impl.unavailable
            continue
        for executor, start_method in (("serial", ""), ("native", ""), ("processes", "spawn")):
            found = there.executor(executor, spec, impl, start_method)
            assert found.ok == here.executor(executor, spec, impl, start_method).ok


def test_what_it_was_not_told_it_cannot_run() -> None:
    spec = kernels.load("primes")
    impl = spec.impl("py_loop")
    assert impl is not None
    found = remote().implementation(spec, impl)
    assert (found.ok, found.reason) == (False, "3.99 has no implementation primes/py_loop")
    assert remote("primes").executor("processes", spec, impl, "telepathy").reason == (
        "3.99 has no executor processes.telepathy"
    )


def test_a_kernel_that_is_not_installed_there_is_no_error() -> None:
    assert _about.abilities(["somebody_elses"])["kernels"]["somebody_elses"] == {}


def test_what_it_says_to_install_it_says_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Availability(ok=False, reason="numba is not installed", cure="Install it with: pip install 'x[numba]'")
    monkeypatch.setattr(kernels, "availability", lambda spec, impl: missing)
    monkeypatch.setattr("sys.executable", "/there/python")
    said = _about.abilities(["primes"])["kernels"]["primes"]["py_loop"]["here"]
    assert said["cure"] == "Install it with: /there/python -m pip install 'x[numba]'"


def test_numba_on_free_threaded_3_13_has_a_reason_and_no_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "availability", lambda spec, impl: Availability(ok=False, reason="x", cure="y"))
    monkeypatch.setattr(interpreter, "free_threaded_build", lambda: True)
    monkeypatch.setattr(_about, "_NUMBA_WITHOUT_GIL", (9, 9))
    said = _about.abilities(["primes"])["kernels"]["primes"]
    assert said["nb_gil"]["here"]["reason"].startswith("Numba has no release for free-threaded Python")
    assert said["nb_gil"]["here"]["cure"] == ""
    assert said["py_loop"]["here"]["reason"] == "x"
