"""Count how often another thread gets to run while an implementation computes; run as a script, prints JSON.

``python -m tests.kernels.gil_ticks KERNEL/IMPLEMENTATION...``: all phases over all items of size M, several times. The
switch interval is set to a minute, so nobody is made to hand the GIL over: a ticking thread that sleeps 0.2 ms at a
time runs about once per 0.2 ms while the GIL is released, and not at all while it is held.

Several times, because a busy machine can starve the ticking thread during a call that releases the GIL, and can preempt
the main thread just outside of one that holds it; neither happens to all. The first call that shows what is declared
ends it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

from gilscope import kernels
from gilscope.core import targets
from tests.kernels.harness import Workbench

MAX_TICKS_HELD = 1  # the ticking thread may slip in before the call
MIN_TICKS_RELEASED = 10  # calls last 13 ms and more, 60 ticks of 0.2 ms on an idle machine
CALLS = 5
TICK_S = 2e-4
NEVER_S = 60.0


class Ticker(threading.Thread):
    """A thread that counts how often it woke up."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ticks = 0

    def run(self) -> None:
        while True:
            time.sleep(TICK_S)
            self.ticks += 1


def shows(gil: str, ticks: int) -> bool:
    """Whether so many ticks in a call are those of a function that does this with the GIL."""
    return ticks <= MAX_TICKS_HELD if gil == "held" else ticks >= MIN_TICKS_RELEASED


def measured(kernel: str, words: list[str], ticker: Ticker) -> dict[str, Any]:
    """Return the ticks during each call of implementations of a kernel, and whether they came from a cache."""
    spec = kernels.load(kernel)
    bench = Workbench(spec, "M")
    extent = spec.extent(bench.params)
    report = {}
    for word in words:
        impl = spec.impl(word)
        assert impl is not None
        function = kernels.resolve(kernel, impl)
        spec.reset(bench.params, bench.buffers)
        function(0, 0, 1, bench.params, bench.buffers)  # compiles or loads what has to be
        counts = []
        for _ in range(CALLS):
            time.sleep(TICK_S)
            before = ticker.ticks
            for phase in range(spec.phases(bench.params)):
                function(phase, 0, extent, bench.params, bench.buffers)
            counts.append(ticker.ticks - before)
            if shows(impl.gil, counts[-1]):
                break
        report[word] = {"ticks": counts, "jit_cache": targets.jit_cache_of(function)}
    return report


def main(words: list[str]) -> None:
    asked: dict[str, list[str]] = {}
    for word in words:
        kernel, _, implementation = word.partition("/")
        asked.setdefault(kernel, []).append(implementation)
    sys.setswitchinterval(NEVER_S)
    ticker = Ticker()
    ticker.start()
    sys.stdout.write(json.dumps({kernel: measured(kernel, asked[kernel], ticker) for kernel in asked}))


if __name__ == "__main__":
    main(sys.argv[1:])
