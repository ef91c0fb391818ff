"""Intervals of METG hold what was planted, in hundreds of simulated studies, and the budget suffices for them."""

from __future__ import annotations

import random

import pytest

from gilscope.measure.events import Observer
from gilscope.studies.metg import METG, MetgCell, MetgRequest, MetgRow, measure
from tests.studies.logged import log_of

from .planted import CountingHost, way

STUDIES = 100
PRICES_S = {  # per task, as of real executors
    "threads": 1e-4,
    "processes": 1.2e-4,
    "threadpool": 4e-5,
    "processpool": 5e-4,
    "loky": 1e-3,
    "dask": 4e-3,
}


def rows_of(path, host, names, budget_s) -> list[MetgRow]:
    ways = [way(name, name, workers=2) for name in names]
    cells = [MetgCell(way=one, pattern=pattern) for one in ways for pattern in ("steps", "bag")]
    request = MetgRequest(workers=2, budget_s=budget_s)
    with log_of(METG, request, path / "metg.jsonl") as log:
        measure(request, ways, cells, host, log, Observer(), host.clock_ns)
    return list(METG.document(log.record).rows)


@pytest.mark.parametrize(
    ("conditions", "budget_s", "least"),
    [
        ({"noise": 0.03}, 3.0, 0.95),
        ({"noise": 0.2}, 3.0, 0.95),
        ({"noise": 0.05, "taken": 0.5}, 3.0, 0.95),  # as timed, other programs would take two thirds of the speed-up
        ({"noise": 0.05, "drift": 0.2}, 8.0, 0.9),  # blocks depend on each other: 18 at least are needed to know
    ],
)
def test_intervals_of_95_percent_hold_the_price_that_was_planted(tmp_path, conditions, budget_s, least):
    held = rows = 0
    for seed in range(STUDIES):
        price_s = random.Random(seed).uniform(20e-6, 80e-6)  # anywhere between two sizes
        host = CountingHost({"processes": price_s}, draw=random.Random(seed), **conditions)
        (tmp_path / f"{seed}").mkdir()
        for row in rows_of(tmp_path / f"{seed}", host, ["processes"], budget_s):
            assert row.metg_s is not None
            rows += row.metg_s.confidence >= 0.95
            held += row.metg_s.confidence >= 0.95 and row.metg_s.low <= 2 * price_s <= row.metg_s.high
    assert rows >= STUDIES  # of twice as many: the others say that their blocks are too few or too much alike
    assert held >= (least - 0.02) * rows


def test_the_default_budget_suffices_beside_busy_programs(tmp_path):
    host = CountingHost(PRICES_S, noise=0.1, taken=2.0)
    for row in rows_of(tmp_path, host, [*PRICES_S, "interpreters", "native"], MetgRequest().budget_s):
        if row.executor in PRICES_S:
            assert row.metg_s is not None
            assert row.metg_s.has_interval
            assert row.metg_s.confidence >= 0.95
            assert row.basis == "net of other programs"
