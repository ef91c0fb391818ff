"""A planted price per task is found again, whatever its size and the noise; what cannot be found is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gilscope.core.errors import UsageError
from gilscope.core.registry import EXECUTORS, REFERENCES
from gilscope.core.spec import Availability
from gilscope.measure.events import Observer
from gilscope.stats import bootstrap_interval, median_crossing
from gilscope.studies.metg import METG, MetgCell, MetgRequest, cells_of, measure, ways_of
from gilscope.studies.metg.rows import MetgSample
from gilscope.studies.metg.rows import row_of as row_before
from tests.studies.logged import document_of

from .planted import STEP_S, BusyHost, CountingHost, way


def found(
    host,
    ways,
    *,
    clock_ns=None,
    budget_s=20.0,
    workers=2,
    patterns=("steps", "bag"),
    observer=None,
    folder=None,
    resume=False,
):
    request = MetgRequest(workers=workers, budget_s=budget_s)
    cells = [cell for cell in cells_of(ways) if cell.pattern in patterns]
    clock = {"clock_ns": clock_ns} if clock_ns else {}

    def run(log):
        measure(request, ways, cells, host, log, observer or Observer(), **clock)

    return document_of(METG, request, run, folder, resume=resume)


def counted(host: CountingHost, ways, **more):
    return found(host, ways, clock_ns=host.clock_ns, **more)


def row_of(document, label, pattern="steps"):
    return next(row for row in document["rows"] if (row["label"], row["pattern"]) == (label, pattern))


@pytest.mark.parametrize("price_s", [0.3e-6, 50e-6, 200e-6, 1e-3, 20e-3])
@pytest.mark.parametrize("workers", [1, 2, 64])
def test_a_price_per_task_is_half_of_metg(price_s, workers):
    # Half of the time is work where a task takes as long as its price: METG counts both, so it is twice the price.
    host = CountingHost({"threads": price_s})
    document = counted(host, [way("threads", workers=workers)], workers=workers, budget_s=60)
    for pattern in ("steps", "bag"):
        row = row_of(document, "threads", pattern)
        assert row["status"] == "ok"
        assert row["task_s"]["value"] == pytest.approx(price_s, rel=0.03)
        assert row["metg_s"]["value"] == pytest.approx(2 * price_s, rel=0.03)
        assert row["empty_task_s"]["value"] == pytest.approx(price_s, rel=0.01)


def test_the_price_of_a_meeting_is_shared_by_the_tasks_of_a_bag():
    host = CountingHost({"threads": 1e-6}, per_meeting_s={"threads": 64e-6})
    document = counted(host, [way("threads")])
    assert row_of(document, "threads", "steps")["task_s"]["value"] == pytest.approx(65e-6, rel=0.03)
    assert row_of(document, "threads", "bag")["task_s"]["value"] == pytest.approx(5e-6, rel=0.03)


def test_noise_widens_the_interval_around_what_was_planted():
    calm, rough = (
        row_of(counted(CountingHost({"threads": 100e-6}, noise=noise), [way("threads")], budget_s=30), "threads")
        for noise in (0.01, 0.2)
    )
    for row in (calm, rough):
        assert row["task_s"]["low"] <= 115e-6
        assert row["task_s"]["high"] >= 87e-6
    widths = [row["task_s"]["high"] - row["task_s"]["low"] for row in (calm, rough)]
    assert widths[0] < widths[1] / 2


def test_efficiency_that_is_never_reached_is_a_result_with_its_reason():
    document = counted(
        CountingHost({"threads": 10e-6}, parallel=0.45),
        [way("serial loop", "serial", dispatch="loop", workers=1), way("threads")],
    )
    row = row_of(document, "threads")
    assert (row["status"], row["metg_s"], row["task_s"]) == ("not_reached", None, None)
    assert "efficiency; the machine gave the workers 45% of what it gives one at a time" in row["reason"]
    assert row["curve"][-1]["efficiency"]["value"] < 0.5
    # Half of what it does give is there: where a task takes as long as what is lost per task.
    assert row["relative_metg_s"]["value"] == pytest.approx(2 * 0.45 * 10e-6, rel=0.05)
    assert document["controls"]["spin_efficiency"]["value"] == pytest.approx(0.45, rel=0.01)


def test_tasks_that_are_never_too_small_are_below_the_sweep():
    row = row_of(counted(CountingHost({"threads": 2e-9}), [way("threads")]), "threads")
    assert (row["status"], row["task_s"]) == ("below_sweep", None)
    assert "even the smallest tasks measured, of 16 ns" in row["reason"]


def test_what_cannot_be_started_is_a_row_and_the_others_are_measured():
    host = CountingHost({"threads": 1e-5, "loky": 1e-4}, refuses={"loky": "it fell over"})
    document = counted(host, [way("threads"), way("loky", "loky", dispatch="submit")])
    row = row_of(document, "loky", "bag")
    assert (row["status"], row["reason"]) == ("failed", "it fell over")
    assert row_of(document, "threads")["status"] == "ok"


def test_what_breaks_in_the_middle_is_given_up_and_the_others_go_on():
    host = CountingHost({"threads": 1e-5, "loky": 1e-4}, breaks_after={"loky": 250})
    document = counted(host, [way("threads"), way("loky", "loky", dispatch="submit")])
    assert row_of(document, "loky", "bag")["status"] == "failed"
    assert row_of(document, "loky", "bag")["reason"] == "loky broke"
    assert row_of(document, "threads")["status"] == "ok"
    assert document["blocks"] > 3


def test_the_budget_buys_whole_blocks_in_another_order_each_and_at_least_one():
    host = CountingHost({"threads": 1e-4})
    assert counted(host, [way("threads")], budget_s=0.01)["blocks"] == 1
    host = CountingHost({"threads": 1e-4})
    document = counted(host, [way("threads")], budget_s=10)
    per_block = 2 * 3 + 6  # three sizes of each pattern, three rounds of the baseline and of the control
    rounds = [case for case in host.rounds if "s0~" not in case]  # tasks without work are not in every block
    last = [rounds[-per_block:], rounds[-2 * per_block : -per_block]]
    assert sorted(last[0]) == sorted(last[1])
    assert last[0] != last[1]
    assert document["blocks"] > 5


def test_ctrl_c_keeps_the_blocks_that_are_whole():
    host = CountingHost({"threads": 1e-4})
    document = counted(host, [way("threads")], observer=Impatient(3))
    assert (document["interrupted"], document["blocks"]) == (True, 3)
    assert row_of(document, "threads")["task_s"]["blocks"] == 3


class Impatient(Observer):
    """Presses Ctrl-C after some blocks."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks

    def block_done(self, kernel, blocks, *rest):
        if blocks == self.blocks:
            raise KeyboardInterrupt


def test_resume_goes_on_with_the_curves_where_they_were(tmp_path):
    host = CountingHost({"threads": 1e-4})
    options = {"clock_ns": host.clock_ns, "folder": tmp_path}
    before = found(host, [way("threads")], observer=Impatient(5), **options)
    assert (before["interrupted"], before["blocks"]) == (True, 5)
    spent, host.rounds = host.now_ns, []
    after = found(host, [way("threads")], resume=True, **options)
    assert (after["interrupted"], row_of(after, "threads")["task_s"]["blocks"]) == (False, after["blocks"])
    assert after["blocks"] > 5
    assert (host.now_ns - spent) / 1e9 < 20.0  # what was spent before counts
    task = f"s{row_of(after, 'threads')['curve'][0]['steps']}"
    rounds = [case for case in host.rounds if "@threads*2#n2" + task in case]
    assert len(rounds) == after["blocks"] - 5  # no look at it beside the blocks
    assert row_of(after, "threads")["task_s"]["value"] == pytest.approx(1e-4, rel=0.03)


def test_a_study_that_is_complete_is_not_measured_again_by_resume(tmp_path):
    host = CountingHost({"threads": 1e-4})
    options = {"clock_ns": host.clock_ns, "folder": tmp_path, "budget_s": 0.01}
    assert found(host, [way("threads")], **options)["blocks"] == 1
    host.rounds = []
    again = found(host, [way("threads")], resume=True, **options)
    assert (again["blocks"], again["interrupted"], host.rounds) == (1, False, [])


def test_a_curve_that_was_placed_wrongly_moves_until_it_crosses():
    class Slow(CountingHost):
        """Says little while it is looked over, and then takes eighty times as long."""

        def run_round(self, slot, repeats, lead, timeout_s):
            if lead.repeats:  # counted rounds are led in, those that only look are not
                self.per_task_s = {"threads": 8e-4}
            return super().run_round(slot, repeats, lead, timeout_s)

    row = row_of(counted(Slow({"threads": 1e-5}), [way("threads")], budget_s=60), "threads")
    assert row["status"] == "ok"
    assert row["task_s"]["value"] == pytest.approx(8e-4, rel=0.05)


def test_rows_of_ways_that_are_not_here_carry_the_reason():
    absent = Availability(ok=False, reason="not installed", cure="install it")
    missing = way("dask", "dask", dispatch="submit", available=absent)
    document = counted(CountingHost({"threads": 1e-5}), [way("threads"), missing])
    rows = [row for row in document["rows"] if row["label"] == "dask"]
    assert [(row["status"], row["reason"], row["cure"], row["pattern"]) for row in rows] == [
        ("unavailable", "not installed", "install it", "steps"),
        ("unavailable", "not installed", "install it", "bag"),
    ]


def test_rows_of_earlier_files_keep_their_bootstrap_interval():
    row = replace(row_before(way("threads"), "steps"), basis="")
    halves = [0.4, 0.45, 0.5, 0.5, 0.55, 0.6, 0.45]  # efficiency of the middle one of three sizes
    curve = [
        MetgSample(
            empty_s=1e-6,
            step_s=STEP_S,
            machine=1.0,
            granularity_s={10: 1024e-9 / 0.3, 11: 2048e-9 / half, 12: 4096e-9 / 0.7},
        )
        for half in halves
    ]
    before, now = METG.measured(row, curve, {}), METG.measured(replace(row, basis="as timed"), curve, {})
    blocks = [[0.3, half, 0.7] for half in halves]
    sizes = [1024e-9, 2048e-9, 4096e-9]
    expected = bootstrap_interval(blocks, lambda drawn: median_crossing(sizes, drawn, 0.5), seed=1)
    assert (before.basis, now.basis) == ("", "as timed")
    assert before.task_s.low == pytest.approx(expected.low)
    assert before.task_s.high == pytest.approx(expected.high)
    assert now.task_s.confidence >= 0.95
    assert (now.task_s.low, now.task_s.high) != pytest.approx((expected.low, expected.high))


def test_a_row_that_stays_open_says_why():
    host = CountingHost({"threads": 1e-4}, noise=0.05)
    row = row_of(counted(host, [way("threads")], budget_s=0.5), "threads")
    assert row["status"] == "ok"
    assert (
        f"{row['task_s']['blocks']} of the 6 blocks that 95 % confidence needs fitted into the budget" in row["reason"]
    )


def test_an_executor_that_really_is_busy_between_tasks_is_recovered():
    prices = {"threads": 50e-6, "interpreters": 200e-6, "loky": 1000e-6}
    ways = [way(name, name, workers=1) for name in prices]
    document = found(BusyHost(prices), ways, budget_s=3.0, workers=1, patterns=["steps"])
    for name, price_s in prices.items():
        row = row_of(document, name)
        assert row["task_s"]["value"] == pytest.approx(price_s, rel=0.15)
        assert row["metg_s"]["value"] == pytest.approx(2 * price_s, rel=0.15)


def test_the_steps_of_a_cell_are_its_tasks():
    cell = MetgCell(way=way("threads", workers=3), pattern="bag")
    assert cell.case(100).id == "spin/cy_nogil@threads*3#n48s100~c16"
    assert cell.way.baseline.id.startswith("spin/cy_nogil@serial#n1s")


def test_everything_that_can_have_tasks_done_is_compared_by_default():
    assert set(MetgRequest().executors) == {*EXECUTORS, *REFERENCES}
    labels = [way.label for way in ways_of(MetgRequest())]
    assert labels.index("ThreadPoolExecutor") == labels.index("threads") + 1
    assert {"processes/fork", "processes/forkserver", "processes/spawn", "cy_prange", "nb_prange"} <= set(labels)
    dispatch = {way.label: way.dispatch for way in ways_of(MetgRequest())}
    assert dispatch["threads"] == "static"
    assert dispatch["dask"] == dispatch["loky"] == dispatch["ProcessPoolExecutor"] == "submit"


def test_nothing_to_measure_is_one_error_with_all_reasons(monkeypatch):
    absent = Availability(ok=False, reason="not installed")
    monkeypatch.setattr("gilscope.executors.availability", lambda *_: absent)
    with pytest.raises(UsageError, match="nothing of this can be measured here: dask: not installed"):
        ways_of(MetgRequest(executors=("dask",)))
