"""Findings of workers that have too few cores, or a quota: what they cost, and what is not theirs."""

from __future__ import annotations

import pytest

from tests.analysis.causes import FOUR, PROCESSES
from tests.analysis.rounds import Did, ideal, made_of, study
from tests.analysis.test_findings import said


@pytest.mark.parametrize(("grown", "named"), [(2.0, False), (3.0, True)])
def test_cpu_time_that_grows_beyond_what_shared_cores_cost_has_a_name(grown, named):
    cores = {"count": 2, "physical": 1}
    found = said(study(PROCESSES, ideal(2, grown), spin=ideal(2, 1.4), cpus=cores))
    assert ("inflation" in found) == named
    assert "smt_limited" in found


@pytest.mark.parametrize(("apart", "named"), [(0.0, True), (30.0, False)])
def test_few_cpus_do_not_hold_up_workers_that_wait_to_be_handed_work(apart, named):
    late = [at * apart for at in range(4)]
    grown = made_of(*[Did(late=ms, cpu=35) for ms in late])
    cores = {"count": 4, "physical": 2}
    assert ("smt_limited" in said(study(FOUR, grown, spin=ideal(4, 1.4), cpus=cores))) == named
    stopped = made_of(*[Did(late=ms, cpu=25, rest=10) for ms in late], throttled=40)
    quota = {"count": 4, "quota_cpus": 2.0, "limit": "cgroup quota"}
    assert ("quota_limited" in said(study(FOUR, stopped, spin=ideal(4), cpus=quota))) == named


def test_a_quota_that_stops_workers_before_they_start_keeps_its_name():
    own = made_of(Did(cpu=25), *[Did(late=50, cpu=25)] * 3, throttled=150)
    assert "quota_limited" in said(
        study(FOUR, own, spin=ideal(4), cpus={"count": 4, "quota_cpus": 2.0, "limit": "cgroup quota"})
    )
