"""The commit of a checkout, and none where there is none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gilscope.env import commit


def made(folder: Path) -> str:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], [*author, "commit", "-qm", "All", "--allow-empty", "--date=2001-01-01T00:00Z"]):
        subprocess.run(
            ["git", *words], cwd=folder, check=True, timeout=60, env={"GIT_COMMITTER_DATE": "2026-01-02T03:04:05+02:00",
            "PATH": os.environ["PATH"], "HOME": str(folder)},
        )  # fmt: skip
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_checkout_has_its_commit_and_when_it_was_made(tmp_path: Path) -> None:
    head = made(tmp_path)
    (tmp_path / "inside").mkdir()
    expected = {"id": head, "time_utc": "2026-01-02T01:04:05+00:00"}
    assert commit.describe(tmp_path) == commit.describe(tmp_path / "inside") == expected


def test_there_is_none_outside_of_one_or_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit.describe(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit.describe() is None
