"""Estimates of synthetic results with planted figures."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilscope.analysis.estimates import TOO_WIDE
from gilscope.core.cases import Case
from gilscope.core.records import CaseRecord
from gilscope.core.spec import Work
from tests.analysis.synthetic import WORK, documented, record, result, row, spin

T1 = "nbody/cy_nogil@serial#M~c8"
T2 = "nbody/cy_nogil@threads*2#M"
OWN1, OWN2 = "nbody/cy_prange@native*1#M", "nbody/cy_prange@native*2#M"
DRIFT = [1.0, 1.3, 0.8, 1.1, 0.9, 1.5, 0.7, 1.2, 1.05, 0.95]


def drifting(seconds: float):
    return lambda index: seconds * DRIFT[index]


def value(estimate):
    return estimate["value"]


def test_speedup_and_efficiency_are_those_of_the_times():
    document = documented(result({"nbody": {T1: 0.2, T2: 0.125}}))
    two = row(document, T2)
    assert value(two["wall_s"]) == pytest.approx(0.125)
    assert value(two["speedup"]) == pytest.approx(1.6)
    assert value(two["efficiency"]) == pytest.approx(0.8)
    assert (two["blocks"], two["status"]) == (10, "ok")


def test_drift_between_blocks_widens_times_but_not_ratios():
    document = documented(result({"nbody": {T1: drifting(0.2), T2: drifting(0.1), **spin(2)}}))
    two = row(document, T2)
    assert two["wall_s"]["high"] > 1.2 * two["wall_s"]["low"]
    assert [two["speedup"][end] for end in ("low", "value", "high")] == pytest.approx([2.0] * 3)


def test_a_round_of_several_repeats_counts_each_execution():
    document = documented(result({"nbody": {T1: 0.02, T2: 0.01}}, repeats=10))
    assert value(row(document, T2)["wall_s"]) == pytest.approx(0.01)


def test_rate_is_work_per_second():
    document = documented(result({"nbody": {T1: 0.2, T2: 0.1}}))
    assert row(document, T2)["rate"]["unit"] == "iterations"
    assert value(row(document, T2)["rate"]) == pytest.approx(WORK.units / 0.1)


def test_without_counted_work_there_is_no_rate_and_no_comparison_of_rates():
    records = [record(T1, work=None), record(T2, work=Work(units=0, unit="x"))]
    document = documented(result({"nbody": {T1: 0.2, T2: 0.1}}, records=records))
    assert [row(document, case)["rate"] for case in (T1, T2)] == [None, None]
    assert row(document, T2)["vs_fastest_serial"] is None
    assert document["kernels"][0]["fastest_serial"] is None


def test_what_is_its_own_baseline_has_no_speedup():
    document = documented(result({"nbody": {T1: 0.2, OWN1: 0.2, OWN2: 0.1}}))
    for case in (T1, OWN1):
        assert row(document, case)["speedup"] is None
        assert row(document, case)["efficiency"] is None
        assert row(document, case)["relative_efficiency"] is None


def test_own_threads_are_compared_with_one_own_thread():
    document = documented(result({"nbody": {T1: 0.2, OWN1: 0.3, OWN2: 0.2}}))
    assert value(row(document, OWN2)["speedup"]) == pytest.approx(1.5)


def test_a_baseline_with_another_number_of_chunks_is_not_taken():
    other = "nbody/cy_nogil@serial#M"
    document = documented(result({"nbody": {other: 0.4, T1: 0.2, T2: 0.1}}))
    assert value(row(document, T2)["speedup"]) == pytest.approx(2.0)
    without = documented(result({"nbody": {other: 0.4, T2: 0.1}}))
    assert row(without, T2)["speedup"] is None


def test_relative_efficiency_is_the_share_of_what_the_control_reached():
    document = documented(result({"nbody": {T1: 0.2, T2: 0.125, **spin(2, efficiency=0.9)}}))
    assert value(row(document, T2)["relative_efficiency"]) == pytest.approx(1.6 / 1.8)


def test_relative_efficiency_takes_the_control_of_as_many_workers():
    four = "nbody/cy_nogil@threads*4#M"
    times = {T1: 0.2, T2: 0.1, "nbody/cy_nogil@serial#M~c16": 0.2, four: 0.1}
    document = documented(result({"nbody": {**times, **spin(2), **spin(4, efficiency=0.5)}}))
    assert value(row(document, T2)["relative_efficiency"]) == pytest.approx(1.0)
    assert value(row(document, four)["relative_efficiency"]) == pytest.approx(1.0)
    assert value(row(document, four)["efficiency"]) == pytest.approx(0.5)


def test_relative_efficiency_is_taken_within_blocks():
    """The machine gives two CPUs in even blocks and one in odd ones, to the case and to the control alike."""

    def shared(seconds):
        return lambda index: seconds * (1 + index % 2)

    spin_1, spin_2 = spin(2)
    times = {T1: 0.2, T2: shared(0.1), spin_1: 0.1, spin_2: shared(0.05)}
    two = row(documented(result({"nbody": times})), T2)
    assert [two["relative_efficiency"][end] for end in ("low", "high")] == pytest.approx([1.0, 1.0])
    assert (two["speedup"]["low"], two["speedup"]["high"]) == pytest.approx((1.0, 2.0))


def test_without_a_control_there_is_no_relative_efficiency():
    assert row(documented(result({"nbody": {T1: 0.2, T2: 0.1}})), T2)["relative_efficiency"] is None


def test_one_worker_is_relative_to_one_spinning_worker():
    one = "nbody/cy_nogil@threads*1#M"
    document = documented(result({"nbody": {"nbody/cy_nogil@serial#M": 0.2, one: 0.25}}))
    assert value(row(document, one)["relative_efficiency"]) == pytest.approx(0.8)


def test_the_fastest_serial_is_the_one_with_the_highest_rate():
    slow = "nbody/py_loop@serial#M"
    document = documented(result({"nbody": {T1: 0.2, slow: 2.0, T2: 0.1, OWN1: 0.16}}))
    assert document["kernels"][0]["fastest_serial"] == OWN1
    assert value(row(document, T2)["vs_fastest_serial"]) == pytest.approx(1.6)
    assert value(row(document, slow)["vs_fastest_serial"]) == pytest.approx(0.08)
    assert value(row(document, OWN1)["vs_fastest_serial"]) == 1.0


def test_sizes_are_compared_by_the_work_they_hold():
    small = "nbody/py_loop@serial#S"
    records = [record(small, work=Work(units=WORK.units // 100, unit="iterations"))]
    document = documented(result({"nbody": {T1: 0.2, small: 0.1}}, records=records))
    assert value(row(document, small)["vs_fastest_serial"]) == pytest.approx(0.02)


def test_blocks_in_which_a_slot_failed_do_not_count_for_it():
    document = documented(result({"nbody": {T1: 0.2, T2: lambda index: 0.1 if index >= 3 else None}}))
    assert row(document, T2)["blocks"] == 7
    assert row(document, T2)["speedup"]["blocks"] == 7
    assert row(document, T1)["blocks"] == 10


def test_controls_have_rows_of_their_own():
    aa = "A/A:" + T1
    document = documented(result({"nbody": {T1: 0.2, T2: 0.1, aa: 0.25, **spin(2, efficiency=0.95)}}))
    by_kernel = {(r["kernel"], r["workers"]): r for r in document["controls"]}
    assert value(by_kernel["spin", 2]["speedup"]) == pytest.approx(1.9)
    assert value(by_kernel["spin", 2]["efficiency"]) == pytest.approx(0.95)
    assert by_kernel["spin", 1]["speedup"] is None
    assert value(by_kernel["A/A", 1]["speedup"]) == pytest.approx(0.8)
    assert {r["of"] for r in document["controls"]} == {"nbody"}
    assert {r["kernel"] for r in document["cases"]} == {"nbody"}


def test_controls_come_by_role_and_workers():
    spin_1, spin_2 = spin(2)
    times = {"A/A:" + T1: 0.2, "isolated:" + T2: 0.1, spin_2: 0.05, T1: 0.2, T2: 0.1, spin_1: 0.1}
    controls = documented(result({"nbody": times}))["controls"]
    assert [(r["kernel"], r["workers"]) for r in controls] == [("spin", 1), ("spin", 2), ("isolated", 2), ("A/A", 1)]


def test_a_control_that_failed_says_why():
    died = record("spin/cy_nogil@threads*2#M", status="failed", reason="worker died")
    document = documented(result({"nbody": {T1: 0.2, T2: 0.1}}, records=[died]))
    (row_of_spin,) = document["controls"]
    assert (row_of_spin["kernel"], row_of_spin["of"], row_of_spin["blocks"]) == ("spin", "nbody", 0)
    assert (row_of_spin["status"], row_of_spin["reason"]) == ("failed", "worker died")


def test_the_isolated_control_is_what_private_copies_would_reach():
    document = documented(result({"nbody": {T1: 0.2, T2: 0.125, "isolated:" + T2: 0.11}}))
    (isolated,) = document["controls"]
    assert (isolated["kernel"], isolated["workers"]) == ("isolated", 2)
    assert value(isolated["speedup"]) == pytest.approx(0.2 / 0.11)


def test_each_kernel_has_its_own_controls():
    other1, other2 = "triad/cy_nogil@serial#M~c8", "triad/cy_nogil@threads*2#M"
    times = {
        "nbody": {T1: 0.2, T2: 0.1, **spin(2, efficiency=1.0)},
        "triad": {other1: 0.2, other2: 0.1, **spin(2, efficiency=0.5)},
    }
    document = documented(result(times))
    assert value(row(document, T2)["relative_efficiency"]) == pytest.approx(1.0)
    assert value(row(document, other2)["relative_efficiency"]) == pytest.approx(2.0)
    spins = [(r["of"], value(r["speedup"])) for r in document["controls"] if r["workers"] == 2]
    assert spins == [("nbody", pytest.approx(2.0)), ("triad", pytest.approx(1.0))]


@pytest.mark.parametrize(("cpus", "marked"), [(1, True), (2, False), (4, False)])
def test_more_workers_than_usable_cpus_are_marked(cpus, marked):
    document = documented(result({"nbody": {T1: 0.2, T2: 0.1}}, cpus=cpus))
    assert row(document, T2)["over_subscribed"] is marked
    assert row(document, T1)["over_subscribed"] is False


@pytest.mark.parametrize(("spread", "status"), [(0.2, "ok"), (0.4, "too_noisy")])
def test_a_speedup_that_says_nothing_is_too_noisy(spread, status):
    def noisy(index):
        return 0.1 * (1.0 + spread * (index % 2 * 2 - 1))

    two = row(documented(result({"nbody": {T1: 0.2, T2: noisy}})), T2)
    assert two["status"] == status
    width = (two["speedup"]["high"] - two["speedup"]["low"]) / value(two["speedup"])
    assert (width > TOO_WIDE) == (status == "too_noisy")
    assert ("is anywhere between 1.43 and 3.33" in two["reason"]) == (status == "too_noisy")


def test_one_block_gives_a_value_without_confidence():
    two = row(documented(result({"nbody": {T1: 0.2, T2: 0.1}}, blocks=1)), T2)
    assert two["speedup"] == {"value": 2.0, "low": 2.0, "high": 2.0, "confidence": 0.0, "blocks": 1}
    assert two["status"] == "ok"


def test_what_measuring_said_stands():
    failed = record(T2, status="failed", reason="worker died", cure="look", detail="Traceback")
    document = documented(result({"nbody": {T1: 0.2, T2: lambda i: 0.1 if i < 2 else None}}, records=[failed]))
    two = row(document, T2)
    assert (two["status"], two["reason"], two["cure"], two["detail"]) == ("failed", "worker died", "look", "Traceback")
    assert value(two["speedup"]) == pytest.approx(2.0)


def test_a_case_that_was_never_measured_says_so():
    document = documented(result({"nbody": {T1: 0.2}}, records=[record(T2)]))
    two = row(document, T2)
    assert (two["status"], two["blocks"], two["wall_s"]) == ("unavailable", 0, None)
    assert "ended before" in two["reason"]


def test_a_result_without_blocks_is_all_reasons():
    document = documented(result({}, records=[record(T1), record(T2, status="unavailable", reason="no numba")]))
    assert [r["status"] for r in document["cases"]] == ["unavailable", "unavailable"]
    assert row(document, T2)["reason"] == "no numba"
    assert document["controls"] == document["kernels"] == []


def test_records_of_controls_are_no_cases_even_when_nothing_was_measured():
    spinning = CaseRecord(case=Case.parse("spin/cy_nogil@threads*2#M"))
    assert documented(result({}, records=[spinning, record(T1)]))["cases"][0]["case"] == T1


def test_a_probe_that_was_asked_for_is_a_case():
    document = documented(result({"spin": {"spin/cy_nogil@serial#M~c8": 0.2, "spin/cy_nogil@threads*2#M": 0.1}}))
    assert value(row(document, "spin/cy_nogil@threads*2#M")["speedup"]) == pytest.approx(2.0)


# Precision ------------------------------------------------------------------------------------------------------------


def wavering(seconds, share):
    """Return times whose median interval has the relative half-width ``share`` as a denominator of equal times."""
    return lambda index: seconds / (1 + share * (index % 3 - 1))


def test_reached_precision_is_the_widest_speedup_of_the_kernel():
    times = {T1: 0.2, T2: wavering(0.1, 0.03), OWN1: 0.2, OWN2: wavering(0.1, 0.08)}
    (kernel,) = documented(result({"nbody": times}, blocks=12, precision=0.05))["kernels"]
    assert kernel["precision_reached"] == pytest.approx(0.08)
    assert (kernel["target"], kernel["target_met"], kernel["blocks"]) == (0.05, False, 12)
    (kernel,) = documented(result({"nbody": times}, blocks=12, precision=0.1))["kernels"]
    assert kernel["target_met"] is True


def test_too_few_blocks_reach_no_precision():
    (kernel,) = documented(result({"nbody": {T1: 0.2, T2: 0.1}}, blocks=5))["kernels"]
    assert (kernel["precision_reached"], kernel["target_met"]) == (None, False)


def test_a_failed_case_has_no_say_in_the_precision():
    failed = record(OWN2, status="failed", reason="died")
    times = {T1: 0.2, T2: 0.1, OWN1: 0.2, OWN2: lambda i: 0.1 if i < 2 else None}
    (kernel,) = documented(result({"nbody": times}, records=[failed]))["kernels"]
    assert kernel["precision_reached"] == 0.0


def test_where_nothing_is_parallel_serial_times_are_judged_against_the_control():
    control = {"spin:spin/cy_nogil@serial#M": 0.1}
    (kernel,) = documented(result({"nbody": {"nbody/cy_nogil@serial#M": wavering(0.2, 0.04), **control}}, blocks=12))[
        "kernels"
    ]
    assert kernel["precision_reached"] == pytest.approx(0.04)


def test_time_in_rounds_is_the_sum_of_all_rounds():
    (kernel,) = documented(result({"nbody": {T1: 0.2, T2: 0.1}}, blocks=10))["kernels"]
    assert kernel["in_rounds_s"] == pytest.approx(3.0)


# Properties -----------------------------------------------------------------------------------------------------------

seconds = st.floats(1e-3, 10.0)


@given(st.lists(st.tuples(seconds, seconds, seconds, seconds), min_size=6, max_size=20), st.floats(0.1, 10.0))
def test_a_machine_of_another_speed_gives_the_same_ratios(blocks, factor):
    def at(place, scale=1.0):
        return lambda index: blocks[index][place] * scale

    def figures(scale):
        spin_1, spin_2 = spin(2)
        times = {T1: at(0, scale), T2: at(1, scale), spin_1: at(2, scale), spin_2: at(3, scale)}
        two = row(documented(result({"nbody": times}, blocks=len(blocks))), T2)
        return [two[name][end] for name in ("speedup", "relative_efficiency") for end in ("low", "value", "high")]

    assert figures(factor) == pytest.approx(figures(1.0), rel=1e-4)


@given(st.permutations(range(8)))
def test_the_order_of_blocks_does_not_matter(order):
    times = {T1: lambda i: 0.1 + 0.01 * i, T2: lambda i: 0.1 - 0.005 * i}
    forward = documented(result({"nbody": times}, blocks=8))
    shuffled = {key: (lambda i, time=time: time(order[i])) for key, time in times.items()}
    assert documented(result({"nbody": shuffled}, blocks=8)) == forward


def test_planted_speedups_are_recovered_under_noise():
    source = random.Random(3)

    def noisy(seconds):
        return lambda index: seconds * DRIFT[index % 10] * (1 + 0.02 * source.expovariate(1.0))

    planted = {2: 1.9, 4: 3.2, 8: 4.1}
    times = {}
    for workers, speedup in planted.items():
        case = Case.parse(f"nbody/cy_nogil@threads*{workers}#M")
        times |= {case.t1.id: noisy(0.2), case.id: noisy(0.2 / speedup)}
    document = documented(result({"nbody": times}, blocks=40))
    for workers, speedup in planted.items():
        estimate = row(document, f"nbody/cy_nogil@threads*{workers}#M")["speedup"]
        assert estimate["low"] <= speedup <= estimate["high"]
        assert estimate["high"] - estimate["low"] < 0.05 * speedup
