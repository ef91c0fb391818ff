"""How many workers can one parent feed? Predicted from pools of eight and sixty, measured with as many as it takes.

    python benchmarks/selfbench/parent.py [--sleeps 0.2,1,5,20] [--runs N] [--json FILE]

Tasks of a pool of processes only sleep, so that many of them need no CPUs; handing them out one by one keeps the parent
busy. From what that costs in pools of two sizes follows the limit, and it is reached where more workers do no more.
Needs gilscope for the interpreter that runs it, and up to a thousand open files.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from gilscope.analysis.predict.demands import fed
from gilscope.core.cases import Case
from gilscope.runner.examine import hand_over

_WINDOW_S, _ROUNDS = 0.3, 9
_MOST = 160  # processes
_AROUND = 0.8, 1.0, 1.25, 1.6, 2.0  # of the predicted limit: so many workers, for far too many slow the parent down


@dataclass(frozen=True, slots=True)
class Saturation:
    """The number of workers at which the parent is busy all the time: predicted and measured."""

    sleep_ms: float
    low: float
    high: float
    measured: float
    workers: int  # with which it was reached

    @property
    def error(self) -> float:
        """Of the middle of the prediction, relative."""
        return (self.low + self.high) / 2.0 / self.measured - 1.0


def task_s(pool: ProcessPoolExecutor, sleep_s: float, count: int) -> float:
    """Return the seconds a pool takes for a task that sleeps; those of the last are not waited for."""
    began = time.perf_counter()
    list(pool.map(time.sleep, [sleep_s] * count))
    return (time.perf_counter() - began - sleep_s) / (count - 1)


def call_s(sleep_s: float) -> float:
    """Return the seconds a call takes without a pool: timers fire late."""
    count, began = max(2, round(_WINDOW_S / sleep_s / 4)), time.perf_counter()
    for _ in range(count):
        time.sleep(sleep_s)
    return (time.perf_counter() - began) / count


def saturation(sleep_s: float, start_method: str) -> Saturation:
    """Predict and measure in turn, so that both meet the same interference, and take medians."""
    case = Case(kernel="k", implementation="f", executor="processes", workers=2, size="1", start_method=start_method)
    least_s, most_s, more_s = hand_over(case)
    expected = fed((least_s + most_s) / 2.0, more_s, sleep_s)
    with ExitStack() as stack:
        counts = (1, *(max(2, min(_MOST, math.ceil(part * expected))) for part in _AROUND))
        pools = {}
        for count in dict.fromkeys(counts):
            pools[count] = stack.enter_context(ProcessPoolExecutor(count, get_context(start_method)))
            task_s(pools[count], 0.01, 2 * count)  # all have started
        prices, calls, spent = [], [], {count: [] for count in pools}
        for _ in range(_ROUNDS):
            prices.append(hand_over(case))
            calls.append(call_s(sleep_s))
            for count, pool in pools.items():
                tasks = max(8 * count, round(_WINDOW_S * min(count, expected) / sleep_s))
                spent[count].append(task_s(pool, sleep_s, tasks))
    least_s, most_s, more_s = (median(column) for column in zip(*prices, strict=True))
    low, high = (fed(each_s, more_s, median(calls)) for each_s in (most_s, least_s))
    reached = {count: median(spent[1]) / median(found) for count, found in spent.items()}
    workers = max(reached, key=lambda count: reached[count])
    return Saturation(1e3 * sleep_s, low, high, reached[workers], workers)


def saturations(sleeps_ms: Sequence[float], start_method: str) -> list[Saturation]:
    """Predict and measure for each length of sleep."""
    made = []
    for sleep_ms in sleeps_ms:
        one = saturation(sleep_ms / 1e3, start_method)
        made.append(one)
        print(
            f"sleep {sleep_ms:5.1f} ms: one parent feeds {one.low:6.1f} to {one.high:6.1f} workers, "
            f"measured {one.measured:6.1f} with {one.workers}: {100 * one.error:+5.1f} %",
            flush=True,
        )
    return made


def main() -> int:
    """Print a line per length of sleep."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sleeps", default="0.2,1,5,20", metavar="MS,MS")
    parser.add_argument("--start-method", default="fork")
    parser.add_argument("--runs", type=int, default=1, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    sleeps_ms = [float(word) for word in given.sleeps.split(",")]
    made = [one for _ in range(given.runs) for one in saturations(sleeps_ms, given.start_method)]
    if given.json is not None:
        found = {"python": platform.python_version(), "start_method": given.start_method}
        found["saturations"] = [asdict(one) for one in made]
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
