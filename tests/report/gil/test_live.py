"""The live view: what is known so far, cut to the screen."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gilscope.report.gil.live import live_text
from gilscope.report.gil.sources import Sources
from gilscope.telemetry.reading import GilReport
from tests.made_stacks import stacks
from tests.report.gil.test_text import LINES, REPORTS, blamed, report, seen


def view(gil: GilReport, height: int = 50) -> str:
    made = dataclasses.replace(report(gil), exit_status=None, pid=6)
    return live_text(made, height=height, unicode=True, sources=Sources(Path("/nowhere")))


@pytest.mark.parametrize("gil", [*REPORTS, *LINES])
@pytest.mark.parametrize("height", [5, 24, 80])
def test_every_view_fits_the_screen(gil: GilReport, height: int) -> None:
    lines = view(gil, height).splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= 80
    assert "q: ends" in lines[0]


def test_levels_are_those_of_now_and_on_average() -> None:
    levels = {"held": [0.0] * 90 + [1.0] * 10, "waiting": [0.0] * 90 + [2.0] * 10, "handovers_per_s": [9.0] * 100}
    text = view(blamed(seen(0.1, 0.2, timeline={"bin_s": 0.1, **levels})))
    assert "held         100% now, 10 ±1% on average" in text
    assert "waiting      2.00 now, 0.20 [0.19, 0.21] threads on average" in text
    assert " 1.42    50%  server.py:7 in Handler.do_POST, calling json.loads" in text
    assert "held: ▁" not in text, "no legend"


def test_what_is_not_known_is_said() -> None:
    assert "lines       n/a: cannot be read" in view(blamed(seen(0.9), stacks=None, stacks_reason="cannot be read"))
    assert "none so far" in view(blamed(seen(0.9), stacks=stacks()))
    assert "waiting     n/a: no waiters here" in view(seen(0.9, None))
