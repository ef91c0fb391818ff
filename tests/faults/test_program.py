"""The program as a whole under faults: signals, closed terminals, full disks, removed folders, two at once."""

from __future__ import annotations

import json
import os
import pty
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gilscope import results
from tests.faults.conftest import ALL, Injector, eventually
from tests.faults.programs import LONG, SHORT, blocks, finish, shim, start, wait_for_blocks

KILLS = 50 if ALL else 1
SIGNALS: list[tuple[signal.Signals, ...]] = [
    (signal.SIGINT, signal.SIGINT),
    (signal.SIGINT,),
    (signal.SIGTERM,),
    (signal.SIGHUP,),
    (signal.SIGKILL,),
    (signal.SIGQUIT,),
]
MOMENTS = {"preparing": 0, "first_block": 1, "later": 3}  # blocks that are there when the signal comes


def statuses(number: signal.Signals) -> tuple[int, ...]:
    """Exit statuses of a program that a signal has ended."""
    return (130,) if number == signal.SIGINT else (-number, 128 + number)


@pytest.mark.parametrize("moment", MOMENTS if ALL else ["first_block"])
@pytest.mark.parametrize(
    "signals", SIGNALS if ALL else SIGNALS[:1], ids=lambda value: "+".join(number.name for number in value)
)
def test_a_signal_ends_the_program_and_loses_nothing(
    injector: Injector, tmp_path: Path, signals: tuple[signal.Signals, ...], moment: str
) -> None:
    process = start(tmp_path, LONG)
    path = tmp_path / "there/result.jsonl"
    assert eventually(lambda: path.exists() and path.stat().st_size > 0, 60)
    wait_for_blocks(process, tmp_path, MOMENTS[moment])
    for number in signals:
        os.killpg(process.pid, number)
    code, _, err = finish(process)
    assert code in statuses(signals[0])
    assert "Traceback" not in err
    assert len(results.load(path).blocks) >= MOMENTS[moment]


@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_in_the_middle_of_a_line_costs_that_line(
    injector: Injector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("GILSCOPE_TEST_SAVING", name)
    code, _, err = finish(shim(tmp_path, LONG))
    assert code in statuses(signal.Signals[name])
    assert "Traceback" not in err
    path = tmp_path / "there/result.jsonl"
    assert not path.read_bytes().endswith(b"\n")
    torn = results.load(path)
    assert len(torn.blocks) == 1
    assert "torn" in " ".join(torn.warnings)
    monkeypatch.delenv("GILSCOPE_TEST_SAVING")
    code, _, err = finish(start(tmp_path, [*LONG, "--resume", "--budget", "12"]))
    assert (code, err) == (0, "")
    whole = results.load(path)
    assert whole.blocks[:1] == torn.blocks
    assert len(whole.blocks) > 1
    assert not whole.warnings


@pytest.mark.parametrize("after_s", [0.02, 0.1, 0.2, 0.4, 0.8])
def test_a_signal_before_anything_is_there_leaves_nothing(injector: Injector, tmp_path: Path, after_s: float) -> None:
    process = start(tmp_path, LONG)
    time.sleep(after_s)
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process)[0] in (130, -signal.SIGINT, 1)  # 1: Python itself was not ready to be interrupted


def test_a_terminal_that_goes_away_ends_the_program_and_loses_nothing(injector: Injector, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = [word for word in LONG if word != "--quiet"]
    process = start(tmp_path, words, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=_take_terminal)
    os.close(theirs)
    try:
        wait_for_blocks_drained(ours, process, tmp_path)
    finally:
        os.close(ours)  # as if its window were closed
    process.wait(timeout=60)
    assert results.load(tmp_path / "there").blocks


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def wait_for_blocks_drained(terminal: int, process: subprocess.Popen[str], folder: Path) -> None:
    os.set_blocking(terminal, False)
    deadline = time.monotonic() + 60
    while blocks(folder) < 1:
        assert process.poll() is None
        assert time.monotonic() < deadline
        try:
            os.read(terminal, 65536)
        except BlockingIOError:
            time.sleep(0.05)


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_standard_stream_does_no_harm(injector: Injector, tmp_path: Path, closed: int) -> None:
    process = start(tmp_path, [*SHORT, "--budget", "1", "--out", "there"], preexec_fn=lambda: os.close(closed))
    code, _, err = finish(process)
    assert code in (0, 1)
    assert "Traceback" not in err
    assert results.load(tmp_path / "there").blocks


@pytest.mark.parametrize("limit", [100, 3 << 10, 8 << 10, 24 << 10])
def test_a_disk_that_is_full_ends_in_one_line_and_keeps_whole_lines(
    injector: Injector, tmp_path: Path, limit: int
) -> None:
    """The header, a case, a block: each is cut somewhere in the middle of its line."""

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing fails as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    code, _, err = finish(start(tmp_path, LONG, preexec_fn=full))
    assert code == 2
    assert err.strip().count("\n") == 0
    assert "cannot write" in err
    path = tmp_path / "there/result.jsonl"
    assert path.stat().st_size <= limit
    assert path.read_bytes()[-1:] in (b"", b"\n")
    before = results.load(path).blocks if path.stat().st_size else ()
    assert before or limit < 24 << 10
    again = start(tmp_path, [*LONG, "--resume", "--budget", "3"])
    assert finish(again)[0] == 0
    assert results.load(path).blocks[: len(before)] == before


def test_a_folder_removed_in_the_middle_ends_without_a_traceback(injector: Injector, tmp_path: Path) -> None:
    process = start(tmp_path, [*SHORT, "--budget", "4", "--precision", "0.001%", "--quiet", "--out", "there"])
    wait_for_blocks(process, tmp_path, 1)
    shutil.rmtree(tmp_path / "there")
    code, _, err = finish(process)
    assert code == 2
    assert "Traceback" not in err
    assert err.strip().count("\n") == 0


def test_two_programs_never_share_a_folder(injector: Injector, tmp_path: Path) -> None:
    first = start(tmp_path, LONG)
    wait_for_blocks(first, tmp_path, 1)
    for words, reason in ((LONG, "already holds"), ([*LONG, "--resume"], "another gilscope is writing")):
        code, _, err = finish(start(tmp_path, words))
        assert code == 2
        assert reason in err
    first.send_signal(signal.SIGINT)
    assert finish(first)[0] == 130
    assert results.load(tmp_path / "there").blocks


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity masks")
def test_cpus_taken_away_in_the_middle_stop_nothing(injector: Injector, tmp_path: Path) -> None:
    process = start(tmp_path, [*SHORT, "--budget", "5", "--precision", "0.001%", "--json", "--out", "there"])
    wait_for_blocks(process, tmp_path, 1)
    one = {min(os.sched_getaffinity(0))}
    for victim in injector.processes():
        for thread in victim.threads():
            os.sched_setaffinity(thread.id, one)
    code, out, err = finish(process)
    assert code == 0, err
    assert {row["status"] for row in json.loads(out)["cases"]} <= {"ok", "too_noisy"}


def moments() -> Iterator[float]:
    """Seconds after the start; most in the middle of measuring, some before anything is there."""
    generator = random.Random(7)
    return iter([generator.uniform(0.0, 6.0) for _ in range(KILLS)])


@pytest.mark.parametrize("after_s", list(moments()), ids=lambda value: f"{value:.2f}s")
def test_killed_at_any_moment_the_result_loads_and_resume_completes_it(
    injector: Injector, tmp_path: Path, after_s: float
) -> None:
    words = [*SHORT, "--precision", "0.001%", "--quiet", "--out", "there", "--budget"]
    process = start(tmp_path, [*words, "60"])
    if not ALL:  # a single kill is one in the middle
        wait_for_blocks(process, tmp_path, 1)
    time.sleep(after_s)
    process.kill()
    finish(process)
    path = tmp_path / "there/result.jsonl"
    before = results.load(path).blocks if path.exists() and path.stat().st_size else ()
    spent_s = [(block.ended_ns - block.started_ns) / 1e9 for block in before]
    budget_s = sum(spent_s) + 1.5 * max(spent_s, default=0.0) + 1  # another block fits, however busy the machine is
    code, _, err = finish(start(tmp_path, [*words, str(budget_s), "--resume"]))
    assert (code, err) == (0, "")
    after = results.load(path).blocks
    assert after[: len(before)] == before
    assert len(after) > len(before)


def test_a_memory_limit_turns_greed_into_a_memory_error(injector: Injector, tmp_path: Path) -> None:
    injector.arm("greed")
    words = ["run", "planted_fault", "--implementations", "py_loop", "--executors", "threads,processes"]
    code, out, err = finish(
        start(tmp_path, [*words, "--workers", "2", "--budget", "1", "--json", "--memory-limit", "1G", "--out", "there"])
    )
    assert code == 1, err
    rows = json.loads(out)["cases"]
    assert rows
    for row in rows:
        assert row["status"] == "failed"
        assert "MemoryError" in row["reason"] or "its T(1)" in row["reason"]
