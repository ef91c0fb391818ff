"""Every finding is given where it was planted, and kept back where the evidence falls short."""

from __future__ import annotations

import dataclasses
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.analysis import analyse, findings
from gilscope.analysis.findings import FINDINGS, cure_of
from gilscope.analysis.to_json import json_schema
from gilscope.core.cases import Case, Slot
from gilscope.core.records import ResultSet, Round
from tests.analysis.causes import FOUR, NATIVE, PLANTED, PROCESSES, SERIALISED, THREADS, TWO_CPUS, unwatched
from tests.analysis.rounds import SPIN, Did, alone, ideal, made_of, native, probe, study, varied
from tests.analysis.synthetic import documented, row
from tests.validators import keeps_to


def said(made: ResultSet) -> list[str]:
    """Return the findings of the one parallel case."""
    document = documented(made)
    keeps_to(document, json_schema)
    (codes,) = [one["findings"] for one in document["cases"] if one["speedup"]]
    for code in codes:
        (group,) = [group for group in document["findings"] if group["code"] == code]
        assert group["cure"] == cure_of(code)
        assert all(0 <= evidence["share"] <= 1 for evidence in group["evidence"].values())
    return codes


def evidence(made: ResultSet, code: str) -> dict[str, Any]:
    (group,) = [group for group in documented(made)["findings"] if group["code"] == code]
    ((_, known),) = group["evidence"].items()
    return known


def test_the_folder_and_the_list_agree():
    folder = {path.stem for path in Path(findings.__file__).parent.glob("[!_]*.py")}
    assert folder == set(FINDINGS)
    assert len(set(FINDINGS)) == len(FINDINGS)
    assert json_schema()["$defs"]["finding"]["properties"]["code"]["enum"] == list(FINDINGS)


def test_consequences_are_findings_too():
    for code in FINDINGS:
        assert set(FINDINGS) - {code} >= set(getattr(findings._module(code), "EXPLAINS", ()))


@pytest.mark.parametrize("code", FINDINGS)
def test_a_planted_cause_is_named_first(code):
    also = ["scales"] if code in ("smt_limited", "stolen") else []  # it does all that such a machine gives
    assert said(PLANTED[code]()) == [code, *also]


@pytest.mark.parametrize("code", [code for code in FINDINGS if code not in ("gil_re_enabled", "too_short")])  # facts
def test_two_blocks_are_too_few_for_a_cause(code):
    made = PLANTED[code]()
    assert said(dataclasses.replace(made, blocks=made.blocks[:2])) == []


@pytest.mark.parametrize(
    ("code", "name", "value"),
    [
        ("gil_bound", "share", 0.5),
        ("gil_bound", "gil_wait", 0.5),
        ("imbalance", "imbalance", 20 / 120),
        ("imbalance", "uneven", 20 / 120),
        ("dispatch_bound", "dispatch", 0.5),
        ("lock_bound", "blocked", 1 / 3),
        ("over_subscribed", "share", 0.5),
        ("over_subscribed", "usable_cpus", 2),
        ("nested_parallelism", "versus_limited", 90 / 60),
        ("nested_parallelism", "threads", 4),
        ("nested_parallelism", "share", 1 - 100 / 180),
        ("quota_limited", "throttled", 0.25),
        ("quota_limited", "share", 0.5),
        ("memory_bound", "inflation_memory", 60 / 160 * math.log(158 / 100) / math.log(160 / 100)),
        ("memory_bound", "isolated", 100 / 79),
        ("contention", "inflation_software", 60 / 160 * math.log(160 / 102) / math.log(160 / 100)),
        ("smt_limited", "inflation_machine", 40 / 140),
        ("stolen", "stolen", 40 / 140),
        ("too_noisy", "relative_efficiency", 1.0),
    ],
)
def test_the_evidence_is_what_was_planted(code, name, value):
    known = evidence(PLANTED[code](), code)[name]
    assert (known["value"] if isinstance(known, dict) else known) == pytest.approx(value)


@pytest.mark.parametrize(("loss", "severity"), [(60, "high"), (15, "medium"), (8, "low")])
def test_severity_follows_the_share_lost(loss, severity):
    """Blocked time so that 50 of 50 + loss / 2 ms are work; more than 10 % is needed to fall short."""
    both = Did(cpu=50, rest=loss / 2, late=3.9)
    made = study(PROCESSES, made_of(both, both))
    assert said(made)[0] == "lock_bound"
    (group,) = [group for group in documented(made)["findings"] if group["code"] == "lock_bound"]
    assert group["severity"] == severity


BLAS = "gemm/np_blas@threads*2#M"


def on_a_pool(single_process_ms: float) -> ResultSet:
    """Two workers that wait for each other's library threads; T(1) takes 100 ms and so much CPU time in all."""
    single = made_of(Did(cpu=100), process=single_process_ms)
    return study(BLAS, made_of(Did(cpu=50, rest=50), Did(cpu=50, rest=50)), single=single, gil=[probe(0.0, 0.0)])


def test_a_library_that_uses_several_cpus_for_one_worker_is_named_for_any_kernel():
    made = on_a_pool(198)
    assert said(made) == ["nested_parallelism"]
    assert evidence(made, "nested_parallelism")["cpus_per_worker"]["value"] == pytest.approx(1.98)
    assert evidence(made, "nested_parallelism")["share"] == pytest.approx(0.5)


def test_what_handing_out_work_costs_is_no_thread_of_a_library():
    assert said(on_a_pool(105)) == ["lock_bound"]


# What keeps a finding back --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "code"), [([4.3, 6.8], "scales_partly"), ([2.3, 6.9], "too_noisy"), ([1.5, 8.0], "too_noisy")]
)
def test_a_close_call_scales_partly_and_a_wide_one_is_undecided(rest, code):
    """Relative efficiency between 0.88 and 0.92: known well, and on neither side; up to more than 0.95: open."""
    made = varied(study(PROCESSES, ideal(2)), PROCESSES, lambda i: made_of(*[Did(cpu=50, rest=rest[i % 2])] * 2))
    assert said(made) == [code]


def test_what_other_programs_took_is_not_the_largest_loss_of_a_net_speedup():
    made = study(PROCESSES, made_of(*[Did(late=2, cpu=52, queued=3, rest=2)] * 2))
    [parallel] = [one for one in analyse(made).rows if one.case.id == PROCESSES]
    [found] = parallel.findings
    assert (found.code, bool(found.evidence.basis)) == ("scales_partly", True)
    assert parallel.losses["run_queue"].value > parallel.losses[found.evidence.largest].value


def test_an_interval_that_holds_anything_is_noise():
    made = varied(study(PROCESSES, ideal(2)), PROCESSES, lambda i: made_of(*[Did(cpu=50, rest=[0, 30][i % 2])] * 2))
    assert said(made) == ["too_noisy"]


@pytest.mark.parametrize(("slower", "swing"), [(1.0, None), (1.7, pytest.approx(1.7))])
def test_noise_says_that_one_worker_alone_takes_now_more_now_less_cpu_time(slower, swing):
    """A neighbour on the same core slows the CPU itself: no clock of this machine shows it, and the control may not."""
    wide = varied(
        study(PROCESSES, ideal(2)), PROCESSES, lambda i: made_of(*[Did(cpu=50, rest=[0, 60][i // 2 % 2])] * 2)
    )
    made = varied(wide, Case.parse(PROCESSES).t1.id, lambda i: alone([100.0, 100.0 * slower][i % 2]))
    assert evidence(made, "too_noisy").get("swing") == swing


def test_the_gil_is_named_whatever_the_control_gave_where_it_is_always_held():
    slow = made_of(Did(cpu=50, rest=45), Did(cpu=50, rest=45))
    assert said(study(THREADS, SERIALISED, spin=slow, gil=[probe(1.0, 0.9)] * 3))[0] == "gil_bound"
    assert said(study(THREADS, SERIALISED, spin=slow, gil=[probe(0.7, 0.9)] * 3)) == ["gil_bound"]


def test_workers_that_share_a_cpu_under_a_quota_are_its_doing_too():
    queueing = made_of(*[Did(cpu=25, queued=25)] * 4, throttled=0.0)
    quota = {**TWO_CPUS, "quota_cpus": 2.0, "limit": "cgroup quota"}
    assert said(study(FOUR, queueing, spin=queueing, cpus=quota)) == ["quota_limited"]
    assert said(study(FOUR, queueing, spin=queueing, cpus=TWO_CPUS)) == ["over_subscribed"]


# Beside other programs ------------------------------------------------------------------------------------------------

BUSY = made_of(Did(cpu=50, queued=30), Did(cpu=50, queued=30))
"""Two workers to whom other programs left 1.25 CPUs."""


@pytest.mark.parametrize(
    ("parallel", "first"),
    [
        (BUSY, "scales"),  # it queued as the control did: nothing is wrong with it
        (made_of(Did(cpu=50, queued=30, rest=90), Did(cpu=50, queued=30, rest=90)), "lock_bound"),
        (made_of(Did(cpu=50, queued=30, rest=30), Did(cpu=50, queued=30, rest=30)), ""),  # the lock's holder queued?
        (made_of(Did(cpu=40, queued=30), Did(cpu=60, queued=45)), "imbalance"),
        (
            made_of(Did(late=20, cpu=50, queued=30), Did(late=20, cpu=50, queued=30)),
            "",
        ),  # late: part of it was queueing
    ],
)
def test_beside_other_programs_a_cause_is_judged_net_of_them(parallel, first):
    made = study(PROCESSES, parallel, spin=BUSY)
    assert [code for code in said(made) if code != "too_noisy"] == ([first] if first else [])


def test_a_net_verdict_says_so():
    known = evidence(study(PROCESSES, BUSY, spin=BUSY), "scales")
    assert known["basis"] == "net of other programs"
    assert known["relative_efficiency"]["value"] == pytest.approx(1.0)


def test_waiting_at_barriers_for_threads_that_wait_for_the_gil_is_the_gil_s():
    turns = made_of(Did(cpu=50, rest=25, waiting=25), Did(cpu=50, rest=25, waiting=25))
    made = study(THREADS, turns, gil=[probe(0.99, 0.5)] * 3)
    assert said(made) == ["gil_bound"]
    assert evidence(made, "gil_bound")["share"] == pytest.approx(0.5, abs=0.02)


def test_a_lightly_used_gil_is_not_blamed_for_imbalance():
    turns = made_of(Did(cpu=50, waiting=50), Did(cpu=100))
    found = said(study(THREADS, turns, isolated=ideal(2, 1.5), gil=[probe(0.2, 0.0)] * 3))
    assert found == ["memory_bound", "imbalance"]  # at the speed of one worker 1.5 is possible, in equal parts 1.33


def test_threads_beyond_the_cpus_are_no_matter_where_the_gil_lets_one_run():
    bound = made_of(*[Did(cpu=25, rest=60, queued=15)] * 4)
    spin = made_of(*[Did(cpu=25, queued=25)] * 4)
    assert said(study("nbody/py_loop@threads*4#S", bound, spin=spin, cpus=TWO_CPUS, gil=[probe(0.97, 2.4)] * 3)) == [
        "gil_bound"
    ]


def test_a_delayed_worker_makes_no_imbalance_of_the_program():
    delayed = made_of(Did(cpu=50, queued=20), Did(cpu=50, waiting=20))
    assert said(study(PROCESSES, delayed)) == ["scales"]
    uneven = made_of(Did(cpu=70), Did(cpu=30, waiting=40))
    assert said(study(PROCESSES, uneven)) == ["imbalance"]


def test_a_worker_that_sleeps_makes_no_imbalance_of_the_work():
    assert said(study(PROCESSES, made_of(Did(cpu=50, rest=40), Did(cpu=50, waiting=40)))) == ["lock_bound"]


def test_imbalance_between_phases_is_found_though_the_cpu_times_are_even():
    turns = dataclasses.replace(made_of(*[Did(cpu=50, waiting=15)] * 2), net_ns=65_000_000)
    assert said(study(PROCESSES, turns)) == ["imbalance"]


def test_native_threads_that_wait_or_spin_are_imbalanced_not_contended():
    single = native(100, 100)
    isolated = Slot(case=Case.parse("nbody/cy_nogil@threads*2#M"), role="isolated")
    for wall, cpu in ((70, 100), (70, 140)):  # asleep at the end of regions, or spinning
        made = study(NATIVE, native(wall, cpu), single=single)
        extra = {isolated.key: ideal(2), isolated.case.t1.id: alone()}
        made = dataclasses.replace(
            made, blocks=tuple(dataclasses.replace(b, rounds={**b.rounds, **extra}) for b in made.blocks)
        )
        assert said(made) == ["imbalance"]
        assert row(documented(made), NATIVE)["ceiling"]["isolated_of"] == isolated.case.id


def test_without_isolated_copies_nobody_blames_memory_or_sharing():
    assert said(study("triad/cy_nogil@threads*2#M", made_of(Did(cpu=80), Did(cpu=80)))) == ["inflation"]


def test_memory_is_not_blamed_for_a_machine_that_gave_as_little():
    shared = ideal(2, 1.4)
    made = study("triad/cy_nogil@threads*2#M", shared, spin=shared, isolated=shared)
    assert said(made) == ["scales"]


@pytest.mark.parametrize(
    ("enabled", "parallel", "single", "expected"),
    [
        pytest.param(True, SERIALISED, alone(), ["gil_bound"], id="one at a time"),
        pytest.param(False, SERIALISED, alone(), ["lock_bound"], id="no GIL, so another lock"),
        pytest.param(True, SERIALISED, alone(90, rest=10), ["inflation"], id="sleeps when alone too"),
        pytest.param(True, made_of(*[Did(cpu=50, queued=10, rest=40)] * 2), alone(), ["too_noisy"], id="queues"),
        pytest.param(True, made_of(*[Did(cpu=50, rest=20)] * 2), alone(), ["scales_partly"], id="more than one CPU"),
    ],
)
def test_without_a_probe_the_cpu_time_has_the_signature_of_the_gil(enabled, parallel, single, expected):
    made = study(THREADS, parallel, single=single, enabled=enabled)
    assert said(made) == expected
    if expected == ["gil_bound"]:
        assert evidence(made, "gil_bound")["probe"].startswith("unavailable: ")


def test_a_gil_the_user_asked_for_was_not_re_enabled():
    made = study(THREADS, SERIALISED, gil=[probe(1.0, 1.0, switched_on="switched on by PYTHON_GIL=1 or -X gil=1")] * 3)
    assert said(made) == ["gil_bound"]


def test_a_re_enabled_gil_is_said_even_where_it_costs_nothing():
    made = study(THREADS, ideal(2), gil=[probe(0.0, 0.0, switched_on="switched on by importing old")] * 3)
    assert set(said(made)) == {"gil_re_enabled", "scales"}


def test_two_causes_are_both_named_the_larger_first():
    assert said(study(PROCESSES, made_of(Did(cpu=40, rest=30), Did(cpu=60, rest=30)))) == ["lock_bound", "imbalance"]
    made = study("nbody/cy_nogil@threads*2#M", made_of(Did(cpu=80, late=12), Did(cpu=80, late=12)), isolated=ideal(2))
    assert said(made) == ["contention", "dispatch_bound"]


def test_over_subscription_needs_workers_that_queue():
    idle = made_of(*[Did(cpu=25, rest=25)] * 4)
    assert "over_subscribed" not in said(study(FOUR, idle, spin=idle, cpus=TWO_CPUS, gil=[probe(0.0, 0.0)]))


# Noise ----------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
def test_neighbours_that_take_cpus_at_random_are_never_named_as_a_cause_of_the_program(seed):
    lot = random.Random(seed)

    def disturbed(index: int) -> Round:
        return made_of(
            *[Did(cpu=50 + lot.gauss(0, 0.5), queued=lot.choice([0, 0, lot.uniform(0, 60)])) for _ in range(2)]
        )

    made = varied(study(PROCESSES, ideal(2), isolated=ideal(2)), PROCESSES, disturbed)
    made = varied(made, Slot(case=SPIN, role="spin").key, disturbed)
    assert set(said(made)) <= {"scales", "too_noisy"}


@given(st.integers(0, 10**6))
def test_a_gil_is_still_named_under_a_load_that_scatters_everything(seed):
    lot = random.Random(seed)

    def loaded(index: int) -> Round:
        return made_of(*[Did(cpu=50, rest=50 + lot.uniform(-5, 5), queued=lot.uniform(0, 20)) for _ in range(2)])

    made = varied(study(THREADS, SERIALISED, gil=[probe(0.97, 0.8)] * 4), THREADS, loaded)
    made = varied(
        made, Slot(case=SPIN, role="spin").key, lambda i: made_of(*[Did(cpu=50, queued=lot.uniform(0, 50))] * 2)
    )
    assert said(made) == ["gil_bound"]


@pytest.mark.parametrize(
    ("held", "did", "expected"),
    [
        pytest.param(0.6, Did(cpu=50, rest=15), ["gil_or_lock"], id="the GIL may be what they wait for"),
        pytest.param(0.02, Did(cpu=50, rest=30), ["lock_bound"], id="a GIL that is hardly held is not"),
        pytest.param(0.85, Did(cpu=50, rest=30, late=28), ["gil_bound"], id="all that computes holds it"),
        pytest.param(1.0, Did(cpu=50, rest=50), ["gil_bound"], id="held all the time"),
    ],
)
def test_waiting_that_nobody_counted_is_not_called_a_lock(held: float, did: Did, expected: list[str]) -> None:
    assert said(study(THREADS, made_of(did, did), gil=[unwatched(held)] * 3)) == expected


# What goes away without a cause


@pytest.mark.parametrize(("turn_s", "first"), [(0.005, ["contention", "gil_bound"]), (3e-5, ["gil_bound"])])
def test_under_a_held_gil_cpu_time_that_grows_counts_with_the_waiting_for_it(turn_s, first):
    """At 3 times the CPU time a speed-up of 1 is possible without the growth, and of 2/3 without the GIL.

    Unless the GIL changes hands so often that the growth may be its doing.
    """
    turns = made_of(*[Did(cpu=150, rest=150)] * 2)
    assert said(study(THREADS, turns, isolated=ideal(2), gil=[probe(1.0, 1.0, turn_s=turn_s)] * 3)) == first


def test_a_worker_that_has_all_the_work_is_as_slow_without_the_gil():
    one = made_of(Did(cpu=3, waiting=97), Did(cpu=97, rest=3))
    assert said(study(THREADS, one, gil=[probe(0.95, 0.03)] * 3)) == ["imbalance"]
    two = made_of(Did(cpu=40, rest=40, waiting=20), Did(cpu=60, rest=40))
    assert said(study(THREADS, two, gil=[probe(0.95, 0.8)] * 3)) == ["gil_bound"]


@pytest.mark.parametrize(("of_control", "expected"), [(0.0, ["lock_bound"]), (25.0, [])])
def test_without_a_clock_of_queueing_the_control_tells_it_from_locks(of_control, expected):
    own, spin = (made_of(*[Did(cpu=50, rest=rest, queued=None)] * 2) for rest in (25.0, of_control))
    assert [code for code in said(study(PROCESSES, own, spin=spin)) if code == "lock_bound"] == expected


def test_threads_of_libraries_are_seen_beside_other_programs():
    single = made_of(Did(cpu=50, queued=50), process=100)
    assert said(study(THREADS, made_of(*[Did(cpu=50, queued=50)] * 2), single=single)) != ["scales"]


@pytest.mark.parametrize(("queued", "expected"), [(0.0, ["nested_parallelism"]), (25.0, ["too_noisy"])])
def test_queueing_of_libraries_threads_is_their_own_where_the_control_did_not_queue(queued, expected):
    own, spin = (made_of(*[Did(cpu=50, queued=ms)] * 2) for ms in (50.0, queued))
    single = made_of(Did(cpu=50), process=100)
    assert said(study(THREADS, own, single=single, spin=spin, cpus=TWO_CPUS)) == expected
