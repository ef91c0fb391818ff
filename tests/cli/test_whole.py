"""The program as users run it: real measuring, short, and looked at from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from gilscope import results
from gilscope.analysis.to_json import json_schema
from tests.validators import keeps_to

pytestmark = pytest.mark.slow

# Timed rounds of one second altogether: enough to see every stage, too little to say anything about speed.
SHORT = [
    "run",
    "mandelbrot",
    "--implementations",
    "py_loop",
    "--executors",
    "threads",
    "--size",
    "XS",
    "--workers",
    "2",
]
QUIETLY = [*SHORT, "--budget", "1", "--quiet"]
LEFT_BEHIND_S = 10.0


def gilscope(arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the program in ``folder``."""
    return subprocess.run(
        [sys.executable, "-m", "gilscope", *arguments], capture_output=True, text=True, cwd=folder, timeout=120
    )


def test_a_run_prints_its_analysis_and_leaves_its_result(tmp_path: Path) -> None:
    run = gilscope([*QUIETLY, "--json", "--out", "there"], tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    document = json.loads(run.stdout)
    keeps_to(document, json_schema)
    (parallel,) = [row for row in document["cases"] if row["executor"] == "threads"]
    assert parallel["speedup"]["low"] <= parallel["speedup"]["value"] <= parallel["speedup"]["high"]
    assert parallel["blocks"] >= 1
    assert {row["kernel"] for row in document["controls"]} >= {"spin", "A/A"}
    again = gilscope(["show", "there", "--json"], tmp_path)
    shown = json.loads(again.stdout)
    assert shown["cases"] == document["cases"]


def test_the_answer_of_a_run_is_that_of_show(tmp_path: Path) -> None:
    run = gilscope([*QUIETLY, "--out", "there"], tmp_path)
    assert run.stdout == gilscope(["show", "there"], tmp_path).stdout
    assert "Python by threads" in run.stdout


def test_a_planted_wrong_result_is_shown_never_timed_and_makes_status_1(planted_path: Path, tmp_path: Path) -> None:
    arguments = ["run", "planted_wrong,planted_right", "--executors", "threads", "--size", "XS", "--workers", "2"]
    run = gilscope([*arguments, "--budget", "1", "--json"], tmp_path)
    assert run.returncode == 1
    assert "wrong result" in run.stderr, "said at once, while the rest is measured"
    rows = json.loads(run.stdout)["cases"]
    wrong = [row for row in rows if row["kernel"] == "planted_wrong" and row["status"] == "wrong_result"]
    assert wrong
    assert all(row["blocks"] == 0 and row["rate"] is None for row in wrong)
    assert any(row["kernel"] == "planted_right" and row["blocks"] for row in rows)
    (written,) = (tmp_path / "gilscope-results").glob("*/result.jsonl")
    table = gilscope(["show", str(written)], tmp_path).stdout
    assert "wrong result" in table
    assert "items are missing" in table


def started(tmp_path: Path) -> subprocess.Popen[str]:
    """Start a long run and return when its first block is on the disk."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gilscope", *SHORT, "--budget", "60", "--precision", "0.001%", "--out", "there"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
    )
    path = tmp_path / "there/result.jsonl"
    deadline = time.monotonic() + 60
    while not (path.exists() and b'{"block"' in path.read_bytes()):
        assert process.poll() is None, "the run ended before its first block"
        assert time.monotonic() < deadline, "no block within a minute"
        time.sleep(0.1)
    return process


def test_ctrl_c_keeps_and_shows_what_was_measured(tmp_path: Path) -> None:
    process = started(tmp_path)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in out
    assert "Python" in out
    assert results.load(tmp_path / "there").blocks


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this platform has no SIGKILL")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_no_process_is_left_whatever_ends_the_program(number: str, tmp_path: Path) -> None:
    process = started(tmp_path)
    family = psutil.Process(process.pid).children(recursive=True)
    assert family, "supervisor and runners are processes of their own"
    process.send_signal(getattr(signal, number))
    process.communicate(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=LEFT_BEHIND_S)
    assert not alive
    assert results.load(tmp_path / "there").blocks


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this platform has no SIGKILL")
def test_a_killed_run_is_resumed_by_the_same_words_and_by_none(tmp_path: Path) -> None:
    process = started(tmp_path)
    process.kill()
    process.communicate(timeout=60)
    before = results.load(tmp_path / "there").blocks
    resume = ["--out", "there", "--resume", "--quiet", "--json", "--budget"]
    for words in ([*SHORT, "--precision", "0.001%"], ["run"]):
        spent_s = [(block.ended_ns - block.started_ns) / 1e9 for block in before]
        budget_s = sum(spent_s) + 1.5 * spent_s[-1]  # a block like the last one fits, however busy the machine is
        again = gilscope([*words, *resume, str(budget_s)], tmp_path)
        assert (again.returncode, again.stderr) == (0, "")
        after = results.load(tmp_path / "there").blocks
        assert after[: len(before)] == before
        assert len(after) > len(before)
        assert [block.index for block in after] == list(range(len(after)))
        before = after
    other = gilscope(["run", "nbody", "--out", "there", "--resume"], tmp_path)
    assert other.returncode == 2
    assert "another study" in other.stderr
