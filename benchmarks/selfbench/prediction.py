"""How well do figures of one thread predict many threads? Programs and worker counts were chosen before any model.

    python benchmarks/selfbench/prediction.py [--piece I/N] [--seconds S] [--json FILE]

A program holds the GIL for a known time, in C code or in byte code, and releases it by sleeping for a time that is
constant, exponential or has two modes. So 128 threads need no more CPUs than two have: one computes at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Program:
    """What one cycle does.

    Parameters
    ----------
    code : {"C", "byte"}
        What holds the GIL: a call of C code, which keeps it, or a loop of byte code, which lets go when asked.
    hold_us : float
        How long.
    sleep : {"constant", "exponential", "bimodal"}
        How the lengths of sleep are distributed.
    share : float
        Of its time one thread holds the GIL, as planned; how long it sleeps follows.
    workers : tuple of int
        Worker counts that are predicted and measured.
    """

    code: Literal["C", "byte"]
    hold_us: float
    sleep: Literal["constant", "exponential", "bimodal"]
    share: float
    workers: tuple[int, ...]

    @property
    def sleep_us(self) -> float:
        """Mean length of sleep."""
        return self.hold_us * (1.0 - self.share) / self.share


HELD_OUT = (
    Program("C", 20, "constant", 0.1, (4, 10, 64)),
    Program("C", 20, "exponential", 0.02, (16, 50, 128)),
    Program("byte", 50, "bimodal", 0.05, (4, 24, 96)),
    Program("C", 50, "exponential", 0.3, (4, 16, 64)),
    Program("byte", 100, "constant", 0.1, (8, 32, 128)),
    Program("C", 100, "bimodal", 0.02, (32, 64, 128)),
    Program("byte", 200, "exponential", 0.05, (8, 16, 48)),
    Program("C", 200, "constant", 0.2, (4, 12, 64)),
    Program("C", 500, "exponential", 0.1, (6, 14, 32)),
    Program("byte", 500, "bimodal", 0.3, (4, 8, 48)),
    Program("C", 1000, "constant", 0.03, (16, 40, 100)),
    Program("byte", 1000, "exponential", 0.6, (4, 16, 64)),
    Program("C", 2000, "bimodal", 0.2, (4, 8, 24)),
    Program("byte", 2000, "constant", 0.45, (4, 16, 64)),
    Program("C", 5000, "exponential", 0.1, (8, 16, 40)),
    Program("byte", 5000, "constant", 0.01, (4, 32, 64)),
)
"""48 points, 19 of them with p h from 0.5 to 2, where simple theory fails. Not to be changed to suit a model."""
