"""How many workers can one parent feed? Predicted from two workers, measured with as many as it takes.

    python benchmarks/selfbench/parent.py [--sleeps 0.2,1,5,20] [--json FILE]

Tasks of a pool of processes only sleep, so that many of them need no CPUs; handing them out one by one keeps the parent
busy. From what that costs with empty tasks follows the limit, and from one worker's rate the rate at the limit. Needs
gilscope for the interpreter that runs it.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from gilscope.analysis.predict.demands import fed
from gilscope.core.cases import Case
from gilscope.runner.examine import hand_over

_WINDOW_S, _ROUNDS = 0.8, 3
_MOST = 160  # processes
_AROUND = 0.7, 1.0, 1.4  # of the predicted limit: so many workers are started, for far too many slow the parent down


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


def rate(workers: int, sleep_s: float, start_method: str) -> float:
    """Return the tasks per second of a pool of so many workers: the median of a few windows."""
    with ProcessPoolExecutor(workers, get_context(start_method)) as pool:
        list(pool.map(time.sleep, [0.01] * workers * 2))  # all have started
        count, found = max(4 * workers, 16), []
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            list(pool.map(time.sleep, [sleep_s] * count))
            spent_s = time.perf_counter() - began
            found.append(count / spent_s)
            count = max(count, min(20_000, round(count * _WINDOW_S / spent_s)))
        return median(found[1:])


def saturations(sleeps_ms: Sequence[float], start_method: str) -> list[Saturation]:
    """Predict and measure for each length of sleep."""
    case = Case(kernel="k", implementation="f", executor="processes", workers=2, size="1", start_method=start_method)
    made = []
    for sleep_ms in sleeps_ms:
        alone_s = 1.0 / rate(1, sleep_ms / 1e3, start_method)
        least_s, most_s, more_s = hand_over(case)
        low, high = (fed(each, more_s, sleep_ms / 1e3) for each in (most_s, least_s))
        counts = sorted({max(2, min(_MOST, round(part * (low + high) / 2.0))) for part in _AROUND})
        reached = {count: rate(count, sleep_ms / 1e3, start_method) * alone_s for count in counts}
        workers = max(reached, key=lambda count: reached[count])
        one = Saturation(sleep_ms, low, high, reached[workers], workers)
        made.append(one)
        print(
            f"sleep {sleep_ms:5.1f} ms: one parent feeds {low:6.1f} to {high:6.1f} workers, "
            f"measured {one.measured:6.1f} with {workers}: {100 * one.error:+5.1f} %",
            flush=True,
        )
    return made


def main() -> int:
    """Print a line per length of sleep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sleeps", default="0.2,1,5,20", metavar="MS,MS")
    parser.add_argument("--start-method", default="fork")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    made = saturations([float(word) for word in given.sleeps.split(",")], given.start_method)
    if given.json is not None:
        found = {"python": platform.python_version(), "start_method": given.start_method}
        found["saturations"] = [asdict(one) for one in made]
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
