"""kill -9 and Ctrl-C in the middle of metg, ipc and startup: what was measured is shown, --resume completes it."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from gilscope.studies.kinds import KINDS
from tests.faults.conftest import Injector
from tests.faults.programs import finish, start
from tests.leftovers import eventually

WAIT_S = 60.0
LONG, SHORT = "600s", "0.1s"  # a budget that lasts until the end of the test, and one that is spent already
VERBS = {
    "metg": ["metg", "--executors", "threads"],
    "ipc": ["ipc", "--sizes", "1KiB", "--start-method", "fork"],
    "startup": ["startup", "--executors", "threads,fork"],
}


def answer(words: list[str], place: Path) -> tuple[int, str, str]:
    """Run the program; return exit status, output and messages."""
    return finish(start(place, words))


def lines(path: Path, kind: str) -> list[dict[str, Any]]:
    """Return the whole lines of a kind in the file of a study."""
    if not path.exists():
        return []
    return [
        json.loads(line)
        for line in path.read_text().splitlines(True)
        if line.startswith(f'{{"{kind}":') and "\n" in line
    ]


def stopped(verb: str, place: Path, number: signal.Signals, blocks: int) -> tuple[int, str]:
    """Send a signal to a study that has so many blocks (0: that has only begun); return exit status and output."""
    path = place / "there" / KINDS[verb].file_name
    process = start(place, [*VERBS[verb], "--budget", LONG, "--out", "there", "--quiet"])
    deadline = time.monotonic() + WAIT_S
    while len(lines(path, "block" if blocks else "item")) < max(1, blocks):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    code, out, _ = finish(process)
    return code, out


def shown(place: Path, name: str = "there") -> dict[str, Any]:
    code, out, err = answer(["show", name, "--json"], place)
    assert (code, err) == (0, "")
    document: dict[str, Any] = json.loads(out)
    return document


@pytest.mark.parametrize("verb", VERBS)
def test_kill_9_leaves_what_was_measured_and_resume_completes_it(injector: Injector, tmp_path: Path, verb: str) -> None:
    code, _ = stopped(verb, tmp_path, signal.SIGKILL, 2)
    assert code == -signal.SIGKILL
    assert eventually(lambda: not injector.processes())
    before = shown(tmp_path)
    assert (before["study"], before["interrupted"]) == (verb, True)
    assert before["blocks"] >= 2
    code, out, _ = answer(["show", "there"], tmp_path)
    assert code == 0
    assert f"Stopped after {before['blocks']} blocks; go on with: gilscope {verb} --resume --out there" in out
    measured = lines(tmp_path / "there" / KINDS[verb].file_name, "block")

    spent_s = [(line["block"]["ended_ns"] - line["block"]["started_ns"]) / 1e9 for line in measured]
    budget_s = sum(spent_s) + 3 * max(spent_s) + 2  # another block fits, however busy the machine is
    words = [verb, "--resume", "--out", "there", "--budget", f"{budget_s:.1f}s", "--quiet", "--json"]
    code, out, err = answer(words, tmp_path)
    assert (code, err) == (0, "")
    after = json.loads(out)
    assert after == shown(tmp_path)
    assert after["interrupted"] is False
    assert after["blocks"] > before["blocks"]
    assert lines(tmp_path / "there" / KINDS[verb].file_name, "block")[: len(measured)] == measured
    assert [row["label"] for row in after["rows"]] == [row["label"] for row in before["rows"]]


@pytest.mark.parametrize("verb", VERBS)
def test_killed_before_the_first_block_there_is_nothing_to_see_but_something_to_go_on_with(
    injector: Injector, tmp_path: Path, verb: str
) -> None:
    stopped(verb, tmp_path, signal.SIGKILL, 0)
    before = shown(tmp_path)
    assert (before["interrupted"], before["blocks"]) == (True, 0)
    words = [verb, "--resume", "--out", "there", "--budget", SHORT, "--quiet", "--json"]
    code, out, err = answer(words, tmp_path)
    assert (code, err) == (0, "")
    after = json.loads(out)
    assert after["interrupted"] is False
    assert after["blocks"] >= 1


@pytest.mark.parametrize("verb", VERBS)
def test_ctrl_c_shows_what_there_is_and_how_to_go_on(injector: Injector, tmp_path: Path, verb: str) -> None:
    code, out = stopped(verb, tmp_path, signal.SIGINT, 1)
    assert code == 130
    assert f"go on with: gilscope {verb} --resume --out there" in out
    assert shown(tmp_path)["blocks"] >= 1


def test_a_study_that_was_killed_in_its_first_line_begins_anew(injector: Injector, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "startup.jsonl").touch()
    code, _, err = answer([*VERBS["startup"], "--resume", "--out", "there", "--budget", SHORT, "--quiet"], tmp_path)
    assert (code, err) == (0, "")
    assert shown(tmp_path)["blocks"] == 1
