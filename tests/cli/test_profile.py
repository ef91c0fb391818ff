"""``gilscope profile``: the lines of the README run as they stand, with defaults from pyproject.toml."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gilscope import results
from gilscope.core.cases import Case

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
LINES = re.findall(r"^    (gilscope profile .+)$", README, re.MULTILINE)


def test_the_readme_has_lines_to_run() -> None:
    assert len(LINES) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_readme_runs_as_printed(line: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def make():\n    return ([3, 1, 2],)\n\n\ndef f(values):\n    return sorted(values)\n"
    )
    (tmp_path / "pyproject.toml").write_text('[tool.gilscope]\nbudget = "0.05"\nworkers = [2]\nout = "kept"\n')
    words = shlex.split(line, comments=True)
    run = subprocess.run(
        [sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) <= 20
    result = results.load(tmp_path / "kept")
    assert (result.study["budget_s"], result.study["workers"]) == (0.05, [2])
    assert {record.status for record in result.cases.values()} == {"ok"}


def test_an_engine_is_profiled_by_its_factory_beside_threads(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f():\n    return sum(range(20_000))\n")
    (tmp_path / "pools.py").write_text(
        "from concurrent.futures import ThreadPoolExecutor\n\n\n"
        "def make(max_workers):\n    return ThreadPoolExecutor(max_workers)\n"
    )
    command = "gilscope profile mine.py:f --executors threads,futures:pools:make --workers 2 --budget 1s --out kept"
    run = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "2 futures:pools:make workers" in run.stdout
    kept = results.load(tmp_path / "kept").cases
    assert {case.executor for case in map(Case.parse, kept)} >= {"threads", "futures:pools:make"}
    assert {record.status for record in kept.values()} == {"ok"}
