"""Items are interleaved in whole blocks; what fails is given up, what is interrupted keeps its whole blocks."""

from __future__ import annotations

import pytest

from gilscope.errors import MeasurementError, RoundTimeoutError
from gilscope.measure.events import Observer
from gilscope.studies.interleave import interleave


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

    def __init__(self) -> None:
        self.now_ns = 0
        self.order: list[str] = []

    def take(self, item: str) -> int:
        self.order.append(item)
        self.now_ns += 10**9
        return len(self.order)

    def run(self, items, *, budget_s=20.0, take=None, observer=None, seed=1):
        return interleave(
            "tea",
            items,
            take or self.take,
            budget_s=budget_s,
            seed=seed,
            observer=observer or Watch(),
            clock_ns=lambda: self.now_ns,
        )


def test_every_block_has_every_item_once_and_orders_differ():
    bench = Bench()
    found = bench.run(["a", "b", "c", "d"])
    blocks = [bench.order[i : i + 4] for i in range(0, len(bench.order), 4)]
    assert found.blocks == len(blocks) == 4  # a fifth would end with the budget: blocks differ, so it is not begun
    assert all(sorted(block) == ["a", "b", "c", "d"] for block in blocks)
    assert len({tuple(block) for block in blocks}) > 1
    assert all(len(samples) == 4 for samples in found.samples.values())


def test_the_order_is_that_of_the_seed():
    orders = []
    for seed in (1, 1, 2):
        bench = Bench()
        bench.run(["a", "b", "c", "d"], seed=seed)
        orders.append(bench.order)
    assert orders[0] == orders[1] != orders[2]


def test_one_block_is_measured_whatever_the_budget():
    assert Bench().run(["a"], budget_s=0.001).blocks == 1


@pytest.mark.parametrize(("error", "status"), [(MeasurementError, "failed"), (RoundTimeoutError, "timeout")])
def test_what_fails_is_given_up_with_its_reason_and_the_others_go_on(error, status):
    bench, watch = Bench(), Watch()

    def take(item: str) -> int:
        if item == "b" and len(bench.order) > 2:
            raise error("it broke")
        return bench.take(item)

    found = bench.run(["a", "b"], take=take, observer=watch)
    assert (found.troubles["b"].status, found.troubles["b"].reason) == (status, "it broke")
    assert watch.said == ["b: it broke"]
    assert len(found.samples["a"]) > len(found.samples["b"])


def test_when_all_fail_it_is_over():
    def take(item: str) -> int:
        raise MeasurementError("no")

    found = Bench().run(["a", "b"], take=take)
    assert (found.blocks, set(found.troubles)) == (1, {"a", "b"})


def test_ctrl_c_between_blocks_and_within_one_keeps_whole_blocks():
    found = Bench().run(["a", "b"], observer=Watch(stop_after=3))
    assert (found.interrupted, found.blocks) == (True, 3)
    bench = Bench()

    def take(item: str) -> int:
        if len(bench.order) == 5:
            raise KeyboardInterrupt
        return bench.take(item)

    found = bench.run(["a", "b"], take=take)
    assert (found.interrupted, found.blocks, [len(s) for s in found.samples.values()]) == (True, 2, [2, 2])
