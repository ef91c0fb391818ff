"""The first answer: once, when it is due, marked as provisional; everything else is passed on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from gilscope.cli.profile import _verdict_so_far
from gilscope.cli.progress import Provisional
from gilscope.core.cases import Study
from gilscope.core.spec import Work
from gilscope.measure.events import Observer
from gilscope.results import ResultWriter
from tests.analysis.rounds import ideal, study


class Told(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.blocks: list[int] = []

    def block_done(
        self, kernel: str, blocks: int, half_width: float | None, spent_s: float, seconds_left: float, timed_s: float
    ) -> None:
        self.blocks.append(blocks)

    def message(self, text: str) -> None:
        self.messages.append(text)


def _after(seconds: list[float], *, left_s: float = 15.0, first_block: int = 1) -> Told:
    """Let blocks end at these seconds."""
    told, now = Told(), [0.0]
    watched = Provisional(told, lambda path: f"{path} says.", Path("r"), clock=lambda: now[0])
    for number, now[0] in enumerate(seconds, start=first_block):
        watched.block_done("mod:f", number, None, now[0], left_s, now[0])
    assert told.blocks == list(range(first_block, first_block + len(seconds)))
    return told


def test_it_is_said_once_when_ten_seconds_are_over() -> None:
    assert _after([4.0, 8.0, 12.0, 16.0]).messages == [
        "first answer after 12 s and 3 blocks, refined for up to 15 s: Provisional: r says."
    ]


def test_one_block_is_no_answer() -> None:
    assert _after([11.0]).messages == []
    assert len(_after([11.0, 22.0]).messages) == 1


def test_shortly_before_the_end_nothing_is_said_twice() -> None:
    assert _after([5.0, 12.0], left_s=1.0).messages == []


def test_the_answer_is_the_verdict_on_the_file_so_far(tmp_path: Path) -> None:
    made = study("mod:f/f@threads*2#8", ideal(2), blocks=4)
    asked = Study(kernels=("mod:f",), implementations=("f",), executors=("threads",), workers=(2,), functions=("f",))
    with ResultWriter(tmp_path / "result.jsonl", asked, made.environment, "1") as writer:
        for record in made.cases.values():
            writer.case(dataclasses.replace(record, work=Work(units=8, unit="tasks")))
        for block in made.blocks:
            writer.block(block)
        said = _verdict_so_far(tmp_path / "result.jsonl")
    assert said.startswith("Provisional, at 87 % confidence: f: best by 2 threads, 2.00x")
