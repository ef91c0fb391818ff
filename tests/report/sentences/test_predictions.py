"""How far something scales, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gilscope.analysis import analyse
from gilscope.analysis.predict.model import Limit
from gilscope.report.sentences.predictions import limit_sentence
from gilscope.stats import Estimate
from tests.analysis.predict.test_demands import THREADS, sampled

MOST = Estimate(value=3.4, low=3.1, high=3.8, confidence=0.95, n=10)


@pytest.mark.parametrize(
    ("case", "bound_by", "said"),
    [
        (THREADS, "gil", "On any number of threads at most 3.40x [3.10, 3.80]: each call holds the GIL for 29 %"),
        (THREADS, "lock", "On any number of threads at most 3.40x [3.10, 3.80]: each call holds a lock for 29 %"),
        ("mod:f/f@processes*2#8", "memory", "On any number of workers at most 3.40x [3.10, 3.80]: the memory"),
    ],
)
def test_the_limit_and_its_reason_are_one_sentence(case: str, bound_by: str, said: str) -> None:
    row = analyse(sampled(case=case)).row_of[case]
    assert limit_sentence(row, Limit(speedup=MOST, bound_by=bound_by)).startswith(said)


def test_a_parent_feeds_whole_workers() -> None:
    case = "mod:f/f@processes*2#8"
    row = analyse(sampled(case=case)).row_of[case]
    many = replace(MOST, value=41.2, low=35.1, high=50.4)
    assert "at most 41 [35, 50] workers" in limit_sentence(row, Limit(speedup=many, bound_by="parent"))
