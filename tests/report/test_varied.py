"""From which value of an argument on it pays to run in parallel: sentences and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gilscope.cli import main
from gilscope.cli.vary import parse_vary
from gilscope.core.errors import UsageError
from gilscope.report.varied import Varied, VariedRow, pays, render_varied

_TWICE = (
    "f: to run in parallel pays from some n between 1 and 10 on, then no longer pays from some n between 10 and 100 on"
)


def varied(*gains: bool | None) -> Varied:
    """Return what was found with 1, 10, 100, ..."""
    rows = [
        VariedRow(
            value=10**index, gains=gain, way="2 threads", speedup=None, shown="-", causes=(), call_s=1e-6, folder="runs"
        )
        for index, gain in enumerate(gains)
    ]
    return Varied(name="n", function="f", rows=tuple(rows))


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ((False, False, True, True), "f: to run in parallel pays from some n between 10 and 100 on"),
        ((False, None, True), "f: to run in parallel pays from some n between 1 and 100 on; undecided with n = 10"),
        ((True, True), "f: to run in parallel pays with n = 1 and 10"),
        ((False, False), "f: to run in parallel does not pay with n = 1 and 10"),
        ((None, True), "f: to run in parallel pays with n = 10; undecided with n = 1"),
        ((None, None), "f: undecided with every n"),
        ((True, False), "f: to run in parallel no longer pays from some n between 1 and 10 on"),
        ((False, True, False), _TWICE),
    ],
)
def test_the_sentence_says_from_where_on_it_pays(gains: tuple[bool | None, ...], said: str) -> None:
    assert pays(varied(*gains)) == said
    assert f"{said}.\n" in render_varied(varied(*gains), width=80)


def test_values_are_literals_or_sizes() -> None:
    assert parse_vary("n=1,10,10,100") == ("n", (1, 10, 100))
    assert parse_vary("size=1KiB,1MiB") == ("size", (1024, 1 << 20))
    assert parse_vary("name='a','b'") == ("name", ("a", "b"))


@pytest.mark.parametrize("text", ["n", "n=", "n=1", "n=1,1", "n=1,,2", "1,2", "n=1,many"])
def test_what_names_no_values_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="write it like"):
        parse_vary(text)


def test_an_argument_that_is_fixed_and_varied_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "time:sleep", "--arg", "secs=1", "--vary", "secs=1,2"]) == 2
    assert "given twice" in capsys.readouterr().err


@pytest.mark.measuring
def test_every_value_is_measured_in_a_folder_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text("def work(n):\n    return sum(range(n))\n", encoding="utf-8")
    out = tmp_path / "out"
    words = ["profile", f"{tmp_path / 'mine.py'}:work", "--vary", "n=10,10000", "--budget", "2s", "--json"]
    assert main([*words, "--executors", "threads", "--workers", "2", "--out", str(out), "--quiet"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["value"] for row in document["rows"]] == [10, 10_000]
    assert sorted(path.name for path in out.iterdir()) == ["n=10", "n=10000"]
