"""Whatever is wrong with a request is said in one line with the cure, before anything is measured; exit status 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from gilscope.cli import main
from tests.cli.conftest import FakePipeline

BAD = [
    pytest.param(["run", "mandelbort"], "did you mean 'mandelbrot'?", id="unknown kernel"),
    pytest.param(["run", "mandelbrot", "nboddy"], "did you mean 'nbody'?", id="one unknown kernel of two"),
    pytest.param(["run", "mandelbrot,nboddy"], "did you mean 'nbody'?", id="unknown kernel in a list"),
    pytest.param(["run", "qqq"], "known are mandelbrot, nbody", id="unknown kernel like none"),
    pytest.param(["run", "--implementations", "cy_nogli"], "did you mean 'cy_nogil'?", id="unknown implementation"),
    pytest.param(["run", "--implementations", ","], "write them with commas", id="empty implementations"),
    pytest.param(["run", "--implementations", ""], "write them with commas", id="no implementations"),
    pytest.param(["run", "--executors", "thread"], "did you mean 'threads'?", id="unknown executor"),
    pytest.param(["run", "--executors", "threads;native"], "known are serial, threads", id="executors with semicolon"),
    pytest.param(["run", "--start-method", "spwan"], "did you mean 'spawn'?", id="unknown start method"),
    pytest.param(["run", "--transport", "pickel"], "did you mean 'pickle'?", id="unknown transport"),
    pytest.param(["run", "--size", "XXL"], "known are XS, S, M, L", id="unknown size"),
    pytest.param(["run", "--workers", "0"], "write it like 1,2,4", id="no workers"),
    pytest.param(["run", "--workers", "abc"], "write it like 1,2,4", id="workers in letters"),
    pytest.param(["run", "--workers", "1,two"], "write it like 1,2,4", id="workers half in letters"),
    pytest.param(["run", "--workers", "-2"], "write it like 1,2,4", id="negative workers"),
    pytest.param(["run", "--workers", "1.5"], "write it like 1,2,4", id="broken workers"),
    pytest.param(["run", "--workers", "100000"], "between 1 and 1024", id="too many workers"),
    pytest.param(["run", "--workers", ""], "write them with commas", id="workers of nothing"),
    pytest.param(["run", "--budget", "-5"], "write it like 60, 60s, 2m", id="negative budget"),
    pytest.param(["run", "--budget", "0"], "write it like 60, 60s, 2m", id="no budget"),
    pytest.param(["run", "--budget", "soon"], "write it like 60, 60s, 2m", id="budget in letters"),
    pytest.param(["run", "--budget", "5 parsecs"], "write it like 60, 60s, 2m", id="budget in lengths"),
    pytest.param(["run", "--precision", "0"], "write it like 5%", id="no precision"),
    pytest.param(["run", "--precision", "150%"], "write it like 5%", id="precision above all"),
    pytest.param(["run", "--precision", "5"], "write 5% or 0.05", id="precision without its unit"),
    pytest.param(["run", "--precision", "high"], "write it like 5%", id="precision in letters"),
    pytest.param(["run", "--chunks", "0"], "write it like 4", id="no chunks"),
    pytest.param(["run", "--chunks", "many"], "write it like 4", id="chunks in letters"),
    pytest.param(["run", "--chunks", "1" + "0" * 30], "between 1 and 4096", id="too many chunks"),
    pytest.param(["run", "--seed", "luck"], "write it like 1", id="seed in letters"),
    pytest.param(["run", "--seed", "-1"], "write it like 1", id="negative seed"),
    pytest.param(["run", "--budgte", "5"], "did you mean --budget?", id="unknown option"),
    pytest.param(["run", "--impl", "py_loop"], "did you mean --implementations?", id="beginning of an option"),
    pytest.param(["run", "--kernels", "triad"], "kernels need no option: gilscope run KERNELS", id="kernels as option"),
    pytest.param(["run", "--budget"], "'gilscope run --help'", id="missing value"),
    pytest.param(["run", "--json=1"], "'gilscope run --help'", id="value for a flag"),
    pytest.param(["run", "--csv"], "no such option: --csv; 'gilscope run --help'", id="option like none"),
    pytest.param(["run", "--resume"], "nothing to resume in 'gilscope-results'", id="nothing to resume"),
    pytest.param(["profile", "json.dumps"], "did you mean json:dumps?", id="function after a dot"),
    pytest.param(["profile", "abs:x", "--tasks", "4", "--scaling", "weak"], "leave out --tasks", id="tasks of weak"),
    pytest.param(["profile", "mine.py:f(make())"], "arguments go in --arg", id="arguments in a target"),
    pytest.param(["profile", "json:dumps", "make()"], "or in --setup TARGET", id="arguments as a target"),
    pytest.param(["profile", "json:dumps", "1000"], "arguments go in --arg", id="a number as a target"),
    *(pytest.param([word], "the pytest fixture 'scaling'", id=word) for word in ("test", "pytest", "gate", "ci")),
    pytest.param(["mine.py"], "gilscope profile mine.py:FUNCTION; for the whole program: gilscope gil", id="a file"),
    pytest.param(["mine.py:f"], "gilscope profile mine.py:f", id="a function"),
    pytest.param(["run", "mine.py:f"], "gilscope profile mine.py:f", id="a function as a kernel"),
    pytest.param(["run", "--threads", "3"], "write --executors threads --workers 3", id="an executor as an option"),
    pytest.param(["profile", "a:b", "--processes=4"], "--executors processes --workers 4", id="one with its value"),
    pytest.param(["rnu"], "did you mean run?", id="unknown verb"),
    pytest.param(["--verison"], "did you mean --version?", id="unknown option of the program"),
    pytest.param(["list", "everything"], "'gilscope list --help'", id="argument too many"),
    pytest.param(["doctor", "--jsno"], "did you mean --json?", id="unknown option of doctor"),
    pytest.param(["show", "nowhere"], "name a result.jsonl or its folder", id="show of nothing"),
    pytest.param(["show"], "'gilscope run' writes one", id="show without results"),
]


def one_line(captured: str) -> str:
    """Return the only line, or fail."""
    lines = captured.splitlines()
    assert len(lines) == 1, captured
    assert lines[0].startswith("gilscope: ")
    return lines[0]


@pytest.mark.parametrize(("arguments", "cure"), BAD)
def test_bad_input_gets_one_line_with_the_cure(
    arguments: list[str], cure: str, pipeline: FakePipeline, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert cure in one_line(err)
    assert out == ""
    assert not pipeline.studies
    assert not list(folder.iterdir()), "a refused request must leave nothing behind"


def test_a_file_in_place_of_the_output_folder_is_refused(
    pipeline: FakePipeline, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "taken").write_text("mine", encoding="utf-8")
    assert main(["run", "--out", "taken"]) == 2
    assert "--out" in one_line(capsys.readouterr().err)
    assert (folder / "taken").read_text(encoding="utf-8") == "mine"
    assert not pipeline.studies


def test_an_output_folder_below_a_file_is_refused(
    pipeline: FakePipeline, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "taken").write_text("mine", encoding="utf-8")
    assert main(["run", "--out", "taken/below"]) == 2
    assert "choose another folder with --out" in one_line(capsys.readouterr().err)
    assert not pipeline.studies


def test_an_output_folder_without_write_permission_is_refused(
    pipeline: FakePipeline, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Root may write everywhere, so the permission bits alone would test nothing in a container.
    monkeypatch.setattr("os.access", lambda path, mode: False)
    (folder / "locked").mkdir()
    assert main(["run", "--out", "locked"]) == 2
    assert "choose another folder with --out" in one_line(capsys.readouterr().err)
    assert not pipeline.studies


def test_an_older_result_is_not_overwritten(
    pipeline: FakePipeline, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "old").mkdir()
    (folder / "old/result.jsonl").write_text("precious", encoding="utf-8")
    assert main(["run", "--out", "old"]) == 2
    assert "choose another folder with --out" in one_line(capsys.readouterr().err)
    assert (folder / "old/result.jsonl").read_text(encoding="utf-8") == "precious"
    assert not pipeline.studies


SETTINGS = [
    pytest.param("wrokers = 2", "did you mean 'workers'?", id="unknown key"),
    pytest.param("workers = 0", "write it like 1,2,4", id="bad number"),
    pytest.param("workers = [1, 'x']", "write it like 1,2,4", id="bad item"),
    pytest.param("workers = []", "a list of them", id="empty list"),
    pytest.param("workers = true", "a list of them", id="truth"),
    pytest.param("workers = {a = 1}", "a list of them", id="table"),
    pytest.param("kernels = ['mandelbort']", "did you mean 'mandelbrot'?", id="unknown kernel"),
    pytest.param("budget = 'soon'", "write it like 60, 60s, 2m", id="bad budget"),
    pytest.param("workers = ", "fix the file", id="no TOML"),
]


@pytest.mark.parametrize(("line", "cure"), SETTINGS)
def test_bad_settings_name_the_file_and_the_cure(
    line: str, cure: str, pipeline: FakePipeline, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.gilscope]\n{line}\n", encoding="utf-8")
    assert main(["run"]) == 2
    said = one_line(capsys.readouterr().err)
    assert cure in said
    assert "pyproject.toml" in said
    assert not pipeline.studies


def test_settings_that_are_no_table_are_refused(
    pipeline: FakePipeline, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pyproject.toml").write_text("[tool]\ngilscope = 3\n", encoding="utf-8")
    assert main(["run"]) == 2
    assert "is not a table" in one_line(capsys.readouterr().err)


def test_a_pyproject_that_is_no_text_is_refused(
    pipeline: FakePipeline, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pyproject.toml").write_bytes(b"\xff\xfe\x00")
    assert main(["run"]) == 2
    assert "fix the file" in one_line(capsys.readouterr().err)


def test_a_bad_worker_limit_in_the_environment_is_said(
    pipeline: FakePipeline, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GILSCOPE_MAX_WORKERS", "several")
    assert main(["run"]) == 2
    assert "GILSCOPE_MAX_WORKERS" in one_line(capsys.readouterr().err)
    assert not pipeline.studies


OWN = "def f():\n    return 1\n\ndef g():\n    return 2\n\nNUMBER = 7\n"

TARGETS = [
    pytest.param("nosuch:fn", "No module named 'nosuch'", id="no module"),
    pytest.param("own.py", "own.py defines f, g; write own.py:f", id="file alone"),
    pytest.param("own.py:ff", "did you mean own.py:f?", id="nearly a function"),
    pytest.param("own.py:nope", "it has f, g", id="no such function"),
    pytest.param("own.py:NUMBER", "is not a function: its type is int", id="no function"),
    pytest.param("broken.py:f", "broken.py:2: ", id="syntax error"),
]


@pytest.mark.parametrize(("target", "cure"), TARGETS)
def test_a_target_that_leads_to_no_function_is_refused_and_leaves_nothing(
    target: str, cure: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gilscope.cli.progress.PATIENCE_S", 60.0)  # a busy machine takes longer to refuse
    (folder / "own.py").write_text(OWN, encoding="utf-8")
    (folder / "broken.py").write_text("\ndef f(:\n", encoding="utf-8")
    assert main(["profile", target]) == 2
    assert cure in one_line(capsys.readouterr().err)
    assert {path.name for path in folder.iterdir()} == {"own.py", "broken.py"}
