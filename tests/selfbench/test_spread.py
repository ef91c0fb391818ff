"""How the spread of results is compared with that of the peers."""

from __future__ import annotations

import itertools
import sys

import pytest

from benchmarks.selfbench import spread, spread_work
from benchmarks.selfbench.spread import Found, ratio_of_medians


def runs(*values: float, half_width: float = 0.01) -> list[Found]:
    return [Found(value, value * (1 - half_width), value * (1 + half_width)) for value in values]


def table(net: list[Found]) -> dict[str, list[Found]]:
    return {
        "gilscope, as timed": runs(1.0, 2.0),
        "gilscope, net": net,
        "pyperf": runs(1.7, 2.0),
        "pytest-benchmark": runs(1.8, 1.9),
    }


def test_the_net_speedup_must_spread_a_third_as_much_as_that_of_the_better_peer(capsys):
    assert spread.holds(table(runs(1.90, 1.93)))
    assert not spread.holds(table(runs(1.90, 1.94)))
    assert "pytest-benchmark, at most 0.33" in capsys.readouterr().out


def test_intervals_must_be_narrow():
    assert not spread.holds(table(runs(1.90, 1.93, half_width=0.03)))


def test_the_bootstrap_interval_holds_the_ratio_and_grows_with_the_scatter():
    same, near, far = (ratio_of_medians([2.0, 2.0 * by, 2.0 / by], [1.0, by, 1 / by]) for by in (1.0, 1.01, 1.2))
    assert same == (2.0, 2.0, 2.0)
    assert near.value == pytest.approx(2.0)
    assert near.low < near.value < near.high
    assert 0 == same.half_width < near.half_width < far.half_width


def test_values_are_read_from_what_the_peers_write():
    calibration, measured = {"warmups": [[1, 0.1]]}, {"values": [0.2, 0.3]}
    assert spread.pyperf_values({"benchmarks": [{"runs": [calibration, measured, measured]}]}) == [[0.2, 0.3] * 2]
    assert spread.pytest_values({"benchmarks": [{"stats": {"data": [0.1, 0.2]}}]}) == [[0.1, 0.2]]


def test_a_missing_package_is_one_line_with_the_fix(monkeypatch, capsys):
    monkeypatch.setattr(spread, "PACKAGES", {"no_such_module": "no-such-package"})
    monkeypatch.setattr(sys, "argv", ["spread"])
    with pytest.raises(SystemExit) as ended:
        spread.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "not installed: no-such-package; pip install no-such-package\n"


def test_two_threads_do_the_work_of_one(monkeypatch):
    done: list[tuple[int, int]] = []
    monkeypatch.setattr(spread_work.kernels, "resolve", lambda *_: lambda phase, lo, hi, *rest: done.append((lo, hi)))
    spread_work._chunks.cache_clear()
    try:
        spread_work.one()
        alone = sorted(done)
        done.clear()
        spread_work.two()
    finally:
        spread_work._chunks.cache_clear()
    assert sorted(done) == alone
    assert len(alone) == spread_work.CHUNKS
    assert all(hi == lo for (_, hi), (lo, _) in itertools.pairwise(alone))
