"""Do the gates decide, and never wrongly? One function that scales and one that holds the GIL, time after time.

``python -m benchmarks.selfbench.gate [--repeats 50] [--load 0] [--budget 12] [--gate scaling|gil|all] [--keep FILE]``

``--load N`` keeps N other processes busy meanwhile. ``--keep FILE`` appends every decision to FILE and goes on where it
ends. Exit status 1 unless no decision was wrong, and enough were made: 9 of 10 without a load, of those whose A/A
control was known to 3 %; half of all with one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gilscope.testing import GilGate, ScalingResult, Undecided

QUIET = 0.03
"""Half-width of the A/A control below which a gate must decide."""

SPIN = "while True: pass"


def scales() -> None:
    """Hash in C code that releases the GIL."""
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 500)


def holds() -> int:
    """Compute in byte code."""
    return sum(i * i for i in range(3000))


def scaling(func: Callable[[], Any], budget_s: float) -> dict[str, Any]:
    """Demand 0.8 of what the machine gives; return the decision."""
    told: list[dict[str, Any]] = []
    result = ScalingResult(func=func, args=(), kwargs={}, budget_s=budget_s, report=told.append)
    try:
        result.require(relative_efficiency=0.8)
    except (AssertionError, Undecided):
        pass
    return told[0]


def gil(func: Callable[[], Any], budget_s: float) -> dict[str, Any]:
    """Demand that the GIL is free most of the time; return the decision."""
    told: list[dict[str, Any]] = []
    try:
        GilGate(report=told.append).assert_released(func, at_least=0.9)
    except (AssertionError, Undecided):
        pass
    return told[0]


GATES = {"scaling": scaling, "gil": gil}
RIGHT = {"scales": "passed", "holds": "failed"}
FUNCTIONS = {"scales": scales, "holds": holds}


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep so many other processes busy."""
    busy = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def half_width(estimate: dict[str, float] | None) -> float:
    """Return the relative half-width of an interval; infinite where there is none."""
    if not estimate:
        return float("inf")
    return max(estimate["high"] - estimate["value"], estimate["value"] - estimate["low"]) / estimate["value"]


def repeat(words: argparse.Namespace, known: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield decisions until there are enough of each gate and function, one function after the other."""
    for number in range(words.repeats):
        for gate in words.gates:
            for name, func in FUNCTIONS.items():
                if sum((d["gate"], d["of"]) == (gate, name) for d in known) > number:
                    continue
                begin = time.monotonic()
                decision = GATES[gate](func, words.budget)
                yield {**decision, "of": name, "load": words.load, "took_s": round(time.monotonic() - begin, 2)}


def summary(decisions: list[dict[str, Any]], load: int) -> bool:
    """Print the counts; return whether no decision was wrong and enough were made."""
    fine = True
    for gate, name in dict.fromkeys((d["gate"], d["of"]) for d in decisions):
        own = [d for d in decisions if (d["gate"], d["of"]) == (gate, name)]
        counts = {outcome: sum(d["outcome"] == outcome for d in own) for outcome in ("passed", "failed", "open")}
        wrong = len(own) - counts[RIGHT[name]] - counts["open"]
        asked = own if load or gate != "scaling" else [d for d in own if half_width(d["noise_floor"]) < QUIET]
        decided = sum(d["outcome"] != "open" for d in asked)
        enough = decided >= (0.5 if load else 0.9) * len(asked)
        fine &= not wrong and enough
        took = sorted(d["took_s"] for d in own)
        print(
            f"{gate:7} {name:6} load {load}: {counts['passed']} passed, {counts['failed']} failed, "
            f"{counts['open']} open of {len(own)}; wrong {wrong}; "
            f"decided {decided} of the {len(asked)} {'under load' if load else f'with A/A below {QUIET:.0%}'}"
            f"{'' if enough else ': TOO FEW'}; took {took[len(took) // 2]:.1f} s, at most {took[-1]:.1f} s"
        )
    return fine


def main() -> None:
    """Read the words and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--load", type=int, default=0, metavar="N")
    parser.add_argument("--budget", type=float, default=12.0, metavar="SECONDS", help="of a scaling gate")
    parser.add_argument("--gate", choices=(*GATES, "all"), default="scaling")
    parser.add_argument("--keep", type=Path, metavar="FILE")
    parser.add_argument("--verbose", action="store_true", help="print every decision")
    words = parser.parse_args()
    words.gates = tuple(GATES) if words.gate == "all" else (words.gate,)
    decisions: list[dict[str, Any]] = []
    if words.keep is not None and words.keep.exists():
        decisions = [json.loads(line) for line in words.keep.read_text().splitlines()]
    with load(words.load):
        for decision in repeat(words, decisions):
            decisions.append(decision)
            if words.keep is not None:
                with words.keep.open("a") as file:
                    file.write(json.dumps(decision) + "\n")
            if words.verbose:
                print(f"{decision['took_s']:5.1f} s {decision['outcome']:7}{decision['message']}", flush=True)
    sys.exit(not summary(decisions, words.load))


if __name__ == "__main__":
    main()
