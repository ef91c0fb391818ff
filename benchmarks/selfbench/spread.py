"""Do results spread less from run to run than those of the peers? The same work, in the same minutes.

``python -m benchmarks.selfbench.spread [--runs 8] [--seconds 10]``

Each of gilscope, pyperf and pytest-benchmark finds the speed-up of two threads over one for mandelbrot in Cython
without the GIL: runs of about so many seconds, in random order. gilscope gives a speed-up with its interval, as timed
and net of other programs. The peers give two benchmarks, and the speed-up is the ratio of their medians; they state no
interval for it, so theirs is the percentile bootstrap of all their values (Efron & Tibshirani, An Introduction to the
Bootstrap, 1993, section 13.3), which takes these for independent. What is printed: the speed-up of every run, the
standard deviation over the runs, and the median half-width of the intervals.

Exit status 1 unless the standard deviation of the net speed-up is at most a third of the better peer's and its median
half-width is at most 2 %; 2 where a peer is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.selfbench import spread_work
from benchmarks.selfbench.claims import measure
from benchmarks.selfbench.known_answers import ROOT

PACKAGES = {"pyperf": "pyperf", "pytest_benchmark": "pytest-benchmark"}
PEERS = ("pyperf", "pytest-benchmark")
SHARE, HALF_WIDTH = 1 / 3, 0.02
RESAMPLES = 2000
_PROCESS_S = 0.85
"""What a process of pyperf takes for a warm-up and three values of 0.1 s or somewhat more, with its start."""


class Found(NamedTuple):
    """A speed-up of one run."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """The longer side of the interval, relative to the value."""
        return max(self.high - self.value, self.value - self.low) / self.value


def ratio_of_medians(one: Sequence[float], two: Sequence[float], seed: int = 1) -> Found:
    """Return the ratio of two medians with its percentile bootstrap interval of 95 %; both samples are drawn anew."""
    draw = random.Random(seed)
    resampled = sorted(
        statistics.median(draw.choices(one, k=len(one))) / statistics.median(draw.choices(two, k=len(two)))
        for _ in range(RESAMPLES)
    )
    tail = round(0.025 * RESAMPLES)
    return Found(statistics.median(one) / statistics.median(two), resampled[tail], resampled[-tail - 1])


def gilscope(seconds: float) -> dict[str, Found]:
    """Run gilscope; return the speed-up as timed and net."""
    words = ("--implementations", spread_work.IMPLEMENTATION, "--executors", "threads", "--workers", "2")
    document = measure(spread_work.KERNEL, *words, "--budget", str(seconds), "--precision", "0.1%")
    row = next(row for row in document["cases"] if row["workers"] == spread_work.WORKERS)
    figures = {"gilscope, net": row["net_speedup"], "gilscope, as timed": row["speedup"]}
    return {name: Found(e["value"], e["low"], e["high"]) for name, e in figures.items() if e is not None}


def _quietly(*command: str) -> None:
    """Run a peer on the work; what it prints is shown only if it fails."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with exit status {done.returncode}:\n{done.stdout}{done.stderr}")


def pyperf(seconds: float) -> dict[str, Found]:
    """Run pyperf with as many processes as fit into the time."""
    processes = max(2, round(seconds / 2 / _PROCESS_S))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pyperf.json"
        options = ("--processes", str(processes), "--values", "3", "--warmups", "1", "--inherit-environ", "PYTHONPATH")
        _quietly(spread_work.__file__, *options, "--quiet", "-o", str(file))
        return {"pyperf": ratio_of_medians(*pyperf_values(json.loads(file.read_text())))}


def pyperf_values(document: Mapping[str, Any]) -> list[list[float]]:
    """Return the values of each benchmark in seconds."""
    benchmarks = document["benchmarks"]
    return [[value for run in benchmark["runs"] for value in run.get("values", ())] for benchmark in benchmarks]


def pytest_benchmark(seconds: float) -> dict[str, Found]:
    """Run pytest-benchmark, half of the time for each of the two."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pytest.json"
        options = ("--noconftest", "-c", os.devnull, "--rootdir", str(ROOT), "-p", "no:cacheprovider")
        limits = (f"--benchmark-max-time={seconds / 2}", f"--benchmark-json={file}")
        _quietly("-m", "pytest", "-q", spread_work.__file__, *options, *limits)
        return {"pytest-benchmark": ratio_of_medians(*pytest_values(json.loads(file.read_text())))}


def pytest_values(document: Mapping[str, Any]) -> list[list[float]]:
    """Return the rounds of each benchmark in seconds."""
    return [benchmark["stats"]["data"] for benchmark in document["benchmarks"]]


TOOLS: tuple[Callable[[float], dict[str, Found]], ...] = (gilscope, pyperf, pytest_benchmark)


def holds(found: Mapping[str, Sequence[Found]]) -> bool:
    """Print the table; return whether the claim holds."""
    print("| tool | speed-ups | standard deviation | median half-width |\n|---|---|---|---|")
    deviations, widths = {}, {}
    for name, runs in found.items():
        deviations[name] = statistics.stdev(run.value for run in runs)
        widths[name] = statistics.median(run.half_width for run in runs)
        values = " ".join(f"{run.value:.3f}" for run in runs)
        print(f"| {name} | {values} | {deviations[name]:.4f} | {100 * widths[name]:.1f} % |")
    net, peer = "gilscope, net", min(PEERS, key=lambda name: deviations[name])
    print(
        f"\nnet: {deviations[net] / deviations[peer]:.2f} of the standard deviation of {peer}, at most {SHARE:.2f}; ",
        end="",
    )
    print(f"median half-width {100 * widths[net]:.1f} %, at most {100 * HALF_WIDTH:g} %")
    return deviations[net] <= SHARE * deviations[peer] and widths[net] <= HALF_WIDTH


def missing() -> list[str]:
    """Return the packages that are not installed."""
    return [package for module, package in PACKAGES.items() if importlib.util.find_spec(module) is None]


def main() -> None:
    """Run the tools in turn and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=8, help="of each tool, two or more")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    if words.runs < 2:
        parser.error(f"--runs {words.runs}: a standard deviation needs two or more")
    if lacking := missing():
        print(f"not installed: {', '.join(lacking)}; pip install {' '.join(lacking)}", file=sys.stderr)
        sys.exit(2)
    order, found = random.Random(words.seed), dict[str, list[Found]]()
    for number in range(1, words.runs + 1):
        for tool in order.sample(TOOLS, len(TOOLS)):
            print(f"\rrun {number} of {words.runs}: {tool.__name__:20}", end="", file=sys.stderr, flush=True)
            for name, result in tool(words.seconds).items():
                found.setdefault(name, []).append(result)
    print(file=sys.stderr)
    sys.exit(not holds({name: found[name] for name in sorted(found)}))


if __name__ == "__main__":
    main()
