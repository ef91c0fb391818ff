"""What a measurement reports to its observer. The base class ignores everything."""

from __future__ import annotations

from gilscope.core.cases import Case
from gilscope.core.records import CaseRecord


class Observer:
    """Receives progress; override what is of interest. Called between rounds, never inside one."""

    def preparing(self, case: Case, done: int, total: int) -> None:
        """``case`` (number ``done`` of ``total``, from 0) is about to be set up, verified and calibrated."""

    def prepared(self, record: CaseRecord) -> None:
        """A case is ready, or will not be measured: see its status."""

    def block_done(
        self, kernel: str, blocks: int, half_width: float | None, spent_s: float, seconds_left: float, timed_s: float
    ) -> None:
        """A block of ``kernel`` ended, its ``blocks``-th so far.

        ``half_width`` is the widest relative one among the kernel's speed-ups, None while there are too few blocks.
        ``spent_s`` counts from the first timed round, ``seconds_left`` until the budget ends; ``timed_s`` of
        ``spent_s`` was inside timed rounds.
        """

    def message(self, text: str) -> None:
        """Something worth a line, e.g. a runner that had to be replaced."""
