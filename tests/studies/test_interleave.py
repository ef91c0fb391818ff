"""Items are interleaved in whole blocks; what fails is given up, what is interrupted keeps its whole blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from gilscope.core.errors import MeasurementError, RoundTimeoutError
from gilscope.measure.events import Observer
from gilscope.studies.interleave import interleave
from tests.studies.logged import log_of
from tests.studies.tea import TEA, Cup, TeaRequest, pot


class Watch(Observer):
    def __init__(self, stop_after: int = 0) -> None:
        self.said: list[str] = []
        self.stop_after = stop_after

    def message(self, text: str) -> None:
        self.said.append(text)

    def block_done(self, kernel, blocks, *rest) -> None:
        if blocks == self.stop_after:
            raise KeyboardInterrupt


class Bench:
    """Takes a second per sample on a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.now_ns = 0
        self.order: list[str] = []
        self.log = log_of(TEA, TeaRequest(), folder / "tea.jsonl")

    def take(self, item: str) -> Cup:
        self.order.append(item)
        self.now_ns += 10**9
        return Cup(seconds=1.0)

    def run(self, items, *, budget_s=20.0, take=None, observer=None, seed=1):
        for item in items:
            if item not in self.log.record.items:
                self.log.put(item, pot(item))
        interleave(
            "tea",
            items,
            take or self.take,
            self.log,
            budget_s=budget_s,
            seed=seed,
            observer=observer or Watch(),
            clock_ns=lambda: self.now_ns,
        )
        return self.log.record


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_every_block_has_every_item_once_and_orders_differ(bench):
    found = bench.run(["a", "b", "c", "d"])
    blocks = [bench.order[i : i + 4] for i in range(0, len(bench.order), 4)]
    assert len(found.blocks) == len(blocks) == 4  # a fifth would end with the budget: blocks differ, so none is begun
    assert all(sorted(block) == ["a", "b", "c", "d"] for block in blocks)
    assert len({tuple(block) for block in blocks}) > 1
    assert all(len(found.samples(item)) == 4 for item in "abcd")
    assert found.spent_s == 16.0


def test_the_order_is_that_of_the_seed(tmp_path):
    orders = []
    for number, seed in enumerate((1, 1, 2)):
        bench = Bench(tmp_path / str(number))
        bench.run(["a", "b", "c", "d"], seed=seed)
        orders.append(bench.order)
    assert orders[0] == orders[1] != orders[2]


def test_one_block_is_measured_whatever_the_budget(bench):
    assert len(bench.run(["a"], budget_s=0.001).blocks) == 1


def test_what_was_measured_before_counts_with_its_time(bench):
    bench.run(["a", "b"], budget_s=5.0)
    bench.now_ns += 10**12  # somebody slept
    first, bench.order = bench.order, []
    assert len(bench.run(["a", "b"], budget_s=20.0).blocks) == 9
    assert len(first) + len(bench.order) == 18


@pytest.mark.parametrize(("error", "status"), [(MeasurementError, "failed"), (RoundTimeoutError, "timeout")])
def test_what_fails_is_given_up_with_its_reason_and_the_others_go_on(bench, error, status):
    watch = Watch()

    def take(item: str) -> Cup:
        if item == "b" and len(bench.order) > 2:
            raise error("it broke")
        return bench.take(item)

    found = bench.run(["a", "b"], take=take, observer=watch)
    assert (found.items["b"].row.status, found.items["b"].row.reason) == (status, "it broke")
    assert watch.said == ["b: it broke"]
    assert len(found.samples("a")) > len(found.samples("b"))
    bench.run(["a", "b"], budget_s=60.0)
    assert (found.items["b"].row.status, found.items["b"].row.reason) == ("ok", "")  # has a sample again


def test_when_all_fail_it_is_over(bench):
    def take(item: str) -> Cup:
        raise MeasurementError("no")

    found = bench.run(["a", "b"], take=take)
    assert (len(found.blocks), {item.row.status for item in found.items.values()}) == (1, {"failed"})


def test_ctrl_c_between_blocks_and_within_one_keeps_whole_blocks(bench):
    with pytest.raises(KeyboardInterrupt):
        bench.run(["a", "b"], observer=Watch(stop_after=3))
    assert len(bench.log.record.blocks) == 3

    def take(item: str) -> Cup:
        if len(bench.order) == 9:
            raise KeyboardInterrupt
        return bench.take(item)

    with pytest.raises(KeyboardInterrupt):
        bench.run(["a", "b"], take=take)
    assert [len(bench.log.record.samples(item)) for item in "ab"] == [4, 4]
