"""``gilscope list`` and ``gilscope doctor``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gilscope.cli import main
from gilscope.core.registry import EXECUTORS, IMPLEMENTATIONS, KERNELS, QUICK
from gilscope.core.spec import Availability, Impl, KernelSpec
from gilscope.inventory import inventory

RUNTIMES = [{"user_api": "openmp", "filepath": f"/usr/lib/lib{name}.so"} for name in ("gomp", "omp")]


@pytest.fixture(autouse=True)
def _two_runtimes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading all that uses OpenMP takes a second; tests/env/test_openmp.py does it."""
    monkeypatch.setattr("gilscope.env.openmp.look", lambda: RUNTIMES)


def test_list_names_every_kernel_implementation_and_executor(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    words = capsys.readouterr().out.replace(".", " ").split()
    assert {*KERNELS, *IMPLEMENTATIONS, *EXECUTORS} <= set(words)


def test_list_json_says_what_runs_by_default(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["default"] == list(QUICK)
    assert [kernel["name"] for kernel in found["kernels"]][: len(KERNELS)] == list(KERNELS)


def test_what_is_not_available_has_a_reason() -> None:
    entries = [entry for kernel in inventory().kernels for entry in kernel.implementations]
    missing = [entry for entry in entries if not entry.available]
    assert missing, "np_blas exists for no kernel yet, so there is something to give a reason for"
    assert all(entry.reason for entry in missing)


def test_a_missing_package_is_listed_with_its_cure(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = Availability(ok=False, reason="numba is not installed", cure="pip install 'gilscope[numba]'")
    monkeypatch.setattr("gilscope.kernels.availability", lambda spec, impl: gone)
    assert main(["list"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "of all: numba is not installed; pip install 'gilscope[numba]'" in out


def test_list_names_the_exceptions_where_they_are_fewer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def all_but_nbody(spec: KernelSpec, impl: Impl) -> Availability:
        return Availability(ok=spec.name != "nbody", reason="" if spec.name != "nbody" else "planted")

    monkeypatch.setattr("gilscope.kernels.availability", all_but_nbody)
    assert main(["list"]) == 0
    assert "all but nbody" in capsys.readouterr().out


def test_a_kernel_of_another_package_that_does_not_load_is_listed_with_the_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(name: str) -> None:
        raise ImportError("no module named pandas")

    monkeypatch.setattr("gilscope.kernels.load", fail)
    assert "no module named pandas" in inventory().kernels[0].summary


def test_doctor_names_the_limit_of_usable_cpus(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GILSCOPE_MAX_WORKERS", "1")
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "GILSCOPE_MAX_WORKERS is 1" in out


def test_doctor_json_has_cpus_interpreter_and_checks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert {"cpus", "interpreter", "machine", "libraries", "checks"} <= set(found)
    assert [check["status"] for check in found["checks"] if check["name"] == "openmp"] == ["warning"]
    assert err == ""


@pytest.mark.parametrize("width", ["60", "80", "120"])
@pytest.mark.parametrize("verb", ["list", "doctor"])
def test_no_line_is_wider_than_the_terminal(
    verb: str, width: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    assert main([verb]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= int(width)
