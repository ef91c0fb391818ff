"""``gilscope predict``: of a result, of a function, and what it refuses."""

from __future__ import annotations

import json

import pytest

from gilscope.cli import main
from gilscope.cli.output import PIPE_WIDTH
from gilscope.core.cases import Study
from gilscope.results import schema
from gilscope.results.writer import ResultWriter
from tests.analysis.predict.test_demands import sampled


@pytest.fixture
def result(tmp_path):
    """Write a result in which one worker holds the GIL for a quarter of its time."""
    made = sampled()
    study = Study(
        kernels=("mod:f",), implementations=("f",), executors=("serial", "threads"), workers=(2,), functions=("mod:f",)
    )
    path = tmp_path / "result" / schema.RESULT_NAME
    with ResultWriter(path, study, made.environment, "1") as writer:
        for record in made.cases.values():
            writer.case(record)
        for block in made.blocks:
            writer.block(block)
        for line in made.diagnostics:
            writer.diagnostic(line)
    return path


def test_a_result_is_predicted_with_table_sentence_and_chart(result, capsys):
    assert main(["predict", str(result), "--workers", "4,64", "--what-if", "gil/2"]) == 0
    shown = capsys.readouterr().out
    assert "f by threads: measured" in shown
    assert "On any number of threads at most 4.00x" in shown
    assert "gil/2" in shown
    assert "64 workers" in shown
    assert 'read "at most"' in shown
    assert all(len(line) <= PIPE_WIDTH for line in shown.splitlines() if not line.startswith("result:"))


def test_json_is_the_outlook_and_nothing_else(result, capsys):
    assert main(["predict", str(result.parent), "--json", "--workers", "8", "--cpus", "4"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["cpus"]) == ("gilscope.prediction", 4)
    assert found["cases"][0]["predictions"][0]["speedup"]["value"] <= 4.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{result}", "--workers", "0"], "must be between 1 and"),
        (["{result}", "--workers", "a"], "is not a whole number"),
        (["{result}", "--cpus", "0"], "must be between 1 and"),
        (["{result}", "--what-if", "gil+1"], "write it like gil=0 or gil/2"),
        (["{result}", "--arg", "n=1"], "--arg is for a function"),
        (["{result}", "{result}"], "name one result"),
        (["{result}", "mod:f"], "name functions or one result"),
        (["/nowhere/at/all"], "no result at"),
    ],
)
def test_what_it_refuses_it_says_in_one_line(result, capsys, words, said):
    assert main(["predict", *(word.format(result=result) for word in words)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_show_json_has_predictions(result, capsys):
    assert main(["show", str(result), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["cases"]
    threads = next(row for row in rows if row["executor"] == "threads")
    assert [one["workers"] for one in threads["predictions"]] == [4, 16, 64, 256, 1024]
    assert threads["predictions"][-1]["bound_by"] == "gil"
    assert all(row["predictions"] is None for row in rows if row["executor"] == "serial")
