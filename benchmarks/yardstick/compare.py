"""Compare the implementations with plain C: ``python benchmarks/yardstick/compare.py [KERNEL...] [--blocks N]``.

``--targets``: with plain C, C in vectors and OpenBLAS, compiled for several CPUs; see ``targets.py``.

For each kernel, serial and on all usable cores, at size M, on the same buffers. All variants run in every block, in
random order, rounds of at least 100 ms; what is printed is the median of the within-block ratios C / implementation
(above 1: faster than C) with its order-statistic interval. Every answer is verified before it is timed.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable
from typing import Any

import plain_c

from gilscope import kernels
from gilscope.core import pages
from gilscope.core.registry import KERNELS, check_names
from gilscope.core.spec import KernelSpec
from gilscope.stats import Estimate, ratio_interval

ROUND_S = 0.1
# libgomp's threads spin for up to 9 ms after a parallel region; a round that starts earlier shares the cores with them.
SETTLE_S = 0.015
MIN_BLOCKS = 6  # for 95 % from order statistics
SERIAL = ("cy_nogil", "nb_nogil", "cy_gil", "nb_gil", "np_vec", "std_c")
PARALLEL = ("cy_prange", "nb_prange")


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Bench:
    """One kernel at one size on one set of buffers: gilscope's own, or NumPy's arrays."""

    def __init__(self, spec: KernelSpec, size: str, numpy_arrays: bool = False) -> None:
        self.spec, self.size, self.params = spec, size, spec.sizes[size]
        if numpy_arrays:
            import numpy as np

            self.buffers = {one.name: memoryview(np.empty(one.length, one.format)) for one in spec.layout(self.params)}
        else:
            placed = kernels.buffer_layout(spec, self.params)
            self.buffers = kernels.views(pages.private(placed[0]), placed)
        spec.make_inputs(self.params, self.buffers)

    def plain(self, threads: int, folder: str = "c") -> Callable[[], Any]:
        """Return the yardstick as a call without arguments."""
        function = plain_c.function_of(self.spec, folder)
        return lambda: function(threads, self.params, self.buffers)

    def implementation(self, word: str, threads: int) -> Callable[[], Any] | None:
        """Return an implementation as a call without arguments, or None if it cannot be used here."""
        spec, params, buffers = self.spec, self.params, self.buffers
        impl = spec.impl(word)
        if impl is None or not kernels.availability(spec, impl).ok:
            return None
        function = kernels.resolve(spec.name, impl)
        if impl.gil == "own_threads":
            return lambda: function(threads, params, buffers)
        return self.whole(function)

    def whole(self, function: Callable[..., Any]) -> Callable[[], Any]:
        """Return a function of one chunk as a call that does all phases, each in one chunk."""
        spec, params, buffers = self.spec, self.params, self.buffers
        phases, extent = range(spec.phases(params)), spec.extent(params)
        return lambda: spec.combine(params, [function(phase, 0, extent, params, buffers) for phase in phases])

    def verified(self, name: str, call: Callable[[], Any]) -> None:
        """Run once on poisoned outputs; stop everything if the answer is wrong."""
        kernels.poison(self.spec, self.params, self.buffers)
        self.spec.reset(self.params, self.buffers)
        complaint = kernels.verify(self.spec, self.size, self.buffers, call())
        if complaint:
            raise SystemExit(f"{self.spec.name} {name}: {complaint}")

    def round_s(self, call: Callable[[], Any], repeats: int) -> float:
        """Return seconds per call over one round, after one uncounted call."""
        self.spec.reset(self.params, self.buffers)
        time.sleep(SETTLE_S)
        call()
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - start) / repeats


def calibrate(bench: Bench, call: Callable[[], Any]) -> int:
    """Return how many calls make a round."""
    return max(1, round(ROUND_S / bench.round_s(call, 1)))


def compare(spec: KernelSpec, size: str, words: tuple[str, ...], threads: int, blocks: int) -> None:
    """Measure and print one kernel, serially (threads 0) or in parallel."""
    bench = Bench(spec, size)
    calls = {"plain C": bench.plain(threads)}
    for word in words:
        call = bench.implementation(word, threads)
        if call is not None:
            calls[word] = call
    for name, call in calls.items():
        bench.verified(name, call)
    repeats = {name: calibrate(bench, call) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(blocks):
        for name in random.sample(list(calls), len(calls)):
            seconds[name].append(bench.round_s(calls[name], repeats[name]))
    for name in list(calls)[1:]:
        ratio = ratio_interval(seconds["plain C"], seconds[name])
        print(line(spec.name, size, threads, name, seconds, ratio), flush=True)


def line(kernel: str, size: str, threads: int, name: str, seconds: dict[str, list[float]], ratio: Estimate) -> str:
    """Format one row; milliseconds are medians."""
    plain_ms, own_ms = (1e3 * sorted(seconds[key])[len(seconds[key]) // 2] for key in ("plain C", name))
    how = f"{threads} threads" if threads else "serial"
    interval = f"{ratio.value:6.2f} [{ratio.low:5.2f}, {ratio.high:5.2f}]"
    return f"{kernel:15} {size:2} {how:10} {name:10} {plain_ms:9.2f} {own_ms:9.2f}  {interval}"


def main() -> None:
    """Read the command line and compare."""
    parser = argparse.ArgumentParser(description="implementation / plain C per kernel, serial and on all cores")
    parser.add_argument("kernels", nargs="*", help=f"default: all of {', '.join(plain_c.kernels_in_c())}")
    parser.add_argument("--blocks", type=int, default=9, help=f"blocks per kernel ({MIN_BLOCKS} or more) [9]")
    parser.add_argument("--size", default="M")
    parser.add_argument("--all", action="store_true", help="also the variants that hold the GIL, NumPy and std_c")
    parser.add_argument("--targets", action="store_true", help="serially, compiled for several CPUs; see targets.py")
    options = parser.parse_args()
    if options.blocks < MIN_BLOCKS:
        parser.error(f"--blocks {options.blocks}: an interval of 95 % needs {MIN_BLOCKS} or more")
    names = check_names("kernel", options.kernels, KERNELS) or [k for k in KERNELS if k in plain_c.kernels_in_c()]
    if options.targets:
        import targets  # which imports this module

        targets.show(names, options.size)
        return
    print(f"{'kernel':15} {'':2} {'':10} {'':10} {'C ms':>9} {'its ms':>9}  {'C / it':>6} [95 % interval]")
    for name in names:
        spec = kernels.load(name)
        compare(spec, options.size, SERIAL if options.all else SERIAL[:2], 0, options.blocks)
        compare(spec, options.size, PARALLEL, usable_cores(), options.blocks)


if __name__ == "__main__":
    main()
