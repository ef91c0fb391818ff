"""A command line whose measuring is a hand-made answer: what is asked can be looked at, and no test waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gilscope.analysis import Answer
from gilscope.core.cases import Study
from gilscope.env.interpreters import Interpreter
from gilscope.measure.engine import Kernels
from gilscope.measure.events import Observer
from gilscope.results import ResultWriter
from tests.report.answers import mandelbrot


class FakePipeline:
    """Stands in for ``gilscope.pipeline.run``."""

    def __init__(self) -> None:
        self.answer: Answer = mandelbrot()
        self.studies: list[Study] = []
        self.folders: list[Path] = []
        self.interpreters: Sequence[Interpreter] = ()
        self.during: Callable[[Observer], None] = lambda observer: None
        self.writes = True

    def run(
        self,
        subject: Kernels,
        out: Path,
        *,
        observer: Observer,
        resume: bool = False,
    ) -> Answer:
        self.studies.append(subject.study)
        self.interpreters = subject.interpreters
        self.folders.append(out)
        self.during(observer)
        if self.writes:
            with ResultWriter(out / "result.jsonl", subject.study, {}, "0"):
                pass  # a header is a result
        return self.answer


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder without settings above it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GILSCOPE_MAX_WORKERS", raising=False)
    return tmp_path


@pytest.fixture
def pipeline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
    """Replace measuring by an answer made by hand."""
    fake = FakePipeline()
    monkeypatch.setattr("gilscope.pipeline.run", fake.run)
    return fake
