"""Where the tests of this folder write, and a finished result."""

from __future__ import annotations

from pathlib import Path

import pytest

from gilscope.results import ResultWriter

from .samples import ENVIRONMENT, RECORD, STUDY, block


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "result.jsonl"


@pytest.fixture
def written(path: Path) -> Path:
    """A finished result of one case and three blocks."""
    with ResultWriter(path, STUDY, ENVIRONMENT, "1.2.3") as result:
        result.case(RECORD)
        for index in range(3):
            result.block(block(index))
    return path
