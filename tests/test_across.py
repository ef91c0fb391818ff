"""A study under another interpreter, from the words to the table: one result, shared blocks, what each really is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gilscope import pipeline
from gilscope.analysis import Answer
from gilscope.core.errors import UsageError
from gilscope.env.interpreters import ask, choose
from gilscope.measure.engine import Kernels
from gilscope.plan import compared, make_study
from gilscope.report.terminal import render
from gilscope.results import load
from tests import interpreters


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any Python can import these sources, and so has the same gilscope, perhaps without compiled modules."""
    monkeypatch.setenv("PYTHONPATH", interpreters.source_folder())
    monkeypatch.delenv("PYTHON_GIL", raising=False)


@pytest.fixture
def measured(importable: None, tmp_path: Path, request: pytest.FixtureRequest) -> Answer:
    """One block of primes under this interpreter and another one."""
    other = interpreters.found(free_threaded=request.param)
    if other is None:
        pytest.skip(interpreters.missing(free_threaded=request.param))
    named = choose([interpreters.own(), other], "both" if request.param else None, ["primes", "spin"])
    study = make_study(workers=(2,), kernels=("primes",), implementations=("py_loop",), executors=("threads",))
    study = compared(dataclasses.replace(study, size="XS"), [entry.label for entry in named], ["implementations"])
    study = dataclasses.replace(study, budget_s=0.5)
    return pipeline.run(Kernels(study, named), tmp_path)


@pytest.mark.parametrize("measured", [False], indirect=True, ids=["another"])
def test_two_interpreters_share_blocks_and_a_table(measured: Answer, tmp_path: Path) -> None:
    first, second = measured.options.interpreters
    rows = {row.interpreter: row for row in measured.rows if row.case.executor == "threads"}
    assert {row.status for row in rows.values()} <= {"ok", "too_noisy"}
    assert rows[second].python != rows[first].python
    assert rows[second].gil.enabled is True
    for block in load(tmp_path).blocks:
        assert {key.rpartition("!")[2] for key in block.rounds if key.startswith("primes")} == {first, second}
    assert {price.case.interpreter for price in measured.prices} == {second}
    assert [entry.label for entry in measured.surroundings.interpreters] == [first, second]
    assert f"{second} on" in render(measured, width=120)


@pytest.mark.parametrize("measured", [True], indirect=True, ids=["free-threaded"])
def test_the_workers_tell_whether_they_have_a_gil(measured: Answer) -> None:
    _, without, with_gil = measured.options.interpreters
    assert with_gil == f"{without}+gil"
    enabled = {row.interpreter: row.gil.enabled for row in measured.rows if row.case.executor == "threads"}
    assert (enabled[without], enabled[with_gil]) == (False, True)
    switched = {row.interpreter: row.gil.switched_on for row in measured.rows}
    assert "PYTHON_GIL" in switched[with_gil]
    assert switched[without] == ""
    assert (without, with_gil) in {(price.case.interpreter, price.versus.interpreter) for price in measured.prices}


def test_an_interpreter_without_gilscope_is_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    other = interpreters.found(free_threaded=False)
    if other is None:
        pytest.skip(interpreters.missing(free_threaded=False))
    if ask(other, ())["gilscope"] is not None:
        pytest.skip(f"{other} has gilscope installed")
    with pytest.raises(UsageError, match="gilscope env add") as caught:
        choose([other], None, [])
    assert "\n" not in str(caught.value)
