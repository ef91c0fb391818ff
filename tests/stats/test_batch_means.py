"""Batch means: known answers, and coverage on values that follow one another."""

from __future__ import annotations

import math
import random

import pytest

from gilscope.stats import batch_means


def test_the_mean_is_weighted_by_length() -> None:
    rows = [(1.0, 2.0), (3.0, 0.0)] * 20
    found = batch_means(rows)
    assert found is not None
    assert found.value == pytest.approx(0.5)
    assert found.low <= 0.5 <= found.high


@pytest.mark.parametrize("rows", [[], [(1.0, 1.0)] * 9, [(0.0, 0.0)] * 50, [(1.0, 1.0), (100.0, 1.0)] * 3])
def test_too_few_stretches_say_nothing(rows: list[tuple[float, float]]) -> None:
    assert batch_means(rows) is None


@pytest.mark.parametrize("alike", [0.0, 0.5, 0.8])
def test_the_long_run_mean_is_covered_although_values_are_alike(alike: float) -> None:
    rng, covered, trials = random.Random(3), 0, 400
    for _ in range(trials):
        value, rows = rng.gauss(0.0, 1.0), []
        for _ in range(200):
            value = alike * value + math.sqrt(1.0 - alike * alike) * rng.gauss(0.0, 1.0)
            rows.append((1.0, value))
        found = batch_means(rows)
        assert found is not None
        covered += found.low <= 0.0 <= found.high
    assert covered / trials >= 0.92
