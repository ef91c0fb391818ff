"""Does the comparison show what is known to be true? Run after run, on this machine, now.

``python -m benchmarks.selfbench.claims gil [KERNEL...] [--runs 5] [--budget 120]``
    what holds the GIL gains nothing from a second thread, what releases it gains what the machine gives;
``python -m benchmarks.selfbench.claims interpreters [KERNEL...] [--runs 1] [--budget 60]``
    what holds the GIL gains nothing from a second thread, and what the machine gives from a second interpreter (Python
    3.14, or 3.13 with the extra ``interpreters``);
``python -m benchmarks.selfbench.claims interpreter_axis [KERNEL...] --python 3.11 --python 3.13t [--runs 5]``
    on the same free-threaded binary, what holds the GIL gains nothing from a second thread with it, and what the
    machine gives without it; on interpreters with the GIL nothing either;
``python -m benchmarks.selfbench.claims contention --python 3.13t [--runs 5] [--budget 60]``
    without the GIL, threads that share an object lose to threads that do not, and the finding is ``contention``;
``python -m benchmarks.selfbench.claims aa [--runs 20] [--budget 10]``
    the interval of serial against serial contains 1.

Exit status 1 when a claim fails. Intervals, not values, are held against the limits.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# (case without kernel and size, figure, bound of the interval, above or below, limit)
Claim = tuple[str, str, str, str, float]

GIL_WORDS = ("--implementations", "py_loop,cy_gil,cy_nogil,cy_prange,nb_gil,nb_nogil,nb_prange")
GIL: tuple[Claim, ...] = (
    ("py_loop@threads*2", "speedup", "high", "below", 1.25),
    ("cy_gil@threads*2", "speedup", "high", "below", 1.25),
    ("nb_gil@threads*2", "speedup", "high", "below", 1.25),
    ("cy_nogil@threads*2", "relative_efficiency", "low", "above", 0.85),
    ("nb_nogil@threads*2", "relative_efficiency", "low", "above", 0.85),
    ("cy_prange@native*2", "relative_efficiency", "low", "above", 0.85),
    ("nb_prange@native*2", "relative_efficiency", "low", "above", 0.85),
    ("py_loop@processes*2", "relative_efficiency", "low", "above", 0.75),
)

INTERPRETERS_WORDS = ("--implementations", "py_loop,cy_gil", "--executors", "threads,interpreters")
INTERPRETERS: tuple[Claim, ...] = (
    ("py_loop@threads*2", "speedup", "high", "below", 1.25),
    ("cy_gil@threads*2", "speedup", "high", "below", 1.25),
    ("py_loop@interpreters*2", "relative_efficiency", "low", "above", 0.75),
    ("cy_gil@interpreters*2", "relative_efficiency", "low", "above", 0.75),
)


def measure(*words: str, verb: str = "run", out: Path | None = None) -> dict[str, Any]:
    """Run ``gilscope run``, or another verb, and return its analysis; a status other than 0 ends the program.

    ``out`` is a folder to be made for the result, which is otherwise thrown away.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = ("--json", "--quiet", "--out", str(out or Path(folder) / "r"))
        command = [sys.executable, "-m", "gilscope", verb, *words, *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"gilscope {verb} {' '.join(words)} ended with exit status {done.returncode}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def spin(document: dict[str, Any]) -> str:
    """Say what the machine gave."""
    for row in document["controls"]:
        if row["kernel"] == "spin" and row["speedup"]:
            e = row["speedup"]
            return f"spin(2) {e['value']:.2f} [{e['low']:.2f}, {e['high']:.2f}]"
    return "no spin control"


def judged(document: dict[str, Any], claims: Sequence[Claim]) -> Iterator[tuple[str, str, bool]]:
    """Yield (case, what was seen, whether the claim holds)."""
    for claim, figure, bound, side, limit in claims:
        row = next(r for r in document["cases"] if r["case"].partition("/")[2].partition("#")[0] == claim)
        e = row[figure]
        if e is None:
            yield row["case"], f"{row['status']}: {row['reason']}", False
            continue
        holds = e[bound] < limit if side == "below" else e[bound] > limit
        yield row["case"], f"{figure} {e['value']:.3f} [{e['low']:.3f}, {e['high']:.3f}], {bound} {side} {limit}", holds


def hold(claims: Sequence[Claim], words: Sequence[str], kernels: list[str], runs: int, budget: str) -> bool:
    """Check claims on two workers, kernel by kernel, run by run."""
    fine = True
    for kernel in kernels:
        for number in range(1, runs + 1):
            document = measure(kernel, "--workers", "2", *words, "--budget", budget)
            results = list(judged(document, claims))
            fine &= all(holds for *_, holds in results)
            blocks = document["kernels"][0]["blocks"]
            held = sum(holds for *_, holds in results)
            print(f"{kernel} run {number}: {held} of {len(results)} hold; {blocks} blocks; {spin(document)}")
            for case, seen, holds in results:
                print(f"  {'holds' if holds else 'FAILS'}  {case:36} {seen}", flush=True)
    return fine


def aa(runs: int, budget: str) -> bool:
    """Count the runs whose A/A interval contains 1; at least 17 of 20 must (95 % intervals: 19 are expected)."""
    contained = 0
    for number in range(1, runs + 1):
        words = ("--implementations", "cy_nogil", "--executors", "serial", "--workers", "1")
        document = measure("mandelbrot", *words, "--budget", budget, "--precision", "0.1%")
        e = next(row for row in document["controls"] if row["kernel"] == "A/A")["speedup"]
        inside = e["low"] <= 1.0 <= e["high"]
        contained += inside
        seen = f"{e['value']:.4f} [{e['low']:.4f}, {e['high']:.4f}] of {e['blocks']} blocks"
        print(f"run {number}: A/A {seen} {'contains' if inside else 'MISSES'} 1", flush=True)
    print(f"{contained} of {runs} contain 1")
    return contained >= runs * 17 / 20


def main() -> None:
    """Read the words and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claim", choices=("gil", "interpreters", "interpreter_axis", "contention", "aa"))
    parser.add_argument("kernels", nargs="*")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--budget")
    parser.add_argument("--python", action="append", default=[])
    asked = parser.parse_args()
    if asked.claim in ("interpreter_axis", "contention"):
        from benchmarks.selfbench import across

        check = across.interpreter_axis if asked.claim == "interpreter_axis" else across.contention
        sys.exit(not check(asked.python, asked.kernels, asked.runs or 5, asked.budget))
    if asked.claim == "aa":
        sys.exit(not aa(asked.runs or 20, asked.budget or "10"))
    if asked.claim == "interpreters":
        kernels = asked.kernels or ["mandelbrot", "primes"]
        sys.exit(not hold(INTERPRETERS, INTERPRETERS_WORDS, kernels, asked.runs or 1, asked.budget or "60"))
    kernels = asked.kernels or ["mandelbrot", "montecarlo_pi", "nbody"]
    sys.exit(not hold(GIL, GIL_WORDS, kernels, asked.runs or 5, asked.budget or "120"))


if __name__ == "__main__":
    main()
