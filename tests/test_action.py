"""The GitHub Action: its script in a clean clone, and that it reads what its description passes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.dom.minidom
from pathlib import Path

import pytest

from tests.report.test_how_to import clone_of, files_of

ACTION = Path(__file__).resolve().parents[1] / "action"
SCRIPT = ACTION / "run.py"


def run(clone: Path, profile: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the script as the action does."""
    environ = {
        **os.environ,
        "GILSCOPE_PROFILE": profile,
        "GILSCOPE_HISTORY": "history",
        "GILSCOPE_OUT": "out",
        "GITHUB_STEP_SUMMARY": str(clone / "summary.md"),
        **more,
    }
    return subprocess.run(
        [sys.executable, str(SCRIPT)],
        cwd=clone, env=environ, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.measuring
def test_the_script_writes_comment_and_badge_in_a_clean_clone(tmp_path: Path) -> None:
    clone = clone_of({"blobs.py": files_of("github_actions.md")["blobs.py"]}, tmp_path)
    profile = "blobs.py:digest --setup 'blobs.py:make' --executors threads --workers 1,2 --budget 4s"
    first = run(clone, profile)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "nothing to compare it with" in (clone / "out" / "comment.md").read_text(encoding="utf-8")
    second = run(clone, profile)
    assert second.returncode == 0, second.stdout + second.stderr
    comment = (clone / "out" / "comment.md").read_text(encoding="utf-8")
    assert comment.startswith("<!-- gilscope -->")
    assert "| case |" in comment
    assert "threads*2" in comment
    assert comment in (clone / "summary.md").read_text(encoding="utf-8")
    badge = json.loads((clone / "out" / "badge.json").read_text(encoding="utf-8"))
    assert re.fullmatch(r"[\d.]+x on 2", badge["message"])
    xml.dom.minidom.parse(str(clone / "out" / "badge.svg"))
    assert "<svg" in (clone / "out" / "history.html").read_text(encoding="utf-8")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, capture_output=True, text=True, check=True).stdout
    runs = json.loads(
        subprocess.run(
            [sys.executable, "-m", "gilscope", "history", "history", "--json"],
            cwd=clone, capture_output=True, text=True, check=True,
        ).stdout
    )["runs"]  # fmt: skip
    assert [one["commit"] for one in runs] == [commit.strip()] * 2


def test_bad_usage_ends_the_script_with_the_message_of_gilscope(tmp_path: Path) -> None:
    done = run(tmp_path, "nowhere.py:nothing --budget 1s")
    assert done.returncode == 2
    assert "gilscope: " in done.stderr
    assert "Traceback" not in done.stderr


def test_the_description_passes_what_the_script_reads() -> None:
    described = (ACTION / "action.yml").read_text(encoding="utf-8")
    read = {f"GILSCOPE_{name}" for name in ("HISTORY", "OUT", "FAIL_ON", "REGRESSION", "PROFILE")}
    source = SCRIPT.read_text(encoding="utf-8")
    assert set(re.findall(r"^        (GILSCOPE_\w+):", described, re.MULTILINE)) == read
    assert all(name.removeprefix("GILSCOPE_") in source for name in read)
    # No text of a workflow may become part of a script.
    assert re.search(r"run: .*\$\{\{", described) is None
    assert "${{" not in described.partition("run: |")[2]
    declared = set(re.findall(r"^  ([\w-]+):\n    description", described.partition("outputs:")[0], re.MULTILINE))
    assert set(re.findall(r"inputs\.([\w-]+)", described)) == declared
