"""``pytest`` collects the tests, ``pytest --benchmark-only`` the benchmarks, and neither anything of the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENOUGH = 40  # benchmarks: each flagship kernel in its implementations, on one worker and on all

pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="the benchmarks are not beside these tests")


def collected(*words: str) -> tuple[list[str], str]:
    """Return the files of what ``pytest`` with some words would run at the root, one per test, and all it printed."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "--quiet", *words]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    return [line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line], done.stdout


def test_benchmark_only_collects_the_benchmarks_and_skips_no_test():
    files, printed = collected("--benchmark-only")
    assert len(files) >= ENOUGH
    assert {file.partition("/")[0] for file in files} == {"benchmarks"}
    assert "SKIPPED" not in printed


def test_plain_pytest_collects_no_benchmark():
    files, _ = collected()
    assert {file.partition("/")[0] for file in files} == {"tests"}


def test_a_path_on_the_command_line_is_what_is_collected():
    files, _ = collected("--benchmark-only", "tests/core/test_units.py")
    assert set(files) == {"tests/core/test_units.py"}
