"""Nothing executes by accident: looking at a result imports no kernel and no function that it names."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import gilscope
from gilscope.analysis import Answer
from gilscope.cli import main
from gilscope.cli.interpreters import reopened
from gilscope.env.interpreters import command_of
from gilscope.measure.host import SupervisedHost
from gilscope.results import load
from tests.faults.conftest import ALL
from tests.faults.mutations import SEEDS, places
from tests.faults.readers import HOSTILE, answer, nothing_measured
from tests.leftovers import abandoned, shared_memory
from tests.report.answers import mandelbrot

VERBS = (
    ["show", "there"],
    ["show", "there", "--json"],
    ["show", "there", "--case", "{case}"],
    ["compare", "there", "there"],
    ["export", "there", "--format", "csv"],
    ["report", "there"],
    ["trace", "there", "--format", "mermaid", "--out", "trace.mmd"],
)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """Make a folder with a result that names ``evil``: a module, a kernel and a function that tells when imported."""
    (tmp_path / "evil.py").write_text(
        "from pathlib import Path\nPath('/{}').write_text('ran')\n".format(tmp_path / "ran")
    )
    info = tmp_path / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gilscope.kernels]\nnbody = evil:SPEC\nevil = evil:SPEC\n")
    data = (SEEDS / "a.jsonl").read_text().replace('"functions":[]', '"functions":["evil:function"]')
    (tmp_path / "there").mkdir()
    (tmp_path / "there/result.jsonl").write_text(data.replace("nbody/", "evil/").replace('"nbody"', '"evil"'))
    return tmp_path


def _with(trap: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(trap)}


@pytest.mark.parametrize("words", VERBS if ALL else VERBS[::5], ids=lambda words: " ".join(words))
def test_looking_at_a_result_imports_nothing_it_names(trap: Path, words: list[str]) -> None:
    case = "evil/cy_nogil@threads*2#XS"
    shown = subprocess.run(
        [sys.executable, "-m", "gilscope", *(word.format(case=case) for word in words)],
        capture_output=True,
        text=True,
        cwd=trap,
        env=_with(trap),
        timeout=120,
    )
    assert shown.returncode == 0, shown.stderr
    assert not (trap / "ran").exists()


def test_the_trap_snaps_when_a_verb_does_import_it(trap: Path) -> None:
    subprocess.run([sys.executable, "-m", "gilscope", "run", "evil"], capture_output=True, cwd=trap, env=_with(trap))
    assert (trap / "ran").exists()


def test_going_on_with_a_result_runs_no_program_that_only_the_file_names(trap: Path) -> None:
    program = trap / "python3.13t"
    program.write_text(f"#!/bin/sh\necho ran > {trap / 'ran'}\n")
    program.chmod(0o755)
    named = json.dumps([{"label": "3.13t", "executable": str(program)}])
    data = (SEEDS / "b.jsonl").read_text().replace('"interpreters":[]', '"interpreters":["3.13t"]')
    (trap / "there/result.jsonl").write_text(data.replace('"checks":', f'"interpreters":{named},"checks":', 1))
    words = [sys.executable, "-m", "gilscope", "run", "--resume", "--out", "there"]
    gone_on = subprocess.run(words, capture_output=True, text=True, cwd=trap, timeout=120)
    assert gone_on.returncode == 2
    assert f"names {program}, which would be run" in gone_on.stderr
    assert not (trap / "ran").exists()


OWN_VERSION = "{}.{}".format(*sys.version_info)


@pytest.mark.parametrize("executable", [sys.executable, command_of(OWN_VERSION) or sys.executable])
def test_a_program_that_is_found_here_without_the_file_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executable: str
) -> None:
    named = json.dumps([{"label": f"{OWN_VERSION}+gil", "executable": executable}])
    data = (SEEDS / "b.jsonl").read_text().replace('"checks":', f'"interpreters":{named},"checks":', 1)
    (tmp_path / "result.jsonl").write_text(data)
    monkeypatch.setattr("gilscope.env.interpreters.reopen", lambda label, executable, gil_asked, kernels: executable)
    assert reopened(tmp_path, load(tmp_path).environment, ()) == (executable,)


HOSTILE_FIELDS = ("reason", "cure", "detail", "cpu_model", "message", "isa", "python", "tool_version", "unit", "label")


@pytest.mark.parametrize(
    "words",
    [
        *(["show", "{}"], ["show", "{}", "--json"], ["show", "{}", "--case", "nbody/cy_nogil@threads*2#XS"]),
        *(["compare", "{}", "{}"], ["export", "{}"], ["export", "{}", "--format", "svg"]),
        *(["report", "{}", "--out", "page.html"], ["trace", "{}"], ["trace", "{}", "--format", "svg"]),
        *(["trace", "{}", "--format", "mermaid"], ["trace", "{}", "--format", "html"]),
    ],
    ids=" ".join,
)
def test_nothing_a_file_says_commands_the_terminal_or_the_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [json.loads(line) for line in (SEEDS / "a.jsonl").read_text().splitlines()]
    changed = 0
    for holder, key in [place for line in lines for place in places(line)]:
        if key in HOSTILE_FIELDS and isinstance(holder[key], str):
            holder[key] += HOSTILE
            changed += 1
        elif isinstance(holder, dict) and key in ("libraries", "one_time_ns"):
            holder[key] = {**holder[key], HOSTILE: HOSTILE if key == "libraries" else 5}
    assert changed > 10
    Path("result.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with nothing_measured():
        status, out, _ = answer([word.format("result.jsonl") for word in words])  # which looks for control characters
    assert status == 0
    written = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.[sh][vt][gm]*")]
    assert bool(written) == (words[0] == "report" or (words[-1] == "svg" and words[0] == "export"))  # others print
    for text in (out, *written):
        if {"report", "svg", "html", "mermaid"} & set(words):
            assert "<script>alert" not in text
            assert "\x1b" not in text


EXECUTORS = "threads,processes,native" if ALL else "threads"


def _tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_run_writes_its_result_and_report_and_nothing_else(tmp_path: Path) -> None:
    for name in ("home", "here", "scratch"):
        (tmp_path / name).mkdir()
    variables = {name: text for name, text in os.environ.items() if not name.startswith(("XDG_", "NUMBA_", "PYTEST"))}
    variables |= {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "scratch"), "PYTHONDONTWRITEBYTECODE": "1"}
    package = Path(gilscope.__file__).parent
    before, memory = _tree(package), shared_memory()
    words = ["run", "crc32", "--implementations", "py_loop", "--executors", EXECUTORS, "--size", "XS"]
    ran = subprocess.run(
        [sys.executable, "-m", "gilscope", *words, "--workers", "2", "--budget", "0.5", "--quiet"],
        capture_output=True,
        text=True,
        cwd=tmp_path / "here",
        env=variables,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    (result,) = (tmp_path / "here/gilscope-results").iterdir()
    assert sorted(os.listdir(result)) == ["report.html", "result.jsonl"]
    allowed = {"home", "here", "scratch", "here/gilscope-results", f"here/gilscope-results/{result.name}"}
    allowed |= {f"here/gilscope-results/{result.name}/{name}" for name in ("report.html", "result.jsonl")}
    assert _tree(tmp_path) == allowed
    new = {name for name in _tree(package) - before if "__pycache__" not in name}
    assert not new
    assert not abandoned(memory)


def test_profile_says_what_it_imports_and_calls_before_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the time in which a request is refused: what is refused calls nothing, and gets one line."""
    said: list[str] = []

    def measured(*_: object, **__: object) -> Answer:
        until = time.monotonic() + 10.0
        while not any(said) and time.monotonic() < until:
            said[:] = [capsys.readouterr().err]
        return mandelbrot()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gilscope.cli.progress.PATIENCE_S", 0.0)
    monkeypatch.setattr("gilscope.api.measure_functions", measured)
    (tmp_path / "mine.py").write_text("raise SystemExit('it was imported')\n")
    assert main(["profile", "mine:work", "--arg", "n=1000"]) == 0
    assert said == [f"imports from {tmp_path} and calls mine:work(n=1000); one call is one task\n"]


def test_temporary_files_are_private_and_their_names_cannot_be_guessed() -> None:
    with SupervisedHost({"threads": 1}, cpus=1) as host:
        folder = Path(host.supervisor.scratch)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.parent == Path(tempfile.gettempdir()) or folder.parent == Path("/tmp")
        assert len(folder.name) > len("gilscope-") + 6
    assert not folder.exists()
