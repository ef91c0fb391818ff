"""Count how often another thread gets to run while an implementation computes; run as a script, prints JSON.

``python -m tests.kernels.gil_ticks KERNEL IMPLEMENTATION...``: one call each over all items of size M (one phase).
A ticking thread that sleeps 0.2 ms at a time gets the GIL once or twice during a call that holds it (at its start and
end), and about once per 0.2 ms during one that releases it.
"""

from __future__ import annotations

import json
import sys
import threading
import time

from gilscope import kernels
from tests.kernels.harness import Workbench

CALLS = 5
TICK_S = 2e-4


class Ticker(threading.Thread):
    """A thread that counts how often it woke up."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ticks = 0

    def run(self) -> None:
        while True:
            time.sleep(TICK_S)
            self.ticks += 1


def main(kernel: str, words: list[str]) -> None:
    spec = kernels.load(kernel)
    bench = Workbench(spec, "M")
    extent = spec.extent(bench.params)
    ticker = Ticker()
    ticker.start()
    report = {}
    for word in words:
        impl = spec.impl(word)
        assert impl is not None
        function = kernels.resolve(kernel, impl)
        spec.reset(bench.params, bench.buffers)
        function(0, 0, 1, bench.params, bench.buffers)  # compiles or loads what has to be
        counts = []
        for _ in range(CALLS):
            before = ticker.ticks
            function(0, 0, extent, bench.params, bench.buffers)
            counts.append(ticker.ticks - before)
        report[word] = {"ticks": counts, "jit_cache": kernels.jit_cache(function)}
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
