"""Rounds of several workers with a user's function: long enough for calls that differ, short beside the budget."""

from __future__ import annotations

import math

import pytest

from gilscope.core.cases import Case
from gilscope.measure.calibrate import longer

SINGLE_S = 0.025


@pytest.mark.parametrize(
    ("case", "budget_s", "times"),
    [
        ("m:f/f@threads*2#2~c1", math.inf, 10),  # 0.25 s: who shares a GIL wants it in the beginning
        ("m:f/f@threads*2#2~c1", 16.0, 10),
        ("m:f/f@threads*2#2~c1", 10.0, 8),
        ("m:f/f@threads*2#2~c1", 1.0, 4),  # but 0.1 s in any case
        ("m:f/f@threads.all*2#2~c1", 10.0, 4),
        ("m:f/f@processes*2#2~c1", 10.0, 4),
        ("m:f/f@processes*2#2~c1", math.inf, 4),
        ("m:f/f@threads*2#400", 10.0, 1),  # calls enough
        ("mandelbrot/cy_nogil@threads*2#M", 10.0, 1),
    ],
)
def test_calls_of_a_round(case: str, budget_s: float, times: int) -> None:
    assert longer(Case.parse(case), 1, SINGLE_S, budget_s) == times
