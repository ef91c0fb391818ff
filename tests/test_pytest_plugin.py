"""The plugin as test suites use it: options, skips, summary."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gilscope import pytest_plugin
from gilscope.analysis.runs import read_runs

_INSTALLED = any(  # as pytest looks for plugins: every distribution, the same one twice too
    (entry.group, entry.name) == ("pytest11", "gilscope")
    for distribution in importlib.metadata.distributions()
    for entry in distribution.entry_points
)
_LOADED = [] if _INSTALLED else ["-p", "gilscope.pytest_plugin"]

SUITE = """
    import hashlib
    def held():
        return sum(i * i for i in range(3000))
    def test_short(scaling):
        scaling(held, budget_s=0.1).require(relative_efficiency=0.8)
    def test_released(gil):
        gil.assert_released(hashlib.pbkdf2_hmac, "sha256", b"password", b"salt", 20_000)
    def test_held(gil):
        gil.assert_released(held)
"""


def _pytest(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_suite.py").write_text(textwrap.dedent(SUITE))
    # As a suite of its own: what a worker of xdist has in its environment is not for this one.
    own = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", *_LOADED, *options],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=300,
        env={**own, **environment},
    )


@pytest.mark.slow
def test_undecided_gates_are_skipped_with_their_numbers_and_counted(tmp_path: Path) -> None:
    run = _pytest(tmp_path, "--scaling-json", "gates.json")
    assert run.returncode == 1
    assert "1 failed, 1 passed, 1 skipped" in run.stdout
    assert "1 passed, 1 failed, 1 undecided" in run.stdout
    assert "undecided: test_suite:held/held in 2 threads: relative efficiency" in run.stdout
    assert "; --scaling-strict makes this a failure" in run.stdout
    assert "gil.assert_released(held)" in run.stdout
    assert "raise AssertionError" not in run.stdout  # of ours: the line that demands is shown
    decisions = json.loads((tmp_path / "gates.json").read_text())["decisions"]
    assert [decision["outcome"] for decision in decisions] == ["open", "passed", "failed"]


@pytest.mark.slow
def test_each_worker_count_is_a_row_of_pytest_benchmark(tmp_path: Path) -> None:
    (tmp_path / "test_rows.py").write_text(
        "def held():\n    return sum(i * i for i in range(3000))\n"
        "def test_rows(scaling, benchmark):\n    scaling.benchmark(benchmark, held, workers=(1, 2))\n"
    )
    run = _pytest(tmp_path, "test_rows.py", "--scaling-budget", "0.1", "--benchmark-json", "rows.json")
    assert run.returncode == 0, run.stdout
    assert "test_rows[threads*2]" in run.stdout
    rows = json.loads((tmp_path / "rows.json").read_text())["benchmarks"]
    assert [(row["name"], row["extra_info"]["workers"]) for row in rows] == [
        ("test_rows[threads*1]", 1),
        ("test_rows[threads*2]", 2),
    ]
    assert set(rows[1]["extra_info"]["speedup"]) == {"value", "low", "high"}
    assert rows[0]["stats"]["median"] > 0


def test_a_pytest_benchmark_that_has_changed_inside_is_said() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"cannot add rows to pytest-benchmark \d"):
        pytest_plugin._new_row(object())


@pytest.mark.slow
@pytest.mark.parametrize("how", [("--scaling-strict",), ("-o", "scaling_strict=true")], ids=["option", "ini"])
def test_strict_turns_undecided_into_failures(how: tuple[str, ...], tmp_path: Path) -> None:
    run = _pytest(tmp_path, *how, "-k", "short")
    assert run.returncode == 1
    assert "1 failed" in run.stdout
    assert "undecided: test_suite:held/held" in run.stdout
    assert "makes this a failure" not in run.stdout


@pytest.mark.measuring
def test_the_gates_of_the_readme_run_as_printed(tmp_path: Path) -> None:
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^    # (test_parallel\.py);.*\n(?:    .*\n|\n)+", readme, re.MULTILINE)
    assert block is not None
    source = textwrap.dedent(block[0]).strip() + "\n"
    assert len(source.splitlines()) <= 14
    (tmp_path / block[1]).write_text(source)
    run = _pytest(tmp_path, block[1])
    counts = {
        word: int(n) for n, word in re.findall(r"(\d+) (passed|skipped|failed|error)", run.stdout.splitlines()[-1])
    }
    assert run.returncode == 0, run.stdout
    assert counts.get("passed", 0) + counts.get("skipped", 0) == 2
    assert run.stdout.count("SKIPPED [") == run.stdout.count(": undecided: "), run.stdout


def test_disabled_gates_call_their_function_once(tmp_path: Path) -> None:
    run = _pytest(tmp_path, "--scaling-disable")
    assert (run.returncode, "3 passed" in run.stdout) == (0, True)
    assert "scaling gates" not in run.stdout


@pytest.mark.slow
def test_beside_other_workers_of_xdist_nothing_is_timed_and_all_decisions_are_told(tmp_path: Path) -> None:
    run = _pytest(tmp_path, "-n", "2", "--scaling-json", "gates.json")
    assert "1 failed, 1 passed, 1 skipped" in run.stdout
    assert "1 passed, 1 failed, 1 undecided" in run.stdout
    assert "not timed beside 1 other xdist workers: run the scaling tests with -n 0" in run.stdout
    decisions = json.loads((tmp_path / "gates.json").read_text())["decisions"]
    assert sorted(decision["outcome"] for decision in decisions) == ["failed", "open", "passed"]


def test_a_suite_without_gates_loads_nothing_that_measures(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\ndef test_it():\n    assert not [m for m in sys.modules if m.startswith('gilscope.measure')]\n"
    )
    run = _pytest(tmp_path, "test_plain.py")
    assert "1 passed" in run.stdout


def test_decisions_are_kept_for_gilscope_history(tmp_path: Path) -> None:
    for _ in range(2):
        _pytest(tmp_path, "--scaling-history", "kept/runs", "-k", "released")
    assert len(list((tmp_path / "kept" / "runs").glob("gates-*.json"))) == 2
    runs, left_out = read_runs(tmp_path / "kept" / "runs")
    assert left_out == ()
    assert len(runs) == 2
    for run in runs:
        assert run.when.startswith("20")
        assert run.surroundings.machine.known
        (case,) = run.cases
        assert case.startswith("test_suite.py::test_released ")
    _pytest(tmp_path, "--scaling-history", "kept/none", "-k", "nothing")
    assert not (tmp_path / "kept" / "none").exists()
