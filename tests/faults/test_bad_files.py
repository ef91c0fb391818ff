"""Bad result files: an answer or one clear line, in bounded memory and time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import ALL
from tests.faults.mutations import try_many

COUNT = 100_000 if ALL else 200


def test_mutated_results_give_an_answer_or_one_clear_line(tmp_path: Path) -> None:
    outcomes, tracebacks = try_many(COUNT, 20261122, tmp_path)
    assert not tracebacks, tracebacks[0]
    assert outcomes["read"]
    assert len(outcomes) > 2


_READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from gilscope.cli import main
status = main(["show", sys.argv[1]])
raise SystemExit(status)
"""


@pytest.mark.parametrize("content", [b"", b"\0", b"\n", b"[" * 4096, b'{"schema": "gilscope.result", "x": "'])
def test_a_gigabyte_of_nothing_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "result.jsonl"
    path.write_bytes(content)
    os.truncate(path, 1 << 30)  # a hole: takes no room
    shown = subprocess.run([sys.executable, "-c", _READ, str(path)], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 2
    assert shown.stderr.startswith("gilscope: ")
    assert shown.stderr.count("\n") == 1
