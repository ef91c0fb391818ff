"""``compare``, ``export`` and the requests that ``profile`` refuses."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gilscope.cli import UNDECIDED, main

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "result.jsonl"
CASE = "mandelbrot/cy_nogil@threads*2#M"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return the example as if it came from a machine with another processor."""
    path = tmp_path / "elsewhere.jsonl"
    head, _, rest = EXAMPLE.read_text(encoding="utf-8").partition("\n")
    header = json.loads(head)
    header["environment"]["machine"]["cpu_model"] = "another"
    path.write_text(f"{json.dumps(header)}\n{rest}", encoding="utf-8")
    return path


def test_two_machines_are_not_compared_and_the_gate_says_that_it_cannot_decide(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(EXAMPLE), str(elsewhere)]) == 0
    assert "not comparable: different machines" in capsys.readouterr().out
    assert main(["compare", str(EXAMPLE), str(elsewhere), "--fail-on", "slower:5%", "--json"]) == UNDECIDED
    found = json.loads(capsys.readouterr().out)
    assert {entry["verdict"] for entry in found["cases"]} == {"not comparable"}
    assert {entry["ratio"] for entry in found["cases"]} == {None}
    assert found["undecided"]
    (different,) = found["surroundings"]
    assert (different["where"], different["name"], different["second"]) == ("machine", "cpu_model", "another")


def test_ratios_across_machines_are_shown_on_demand_and_decide_nothing(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["compare", str(EXAMPLE), str(elsewhere), "--anyway", "--fail-on", "slower:5%"]
    assert main([*command, "--json"]) == UNDECIDED
    found = json.loads(capsys.readouterr().out)
    assert {entry["verdict"] for entry in found["cases"]} == {"not comparable"}
    assert any(entry["ratio"] for entry in found["cases"])
    assert main(command) == UNDECIDED
    assert "--fail-on slower:5% could not be decided" in capsys.readouterr().out


def test_a_result_does_not_differ_from_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(EXAMPLE), str(EXAMPLE), "--fail-on", "slower:5%", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {entry["verdict"] for entry in found["cases"]} <= {"no difference shown", "not comparable"}
    assert main(["compare", str(EXAMPLE), str(EXAMPLE)]) == 0
    assert "rate, B over A" in capsys.readouterr().out


def test_csv_has_a_line_per_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(EXAMPLE)]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows
    measured = next(entry for entry in rows if entry["status"] == "ok")
    assert float(measured["wall_s_low"]) <= float(measured["wall_s"]) <= float(measured["wall_s_high"])


@pytest.mark.parametrize("form", ["pytest-benchmark", "pyperf", "json"])
def test_other_formats_are_json_with_the_cases(form: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "file.json"
    assert main(["export", str(EXAMPLE), "--format", form, "--out", str(out)]) == 0
    document = json.loads(out.read_text())
    assert document["cases" if form == "json" else "benchmarks"]
    assert main(["export", str(EXAMPLE), "--format", form, "--out", str(out)]) == 2
    assert "choose another name with --out" in capsys.readouterr().err


def test_pytest_benchmark_reads_its_file(tmp_path: Path) -> None:
    out = tmp_path / "0001_here.json"
    assert main(["export", str(EXAMPLE), "--format", "pytest-benchmark", "--out", str(out)]) == 0
    code = "from pytest_benchmark.cli import main; main()"
    read = subprocess.run(
        [sys.executable, "-c", code, "compare", str(out)], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert read.returncode == 0, read.stderr
    assert CASE.partition("@")[0] in read.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["compare", str(EXAMPLE), str(EXAMPLE), "--fail-on", "faster"], "write it like slower:5%"),
        (["compare", str(EXAMPLE), "nowhere"], "no result at 'nowhere'"),
        (["export", str(EXAMPLE), "--format", "cvs"], "did you mean 'csv'?"),
        (["profile"], "missing argument"),
        (["profile", "json"], "write it like pkg.module:function"),
        (["profile", "json:dumps", "--arg", "n=x"], "is not a Python literal"),
        (["profile", "json:dumps", "--arg", "n=1", "--arg", "n=2"], "is given twice"),
        (["profile", "json:dumps", "json:dumps"], "is given twice"),
        (["profile", "json:dumps", "--executors", "thread"], "did you mean 'threads'?"),
        (["profile", "json:dumps", "--workers", "0"], "must be between 1 and"),
        (["profile", "json:dumps", "--tasks", "0"], "must be between 1 and"),
        (["profile", "json:dumps", "--scaling", "medium"], "known are weak, strong"),
        (["profile", "json:dumps", "--timeout", "soon"], "is no duration"),
        (["profile", "json:dumps", "--setup", "nothing"], "write it like pkg.module:function"),
    ],
)
def test_bad_requests_are_one_line_and_status_2(
    arguments: list[str], complaint: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert complaint in printed.err
    assert printed.err.count("\n") == 1
    assert list(folder.iterdir()) == []
