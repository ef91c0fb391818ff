"""Help: every page shows its examples and exit statuses and no more than that; the examples run as they are printed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from gilscope import __version__
from gilscope.cli import app, main
from tests.cli.test_show import write_result
from tests.report.gil.test_text import report as program_report
from tests.report.gil.test_text import seen


def pages(command: typer.core.TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the path of every page below a group of verbs, and its own."""
    yield path
    for name, found in command.commands.items():
        if isinstance(found, typer.core.TyperGroup):
            yield from pages(found, (*path, name))
        else:
            yield (*path, name)


PAGES = list(pages(typer.main.get_command(app.app)))


def rendered(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    """Return a page as a terminal of 80 columns gets it."""
    assert main([*path, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def examples(page: str) -> list[str]:
    """Return the commands below "Examples:"."""
    section = page.partition("\nExamples:\n")[2].partition("\n\n")[0]
    return [line.strip() for line in section.splitlines()]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: " ".join(path) or "gilscope")
def test_a_page_has_examples_and_exit_statuses_and_nothing_of_the_code(
    path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = rendered(path, capsys)
    assert page.startswith(f"Usage: {' '.join(('gilscope', *path))} ")
    assert examples(page)
    assert re.search(r"\nExit status:\n  \S.*\b2\s+bad\s+usage", page, re.DOTALL)
    assert max(map(len, page.splitlines())) <= 80
    options = page.partition("\nOptions:\n")[2].partition("\n\n")[0]
    assert not re.search(r"\[\w", options), "defaults are written (default: ...)"
    for leaked in ("<str", "<list", "[required]", "[default:", "``", "{", "......", "None"):
        assert leaked not in page


def test_the_first_page_lists_the_verbs_by_what_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    page = rendered((), capsys)
    names = "Measure", "Look", "Prepare", "Learn"
    found = {
        name: re.findall(r"^  (\w+) ", page.partition(f"\n{name}:\n")[2].partition("\n\n")[0], re.M) for name in names
    }
    assert found == {
        "Measure": ["profile", "run", "gil", "predict", "metg", "ipc", "startup", "audit"],
        "Look": ["show", "report", "compare", "history", "trace", "export"],
        "Prepare": ["doctor", "list", "env", "kernels"],
        "Learn": ["tour"],
    }
    assert page.rstrip().endswith("In CI use the pytest fixture 'scaling': see docs/pytest.md")


class Reached(Exception):  # noqa: N818 -- nothing is wrong
    """The request was read, and what costs time or changes the machine would begin."""


COSTLY = (
    "gilscope.api.measure_functions",
    "gilscope.pipeline.run",
    "gilscope.studies.engine.carry_out",
    "gilscope.studies.audit.audit",
    "gilscope.studies.traced.trace_function",
    "gilscope.telemetry.program.run_program",
    "gilscope.telemetry.watch.attach",
    "gilscope.tour._model.run_experiment",
    "gilscope.env.install.add",
    "gilscope.env.environments.remove",
    "gilscope.kernels.skeleton.find_checkout",
    "gilscope.kernels.digest.main",
)
CHEAP = {
    "show",
    "report",
    "compare",
    "history",
    "export",
    "doctor",
    "list",
    "env list",
    "trace old",
    "predict",
    "predict old",
    "tour",
}


def is_cheap(words: list[str]) -> bool:
    """Whether an example is run to its end here: it reads, draws or lists, and measures nothing."""
    alone = {"tour", "predict"}
    return words[0] in CHEAP - alone or " ".join(words[:2]) in CHEAP or (len(words) == 1 and words[0] in alone)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: " ".join(path) or "gilscope")
def test_examples_run_as_printed(
    path: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reached(*_: object, **__: object) -> None:
        raise Reached

    for name in COSTLY:
        monkeypatch.setattr(name, reached)
    # Which interpreters and wheels there are is the machine's.
    monkeypatch.setattr("gilscope.cli.interpreters.chosen", lambda *_: ())
    monkeypatch.setattr("gilscope.env.install.find_source", lambda _: folder)
    (folder / "mine.py").write_text("def work(n): ...\ndef faster(n): ...\ninputs = [1, 2]\n", encoding="utf-8")
    (folder / "script.py").write_text("", encoding="utf-8")
    (folder / "gil.json").write_text(json.dumps(program_report(seen(0.9)).to_json()), encoding="utf-8")
    for name in ("old", "new", "runs/1", "gilscope-results/20260101T000000Z"):
        write_result(folder / name)
    for line in examples(rendered(path, capsys)):
        program, *words = shlex.split(line, comments=True)
        assert program == "gilscope"
        if is_cheap(words):
            assert main(words) in ((0, 3) if words[0] == "compare" else (0,)), line
        else:
            with pytest.raises(Reached):
                main(words)
        assert "gilscope: " not in capsys.readouterr().err, line


@pytest.mark.parametrize("word", ["-V", "--version"])
def test_the_version_is_one_line(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == 0
    assert capsys.readouterr().out == f"gilscope {__version__}\n"


def test_a_shell_completes_verbs() -> None:
    asked = {"_GILSCOPE_COMPLETE": "complete_bash", "COMP_WORDS": "gilscope pro", "COMP_CWORD": "1"}
    command = [sys.executable, "-m", "gilscope"]
    run = subprocess.run(command, env={**os.environ, **asked}, capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.split() == ["profile"]
