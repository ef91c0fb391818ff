"""What ``gilscope run`` asks for, where it writes, what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gilscope.cli import main
from gilscope.core.cases import Study
from gilscope.core.errors import UsageError, WorkerDiedError
from gilscope.measure.events import Observer
from gilscope.plan import QUICK_BUDGET_S
from tests.cli.conftest import FakePipeline
from tests.report.answers import answer, changed, document, row


def asked(pipeline: FakePipeline, *arguments: str) -> Study:
    """Run quietly and return the study that was asked for."""
    assert main(["run", "--quiet", *arguments]) == 0
    return pipeline.studies[-1]


def test_every_option_reaches_the_study(pipeline: FakePipeline) -> None:
    study = asked(
        pipeline,
        *("nbody", "mandelbrot", "--implementations", "py_loop,cy_nogil", "--executors", "threads,processes"),
        *("--workers", "4,1,4", "--size", "s", "--budget", "2m", "--precision", "1%", "--chunks", "8"),
        *("--start-method", "fork,spawn", "--transport", "pickle,shm", "--seed", "7", "--memory-limit", "1.5G"),
    )
    assert study == Study(
        kernels=("nbody", "mandelbrot"),
        implementations=("py_loop", "cy_nogil"),
        executors=("threads", "processes"),
        workers=(1, 4),
        size="S",
        budget_s=120.0,
        precision=0.01,
        chunks_per_worker=8,
        start_methods=("fork", "spawn"),
        transports=("pickle", "shm"),
        seed=7,
        memory_limit_bytes=3 << 29,
    )


def test_kernels_may_be_listed_with_commas(pipeline: FakePipeline) -> None:
    assert asked(pipeline, "nbody,triad").kernels == ("nbody", "triad")


def test_without_words_the_flagships_run_on_all_usable_cpus(
    pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GILSCOPE_MAX_WORKERS", "1")
    study = asked(pipeline)
    assert study.kernels == ("mandelbrot", "triad")
    assert study.workers == (1,)
    assert (study.budget_s, study.precision) == (QUICK_BUDGET_S, 0.05)


def test_settings_are_defaults_and_words_win(pipeline: FakePipeline, folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        '[tool.gilscope]\nworkers = [1, 3]\nbudget = 10\nprecision = "2%"\nstart_method = "spawn"\nout = "there"\n',
        encoding="utf-8",
    )
    study = asked(pipeline, "--budget", "5s")
    assert (study.workers, study.budget_s, study.precision) == ((1, 3), 5.0, 0.02)
    assert study.start_methods == ("spawn",)
    assert pipeline.folders == [Path("there")]


def test_the_nearest_settings_count_alone(
    pipeline: FakePipeline, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pyproject.toml").write_text("[tool.gilscope]\nseed = 5\nworkers = 3\n", encoding="utf-8")
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/pyproject.toml").write_text("[tool.gilscope]\nseed = 9\n", encoding="utf-8")
    (folder / "a/b/pyproject.toml").write_text("[tool.other]\nx = 1\n", encoding="utf-8")
    monkeypatch.chdir(folder / "a/b")
    monkeypatch.setenv("GILSCOPE_MAX_WORKERS", "1")
    study = asked(pipeline)
    assert (study.seed, study.workers) == (9, (1,))


def test_results_go_to_a_folder_of_their_own(pipeline: FakePipeline, folder: Path) -> None:
    asked(pipeline)
    asked(pipeline)
    first, second = pipeline.folders
    assert first.parent == second.parent == Path("gilscope-results")
    assert first != second


def test_other_files_in_the_output_folder_stay(pipeline: FakePipeline, folder: Path) -> None:
    (folder / "there").mkdir()
    (folder / "there/notes.txt").write_text("mine", encoding="utf-8")
    asked(pipeline, "--out", "there")
    assert (folder / "there/notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_folder_nothing_was_written_to_goes_away(pipeline: FakePipeline, folder: Path) -> None:
    def refuse(observer: Observer) -> None:
        raise UsageError("nothing to measure")

    pipeline.during = refuse
    assert main(["run", "--out", "there"]) == 2
    assert not (folder / "there").exists()


def test_an_empty_folder_of_the_user_stays(pipeline: FakePipeline, folder: Path) -> None:
    pipeline.writes = False
    (folder / "there").mkdir()
    asked(pipeline, "--out", "there")
    assert (folder / "there").is_dir()


def test_json_is_the_document_and_nothing_else(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.during = lambda observer: observer.message("a runner was replaced")
    assert main(["run", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == json.loads(json.dumps(document(pipeline.answer)))
    assert "a runner was replaced" in err


def test_quiet_says_nothing_while_measuring(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.during = lambda observer: observer.message("a runner was replaced")
    assert main(["run", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_the_answer_goes_to_stdout(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run"]) == 0
    out = capsys.readouterr().out
    assert "Cython prange" in out
    assert "Fastest" in out
    assert "\x1b" not in out, "a pipe gets no colours"


@pytest.mark.parametrize("status", ["wrong_result", "failed", "timeout"])
def test_a_case_that_went_wrong_makes_status_1(
    status: str, pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = row("mandelbrot/py_loop@serial#S", status=status, reason="the third pixel is off")
    pipeline.answer = answer([row("mandelbrot/cy_nogil@serial#M"), bad])
    assert main(["run", "--quiet"]) == 1
    assert "the third pixel is off" in capsys.readouterr().out


@pytest.mark.parametrize("status", ["unavailable", "too_noisy"])
def test_what_cannot_be_measured_is_no_failure(status: str, pipeline: FakePipeline) -> None:
    pipeline.answer = answer([row("mandelbrot/py_loop@serial#S", status=status, reason="no")])
    assert main(["run", "--quiet"]) == 0


def test_full_ends_with_every_table_and_json_stays_json(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--quiet"]) == 0
    short = capsys.readouterr().out
    assert main(["run", "--quiet", "--full"]) == 0
    full = capsys.readouterr().out
    assert "verdict" in full
    assert "verdict" not in short
    assert main(["run", "--quiet", "--json"]) == 0
    document = capsys.readouterr().out
    assert main(["run", "--quiet", "--json", "--full"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(document)


def test_an_interrupted_run_shows_what_there_is(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.answer = changed(pipeline.answer, interrupted=True)
    assert main(["run", "--quiet"]) == 130
    out = capsys.readouterr().out
    assert "Interrupted" in out
    assert "Cython prange" in out


def test_ctrl_c_outside_of_measuring_leaves_neither_traceback_nor_folder(
    pipeline: FakePipeline, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(observer: Observer) -> None:
        raise KeyboardInterrupt

    pipeline.during = interrupt
    assert main(["run", "--quiet"]) == 130
    assert capsys.readouterr().err == ""
    assert not list(folder.glob("gilscope-results/*"))


def test_a_measurement_that_breaks_down_is_one_line(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    def break_down(observer: Observer) -> None:
        raise WorkerDiedError("the supervisor ended\nwith signal 9")

    pipeline.during = break_down
    assert main(["run", "--quiet"]) == 1
    assert capsys.readouterr().err == "gilscope: the supervisor ended with signal 9\n"


@pytest.mark.parametrize("words", [["run", "mandelbrot"], ["profile", "json:dumps", "--arg", "1"]])
def test_a_dry_run_says_what_would_be_measured_and_leaves_nothing(
    words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--workers", "2", "--budget", "7", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "by serial, threads*2 and processes*2" in out
    assert "then up to 7 s of measuring" in out
    assert main([*words, "--workers", "2", "--dry-run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert any("@threads*2" in case for case in document["cases"])
    assert list(folder.iterdir()) == []


def test_a_dry_run_of_what_cannot_be_measured_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "mandelbrot", "--implementations", "std_c", "--dry-run"]) == 2
    assert "nothing to measure" in capsys.readouterr().err
