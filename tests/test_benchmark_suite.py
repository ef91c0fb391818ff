"""``pytest`` collects the tests, ``pytest --benchmark-only`` the benchmarks, and neither anything of the other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENOUGH = 40  # benchmarks: each flagship kernel in its implementations, on one worker and on all

pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="the benchmarks are not beside these tests")


def run(*words: str) -> str:
    """Run ``pytest`` with some words at the root and return what it printed."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True).stdout


def collected(*words: str) -> tuple[list[str], str]:
    """Return the files of what ``pytest`` with some words would run at the root, one per test, and all it printed."""
    printed = run("--collect-only", "--quiet", *words)
    return [line.partition("::")[0] for line in printed.splitlines() if "::" in line], printed


def test_benchmark_only_collects_the_benchmarks_and_skips_no_test():
    files, printed = collected("--benchmark-only")
    assert len(files) >= ENOUGH
    assert {file.partition("/")[0] for file in files} == {"benchmarks"}
    assert not re.search("skipped|deselected|warning", printed, re.IGNORECASE)


def test_a_marker_chooses_among_the_long_grid_too():
    files, _ = collected("--benchmark-only", "-m", "full")
    assert len(files) > ENOUGH


@pytest.mark.slow
def test_a_benchmark_is_named_in_words_and_has_its_speed_up_over_the_serial_case(tmp_path: Path):
    stored = tmp_path / "stored.json"
    run("--benchmark-only", f"--benchmark-json={stored}", "-k", "mandelbrot and cy_nogil")
    found = {row["name"]: row["extra_info"] for row in json.loads(stored.read_text(encoding="utf-8"))["benchmarks"]}
    assert found["mandelbrot, Cython nogil, serial"]["speedup"] == 1
    parallel = {name: info for name, info in found.items() if info["workers"] > 1}
    assert [name for name in parallel if re.fullmatch(r"mandelbrot, Cython nogil, \d+ threads", name)]
    for info in parallel.values():
        assert info["efficiency"] == pytest.approx(info["speedup"] / info["workers"])


def test_plain_pytest_collects_no_benchmark():
    files, _ = collected()
    assert {file.partition("/")[0] for file in files} == {"tests"}


def test_a_path_on_the_command_line_is_what_is_collected():
    files, _ = collected("--benchmark-only", "tests/core/test_units.py")
    assert set(files) == {"tests/core/test_units.py"}
