"""``gilscope tour`` and ``gilscope trace``: what is asked for stands on stdout or in the file, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gilscope import results
from gilscope.analysis import analyse
from gilscope.cli import main
from gilscope.tour import CHAPTERS

Captured = pytest.CaptureFixture[str]
EXAMPLE = str(Path(__file__).parents[2] / "docs" / "examples" / "result.jsonl")


def test_without_a_chapter_the_tour_lists_them(capsys: Captured) -> None:
    assert main(["tour"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in CHAPTERS)


@pytest.mark.measuring
def test_a_chapter_is_shown_and_written_as_a_page(folder: Path, capsys: Captured) -> None:
    assert main(["tour", "single", "--html", "page.html"]) == 0
    out = capsys.readouterr().out
    assert "the claim holds" in out
    assert "<svg" in (folder / "page.html").read_text(encoding="utf-8")


def test_json_and_mermaid_are_all_there_is(folder: Path, capsys: Captured) -> None:
    assert main(["tour", "single", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [chapter["name"] for chapter in document["chapters"]] == ["single"]
    assert main(["tour", "single", "--mermaid"]) == 0
    assert capsys.readouterr().out.startswith("%% single/sleeps\nsequenceDiagram\n    autonumber\n")


@pytest.mark.parametrize(
    ("asked", "suffix", "begins"),
    [
        ("svg", ".x", "<svg"),
        (None, ".svg", "<svg"),
        (None, ".html", "<!doctype html>"),
        (None, ".mmd", "sequenceDiagram"),
        (None, ".json", '{"otherData"'),
        (None, ".txt", "mandelbrot/"),
    ],
)
def test_a_round_is_drawn_in_the_format_asked_for(
    folder: Path, capsys: Captured, asked: str | None, suffix: str, begins: str
) -> None:
    arguments = ["trace", EXAMPLE, "--out", f"drawn{suffix}", *(["--format", asked] if asked else [])]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"drawn{suffix}\n"
    assert (folder / f"drawn{suffix}").read_text(encoding="utf-8").startswith(begins)


def test_json_has_every_event_with_times_from_the_start(folder: Path, capsys: Captured) -> None:
    assert main(["trace", EXAMPLE, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["schema_version"]) == ("gilscope.core.trace", 1)
    assert min(event["start_ns"] for event in document["events"]) == 0
    assert set(document["events"][0]) == {"lane", "name", "start_ns", "end_ns", "category"}
    assert {event["lane"] for event in document["events"]} == set(document["lanes"])


def test_a_case_and_a_block_can_be_chosen(folder: Path, capsys: Captured) -> None:
    case = next(iter(results.load(EXAMPLE).blocks[1].rounds))
    assert (
        main(
            [
                "trace",
                EXAMPLE,
                "--case",
                case,
                "--block",
                str(results.load(EXAMPLE).blocks[1].index),
                "--format",
                "perfetto",
            ]
        )
        == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert document["otherData"]["title"].startswith(f"{case}, block ")


def test_a_case_is_chosen_by_the_number_that_the_answer_shows(folder: Path, capsys: Captured) -> None:
    numbers = analyse(results.load(EXAMPLE)).numbers
    chosen = next(case for case in reversed(list(numbers)) if "*2" in case)
    for text in (str(numbers[chosen]), f"#{numbers[chosen]}"):
        assert main(["trace", EXAMPLE, "--case", text, "--format", "perfetto"]) == 0
        assert json.loads(capsys.readouterr().out)["otherData"]["title"].startswith(f"{chosen}, ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["tour", "thread"], "did you mean 'threads'?"),
        (["tour", "single", "--json", "--mermaid"], "give one of them"),
        (["tour", "single", "--html", "no/such/folder.html"], "choose another file with --html"),
        (["trace", EXAMPLE, "--format", "pdf"], "known are text, svg, html, mermaid, perfetto, json"),
        (["trace", EXAMPLE, "--case", "nonsense"], "no case 'nonsense'"),
        (["trace", EXAMPLE, "--case", "9999"], "no case number 9999"),
        (["trace", EXAMPLE, "--block", "9999"], "there are blocks 0 to"),
        (["trace", EXAMPLE, "--out", "no/such/folder.svg"], "choose another file with --out"),
        (["trace", "no-such-result"], "no-such-result"),
        (["trace"], "missing argument"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(
    folder: Path, capsys: Captured, arguments: list[str], says: str
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert says in err
    assert out == ""
    assert err.count("\n") == 1
