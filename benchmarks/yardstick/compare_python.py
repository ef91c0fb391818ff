"""Compare ``py_loop`` with two other plain formulations: ``python benchmarks/yardstick/compare_python.py [KERNEL...]``.

At size S, all in every block, in random order; what is printed is the median of the within-block ratios other / py_loop
(above 1: py_loop is faster) with its order-statistic interval. Every answer is verified first.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from typing import Any

import formulations
from compare import Bench

from gilscope import kernels
from gilscope.core.registry import KERNELS, check_names
from gilscope.core.spec import KernelSpec
from gilscope.stats import ratio_interval

SIZE = "S"


def other_ways(kernel: str) -> list[str]:
    """Names of the other formulations of a kernel."""
    return [name for name in vars(formulations) if name.rpartition("_")[0] == kernel]


def as_call(bench: Bench, function: Callable[..., Any]) -> Callable[[], Any]:
    """Return a chunked function as a call without arguments that does the whole kernel."""
    spec, params, buffers = bench.spec, bench.params, bench.buffers
    phases, extent = range(spec.phases(params)), spec.extent(params)
    return lambda: spec.combine(params, [function(phase, 0, extent, params, buffers) for phase in phases])


def compare(spec: KernelSpec, blocks: int) -> bool:
    """Measure and print one kernel; tell whether py_loop reaches 0.9 of the fastest other way."""
    bench = Bench(spec, SIZE)
    oracle = spec.impl("py_loop")
    assert oracle is not None
    calls = {"py_loop": as_call(bench, kernels.resolve(spec.name, oracle))}
    for name in other_ways(spec.name):
        calls[name] = as_call(bench, getattr(formulations, name))
    for name, call in calls.items():
        bench.verified(name, call)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(blocks):
        for name in random.sample(list(calls), len(calls)):
            seconds[name].append(bench.round_s(call=calls[name], repeats=1))
    good = True
    for name in list(calls)[1:]:
        ratio = ratio_interval(seconds[name], seconds["py_loop"])
        good = good and ratio.high >= 0.9
        own_ms = 1e3 * sorted(seconds["py_loop"])[blocks // 2]
        print(f"{name:24} {own_ms:8.1f}  {ratio.value:6.2f} [{ratio.low:5.2f}, {ratio.high:5.2f}]", flush=True)
    return good


def main() -> int:
    """Read the command line and compare; exit status 1 if py_loop is a straw man anywhere."""
    parser = argparse.ArgumentParser(description="other plain formulations / py_loop per kernel, at size S")
    parser.add_argument("kernels", nargs="*")
    parser.add_argument("--blocks", type=int, default=7, help="blocks per kernel (6 or more for 95 %%)")
    options = parser.parse_args()
    names = check_names("kernel", options.kernels, KERNELS) or KERNELS
    print(f"{'formulation':24} {'py_loop ms':>8} {'other / py_loop':>12} [95 % interval]")
    verdicts = [compare(kernels.load(name), options.blocks) for name in names]
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    raise SystemExit(main())
