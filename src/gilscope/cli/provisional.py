"""A first answer while measuring goes on: what the blocks so far say, once, marked as provisional."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from gilscope.core.cases import Case
from gilscope.core.records import CaseRecord
from gilscope.measure.events import Observer

__all__ = ["AFTER_S", "Provisional"]

AFTER_S = 10.0
"""Seconds from the start after which somebody who waits wants to hear something."""

_LEAST_BLOCKS = 2  # a single one has no interval, so nothing follows from it
_WORTH_S = 2.0  # left of the budget: below that the final answer is as near


class Provisional(Observer):
    """Passes everything on; says the verdict so far after the first block that ends when it is due.

    Parameters
    ----------
    inner : Observer
        Who shows progress; its ``message`` gets the verdict.
    answer : callable (Path) -> str
        Makes the sentences from the result file so far.
    path : Path
        The result file.
    clock : callable () -> float
        Seconds; monotonic.
    """

    def __init__(
        self,
        inner: Observer,
        answer: Callable[[Path], str],
        path: Path,
        *,
        after_s: float = AFTER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner, self._answer, self._path = inner, answer, path
        self._after_s, self._clock = after_s, clock
        self._started_s = clock()
        self._said = False

    def preparing(self, case: Case, done: int, total: int) -> None:
        self._inner.preparing(case, done, total)

    def prepared(self, record: CaseRecord) -> None:
        self._inner.prepared(record)

    def block_done(
        self, kernel: str, blocks: int, half_width: float | None, spent_s: float, seconds_left: float, timed_s: float
    ) -> None:
        self._inner.block_done(kernel, blocks, half_width, spent_s, seconds_left, timed_s)
        spent_s = self._clock() - self._started_s
        if self._said or spent_s < self._after_s or blocks < _LEAST_BLOCKS or seconds_left < _WORTH_S:
            return
        self._said = True
        answer = self._answer(self._path)
        marked = answer if answer.startswith("Provisional") else f"Provisional: {answer}"
        self._inner.message(
            f"first answer after {spent_s:.0f} s and {blocks} blocks, refined for up to {seconds_left:.0f} s: {marked}"
        )

    def message(self, text: str) -> None:
        self._inner.message(text)
