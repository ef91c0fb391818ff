"""Each fault in the program as a whole: one faulty case beside healthy ones, the exit status, the file, --resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gilscope import results
from tests import planted
from tests.faults.conftest import Injector
from tests.faults.programs import blocks, finish, shim, wait_for_blocks
from tests.faults.ways import HARMLESS, HUNG, sentence

TIMEOUT_S = 8.0  # for the processes to start on a loaded machine, too
WORDS = ["run", "planted_fault", "planted_right", "--implementations", "py_loop", "--executors", "processes"]
OPTIONS = ["--workers", "2", "--precision", "0.001%", "--json", "--quiet", "--out", "there"]
FAULTY = "planted_fault/py_loop@processes*2#S"
EVERY = [(kind, moment) for kind in planted.FAULTS for moment in ("at start", "in a round")]


def rows(out: str) -> dict[str, dict[str, Any]]:
    return {row["case"]: row for row in json.loads(out)["cases"]}


@pytest.mark.parametrize(("kind", "moment"), EVERY, ids=lambda value: value.replace(" ", "_"))
def test_one_faulty_case_costs_its_own_row_and_resume_measures_it(
    injector: Injector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, moment: str
) -> None:
    monkeypatch.setenv("GILSCOPE_TEST_TIMEOUT_S", str(TIMEOUT_S))
    if moment == "at start":
        injector.arm(f"worker:{kind}")
    budget = "3" if moment == "at start" else "15"  # seconds: there must be a block after the fault is armed
    process = shim(tmp_path, [*WORDS, *OPTIONS, "--budget", budget])
    if moment == "in a round":
        wait_for_blocks(process, tmp_path, 2)
        injector.arm(f"worker:{kind}")
    code, out, err = finish(process)
    assert injector.committed(kind)
    before = results.load(tmp_path / "there").blocks
    assert err == ""
    assert len(before) == blocks(tmp_path) >= 2
    found = rows(out)
    assert code == (0 if kind in HARMLESS else 1)
    row = found.pop(FAULTY)
    if kind not in HARMLESS:
        assert row["status"] == ("timeout" if kind in HUNG else "failed")
        assert sentence(kind) in row["reason"]
        assert "\n" not in row["reason"]
    assert {other["status"] for other in found.values()} <= {"ok", "too_noisy"}
    assert {other["case"].partition("/")[0] for other in found.values()} == {"planted_fault", "planted_right"}

    injector.disarm()
    spent_s = [(block.ended_ns - block.started_ns) / 1e9 for block in before]
    budget_s = sum(spent_s) + max(8.0, 1.5 * max(spent_s) + 1)  # another block fits
    code, out, err = finish(shim(tmp_path, [*WORDS, *OPTIONS, "--budget", f"{budget_s:.1f}", "--resume"]))
    assert (code, err) == (0, "")
    assert {row["status"] for row in rows(out).values()} <= {"ok", "too_noisy"}
    after = results.load(tmp_path / "there").blocks
    assert after[: len(before)] == before
    assert len(after) > len(before)
    if kind not in HARMLESS:
        assert any(FAULTY in block.rounds for block in after[len(before) :])
