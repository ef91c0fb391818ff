"""The one entrance of what measures cases: what it writes, in which order, and what an interruption leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gilscope.core.cases import Case, Study
from gilscope.core.errors import UsageError
from gilscope.core.records import CaseRecord
from gilscope.measure.calibrate import ROUND_S
from gilscope.measure.engine import Kernels, Planned, measure
from gilscope.measure.events import Observer
from gilscope.results import load
from tests.measure.test_blocks import FakeHost, _plan, _study, steady

FAILED = CaseRecord(
    case=Case(kernel="a", implementation="broken", executor="serial", workers=1, size="1"),
    status="failed",
    reason="it broke when it was looked at",
)


class Host(FakeHost):
    """A fake host that is started and ended."""

    def __init__(self) -> None:
        super().__init__(steady)
        self.ended = False

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True


class Subject:
    """Something to measure; what was found out about it is in the environment."""

    interpreters = ()
    round_s = ROUND_S

    def __init__(self, budget_s: float = 0.01) -> None:
        self.budget_s, self.started = budget_s, Host()

    def host(self, environment: Any) -> Any:
        return self.started

    def planned(self, host: Any, environment: Any, observer: Observer) -> Planned:
        assert host is self.started
        found = {**environment, "functions": {"f": {"call_s": 1.0}}}
        return Planned(study=_study(self.budget_s), plan=_plan("a"), environment=found, records=(FAILED,))


def test_what_was_found_out_is_written_with_what_was_measured(tmp_path: Path) -> None:
    subject = Subject()
    assert measure(subject, tmp_path / "result.jsonl")
    result = load(tmp_path / "result.jsonl")
    assert result.environment["functions"] == {"f": {"call_s": 1.0}}
    assert result.environment["cpus"]["count"] >= 1
    assert next(iter(result.cases.values())) == FAILED
    assert len(result.blocks) >= 1
    assert subject.started.ended


def test_ctrl_c_leaves_the_blocks_that_are_whole_and_resume_counts_them(tmp_path: Path) -> None:
    class Impatient(Observer):
        def block_done(self, kernel: str, blocks: int, *rest: Any) -> None:
            if blocks == 2:
                raise KeyboardInterrupt

    path, subject = tmp_path / "result.jsonl", Subject(budget_s=600.0)
    assert not measure(subject, path, observer=Impatient())
    assert subject.started.ended
    before = load(path).blocks
    assert len(before) == 2
    assert measure(Subject(), path, resume=True)
    assert load(path).blocks[:2] == before
    assert [block.index for block in load(path).blocks] == list(range(len(load(path).blocks)))
    assert len(load(path).resumed) == 1


def test_nothing_is_started_where_another_machine_measured_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.jsonl"
    measure(Subject(), path)
    monkeypatch.setattr("gilscope.env.capture", lambda: {"machine": {"identity": "another"}})
    with pytest.raises(UsageError, match="was measured elsewhere"):
        measure(Subject(), path, resume=True)


def test_kernels_that_cannot_be_measured_are_refused_before_anything_starts() -> None:
    study = Study(kernels=("nbody",), implementations=("nothing",), executors=(), workers=(2,))
    with pytest.raises(UsageError):
        Kernels(study)
