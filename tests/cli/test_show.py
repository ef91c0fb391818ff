"""``gilscope show``: results again, and files that are no results."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gilscope import __version__
from gilscope.cli import main
from gilscope.core.cases import Case, Study
from gilscope.core.records import Block, CaseRecord, Round, Stamp
from gilscope.core.registry import id_of
from gilscope.core.spec import Work
from gilscope.results import ResultWriter

SERIAL = Case.parse("mandelbrot/cy_nogil@serial#M~c8")
THREADS = Case.parse("mandelbrot/cy_nogil@threads*2#M")
BROKEN = Case.parse("mandelbrot/py_loop@threads*2#S")
MS = 1_000_000


def write_result(folder: Path, blocks: int = 8) -> Path:
    """Write a result in which two threads take a good half of the time of one."""
    study = Study(kernels=("mandelbrot",), implementations=("cy_nogil",), executors=("threads",), workers=(2,))
    path = folder / "result.jsonl"
    environment = {"cpus": {"count": 2, "detail": "the machine has 2 logical CPUs"}}
    with ResultWriter(path, study, environment, __version__) as writer:
        for case in (SERIAL, THREADS):
            work = Work(units=1000, unit="iterations")
            writer.case(CaseRecord(case=case, repeats=10, work=work, isa="avx2", one_time_ns={"start": 3 * MS}))
        trace = "Traceback (most recent call last):\n  ...\nZeroDivisionError: planted"
        writer.case(CaseRecord(case=BROKEN, status="failed", reason="a worker raised", detail=trace))
        for index in range(blocks):
            start = index * 1000 * MS
            rounds = {
                SERIAL.id: timed(start, 200 * MS, workers=1),
                THREADS.id: timed(start + 300 * MS, (100 + index % 3) * MS, workers=2),
            }
            writer.block(
                Block(kernel="mandelbrot", index=index, started_ns=start, ended_ns=start + 500 * MS, rounds=rounds)
            )
    return path


def timed(start_ns: int, wall_ns: int, workers: int) -> Round:
    """Return a round without waiting."""
    stamp = Stamp(submit_ns=start_ns, start_ns=start_ns, end_ns=start_ns + wall_ns, cpu_ns=wall_ns, run_queue_ns=0)
    return Round(repeats=10, start_ns=start_ns, end_ns=start_ns + wall_ns, stamps=(stamp,) * workers)


@pytest.fixture
def result(folder: Path) -> Path:
    """A result in a folder of its own."""
    return write_result(folder / "mine")


@pytest.mark.parametrize("where", ["mine", "mine/result.jsonl", "."])
def test_a_result_is_found_by_file_folder_or_parent(
    where: str, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", where]) == 0
    assert "1.98 [1.96, 2.00]" in capsys.readouterr().out


def test_without_a_name_the_newest_result_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = write_result(folder / "gilscope-results/20260101T000000Z", blocks=7)
    write_result(folder / "gilscope-results/20260102T000000Z", blocks=9)
    os.utime(old, (1, 1))
    assert main(["show", "--full"]) == 0
    assert "9 blocks" in capsys.readouterr().out


def test_a_start_that_failed_is_not_the_newest_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write_result(folder / "gilscope-results/20260101T000000Z", blocks=7)
    bad = write_result(folder / "gilscope-results/20260102T000000Z", blocks=0)
    os.utime(good, (1, 1))
    assert main(["show"]) == 0
    out, err = capsys.readouterr()
    assert "7 blocks" in out or "7 times" in out
    assert "20260102T000000Z" in err
    assert len(err.splitlines()) == 1
    good.unlink()
    assert main(["show", "--case", BROKEN.id]) == 0
    assert "ZeroDivisionError: planted" in capsys.readouterr().out
    assert bad.exists()


COPIED = [
    "cy_nogil@threads*2",
    "  mandelbrot/cy_nogil@threads*2#M  ",
    "cy_nogil@threads*2 ",
    "cy_nogil   threads  2   M",
    "3   cy_nogil   threads   2   M   10.0 ms",
    "1.98 [1.96, 2.00] + #3",
    "#3",
]


@pytest.mark.parametrize("text", COPIED)
@pytest.mark.parametrize("verb", [("show", "mine", "--json"), ("trace", "mine")], ids=["show", "trace"])
def test_a_case_is_found_by_what_tables_call_it(
    text: str, verb: tuple[str, ...], result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*verb, "--case", text]) == 0
    assert THREADS.id in capsys.readouterr().out


@pytest.mark.parametrize("name", ["3.11", "3.13t", "3.13t+gil"])
def test_a_case_is_found_by_what_tables_call_it_under_an_interpreter(name: str) -> None:
    ids = [f"mandelbrot/py_loop@threads*2#XS!{one}" for one in ("3.11", "3.13t", "3.13t+gil")]
    assert id_of(f"py_loop@threads*2 on {name} ", ids, "a result", "show lists them") == ids[0].replace("3.11", name)


def test_show_json_is_one_document_and_nothing_else(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "mine", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["schema"] == "gilscope.analysis"
    assert {row["case"] for row in document["cases"]} == {SERIAL.id, THREADS.id, BROKEN.id}
    assert err == ""


def test_one_case_is_shown_fully(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "mine", "--case", THREADS.id]) == 0
    out = capsys.readouterr().out
    for known in ("1.98 [1.96, 2.00]", "avx2", "executions per round  10", "start 3.00 ms", "200 ms"):
        assert known in out


def test_a_case_is_found_in_any_spelling(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "mine", "--case", "mandelbrot/cy_nogil@threads*2#M~c4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["case"] == THREADS.id


def test_a_failed_case_shows_the_worker_s_traceback(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "mine", "--case", BROKEN.id]) == 0
    assert "ZeroDivisionError: planted" in capsys.readouterr().out


def test_a_case_is_found_by_the_number_that_the_tables_show(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "mine", "--full"]) == 0
    rows = [
        line.split()
        for line in capsys.readouterr().out.splitlines()
        if "@" not in line and line[:1].isdecimal() and line[1:3] == "  "
    ]
    assert [int(number) for number, *_ in rows] == [1, 2, 3]
    for number, implementation, executor, *_ in rows:
        assert main(["show", "mine", "--case", number]) == 0
        assert capsys.readouterr().out.startswith(f"mandelbrot/{implementation}@{executor}")
    assert main(["show", "mine", "--case", "#2"]) == 0, "as the answer writes it"


def test_one_time_costs_come_on_request(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "mine"]) == 0
    assert "jit cache" not in capsys.readouterr().out
    assert main(["show", "mine", "--one-time"]) == 0
    assert "jit cache" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("mandelbrot/cy_nogli@threads*2#M", "did you mean 'mandelbrot/cy_nogil@threads*2#M'?"),
        ("mandelbrot/cy_nogil@threads*3#M", "did you mean"),
        ("cy", "may be mandelbrot/cy_nogil@serial#M"),
        ("42", "they go from 1 to 3"),
        ("0", "they go from 1 to 3"),
    ],
)
def test_an_unknown_case_gets_one_line_with_the_nearest(
    asked: str, hint: str, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "mine", "--case", asked]) == 2
    out, err = capsys.readouterr()
    assert hint in err
    assert len(err.splitlines()) == 1
    assert out == ""


def test_a_torn_last_line_is_dropped_and_said(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = result.read_bytes()
    result.write_bytes(whole[:-40])
    for more in ([], ["--full"]):
        assert main(["show", "mine", *more]) == 0
        assert "torn" in capsys.readouterr().out


FOREIGN = [
    pytest.param(b"", "nothing was measured", id="empty"),
    pytest.param(b"hello\n", "not a result of gilscope", id="text"),
    pytest.param(b"\x00\xff\xfe" * 50, "not a result of gilscope", id="bytes"),
    pytest.param(b'{"benchmarks": []}\n', "not a result of gilscope", id="other JSON"),
    pytest.param(b'{"schema": "gilscope.result", "schema_version": 99}\n', "pip install -U gilscope", id="newer"),
]


@pytest.mark.parametrize(("contents", "cure"), FOREIGN)
def test_files_that_are_no_results_get_one_line_and_stay(
    contents: bytes, cure: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "other.jsonl"
    path.write_bytes(contents)
    assert main(["show", "other.jsonl"]) == 2
    out, err = capsys.readouterr()
    assert cure in err
    assert len(err.splitlines()) == 1
    assert out == ""
    assert path.read_bytes() == contents


def test_a_result_cannot_command_the_terminal(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = result.read_text(encoding="utf-8").replace("a worker raised", r"\u001b[2J\u0007gone")
    result.write_text(lines, encoding="utf-8")
    assert main(["show", "mine"]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert main(["show", "mine", "--case", BROKEN.id]) == 0
    assert "\x1b" not in capsys.readouterr().out
