"""What the how-to pages and the tutorial tell people to write works as it is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import glossary

from gilscope.analysis.findings import FINDINGS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def files_of(page: str) -> dict[str, str]:
    """Return the files that a page shows: path -> content, of the code blocks that begin with a comment naming one."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return dict(re.findall(r"^```\w+\n# ([\w./]+\.(?:py|yml))\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def script_of(workflow: str, step: str) -> str:
    """Return the script of a step of a workflow."""
    found = re.search(rf"- name: {step}\n( +)run: \|\n((?:\1  .*\n)+)", workflow)
    assert found is not None
    return re.sub(rf"^{found[1]}  ", "", found[2], flags=re.MULTILINE)


def clone_of(files: dict[str, str], folder: Path) -> Path:
    """Commit files and return a clean clone of them."""
    origin, clone = folder / "origin", folder / "clone"
    for name, content in files.items():
        path = origin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "All"]):
        subprocess.run(["git", *words], cwd=origin, check=True, timeout=60)
    subprocess.run(["git", "clone", "-q", str(origin), str(clone)], check=True, timeout=60)
    return clone


@pytest.mark.slow
@pytest.mark.measuring
def test_the_script_of_the_workflow_runs_in_a_clean_clone(tmp_path: Path) -> None:
    files = files_of("github_actions.md")
    workflows = {f".github/workflows/{name}.yml" for name in ("parallel", "scaling")}
    assert set(files) == {"blobs.py", "tests/test_parallel.py", *workflows}
    script = script_of(files[".github/workflows/parallel.yml"], "Gate")
    clone = clone_of(files, tmp_path)
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=clone, env=environ, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "gilscope gates" in run.stdout or "passed" in run.stdout
    assert "test_digest_scales_on_threads" in (clone / "gates.json").read_text(encoding="utf-8")


def test_the_glossary_has_a_meaning_and_a_fix_for_every_finding() -> None:
    table = glossary.section("")
    for code in FINDINGS:
        (line,) = re.findall(rf"^\| `{code}` \|.*\|$", table, re.MULTILINE)
        _, letter, meaning, fix = (cell.strip() for cell in line.strip("|").split("|"))
        assert meaning.endswith(".")
        assert len(letter) == 1
        assert fix
        assert (fix == "-") == code.startswith("scales")


def test_the_rules_of_findings_name_every_one() -> None:
    text = (DOCS / "finding_rules.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| (\w+) \|", text, re.MULTILINE)) - {"code"} == set(FINDINGS)


@pytest.mark.slow
def test_the_program_of_the_tutorial_runs(tmp_path: Path) -> None:
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    program = next(code for code in programs if "Pool" in code)
    (tmp_path / "blobs.py").write_bytes((DOCS / "examples/blobs.py").read_bytes())
    (tmp_path / "main.py").write_text(program, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "main.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert len(run.stdout.splitlines()) == 2
