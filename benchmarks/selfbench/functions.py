"""Is what the profiler says of a function right? Thirty functions whose right answer is known.

``python -m benchmarks.selfbench.functions [NAME...] [--budget 10] [--repeat 1] [--load]``

``gilscope profile FUNCTION`` on two workers: functions of the standard library, NumPy and Numba that hold the GIL for a
part of the time, stream through memory, wait for locks, compute in byte code or in C code that holds the GIL or
releases it, use library threads, sleep or read. What is right, and why, is in `known_answers`; a share of held time or
a memory system's limit that an answer depends on is timed without gilscope and without a load, before and after each
function, for they change from minute to minute on machines that are shared.

Printed are the right answer and its reason, and what was given for threads. An answer is *decided* when a cause other
than noise is named, and whether threads gain, and whether anything does, is said. It is *wrong* when a cause is named
that is not there, when a gain is said that is none or denied that is one, or when the speed-up is certainly another.
``--load`` measures beside one process that computes all the time. Exit status 1 when one is wrong, or when, without a
load, more than two of a repetition are not decided.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from benchmarks.selfbench.claims import measure
from benchmarks.selfbench.known_answers import CLOSE, KNOWN, ROOT, Answer, Known
from benchmarks.selfbench.noise import NOISE, background_load
from gilscope.analysis.verdict import GAIN

UNDECIDED = 2
"""Of thirty functions on a quiet machine, how many may be left open."""

NESTED = frozenset({"nested_parallelism", "scales"})
"""What may be said of workers whose libraries use threads of their own: they lose by it, or the calls are too small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was said of two threads: ``wrong`` has a reason for each thing that is."""

    codes: tuple[str, ...]
    speedup: Mapping[str, float] | None
    gains: bool | None
    decided: bool
    wrong: tuple[str, ...]


def gains(speedup: Mapping[str, float] | None) -> bool | None:
    """Whether a speed-up certainly is a gain, or certainly none."""
    if speedup is None:
        return None
    return True if speedup["low"] > GAIN else False if speedup["high"] < GAIN else None


def _judged(row: Mapping[str, Any]) -> Mapping[str, float] | None:
    """Return the speed-up that decisions go by; None where it has no interval, as that of one block."""
    found: Mapping[str, float] | None = row["net_speedup"] or row["speedup"]
    return found if found and found["blocks"] > 1 else None


def judge(answer: Answer, document: Mapping[str, Any]) -> Given:
    """Compare what an analysis says of two threads, and of all ways together, with what is right."""
    two = [row for row in document["cases"] if row["workers"] == 2]
    row = next(row for row in two if row["executor"] == "threads" and not (row["libraries"] or row.get("memory")))
    spin = next(row for row in document["controls"] if row["kernel"] == "spin" and row["workers"] == 2)
    codes, speedup, said = tuple(row["findings"]), _judged(row), gains(_judged(row))
    [verdict] = document["verdicts"]
    wrong = [code for code in codes if code not in answer.findings | NOISE]
    for other in two:
        if other["libraries"] == "all":
            wrong += [f"{code} of nested threads" for code in other["findings"] if code not in NESTED | NOISE]
    if None not in (said, answer.gains) and said != answer.gains:
        wrong.append(f"threads {'gain' if said else 'do not gain'}")
    if answer.processes is not None and verdict["gains"] is (not (answer.processes or answer.gains)):
        wrong.append(f"{'something' if verdict['gains'] else 'nothing'} gains")
    given = _judged(spin)
    share = min(1.0, given["low"] / 2.0) if given else 1.0
    if speedup and not share * answer.low * (1 - CLOSE) <= speedup["high"]:
        wrong.append(f"speed-up below {answer.low:.2f}")
    if speedup and speedup["low"] > answer.high * (1 + CLOSE):
        wrong.append(f"speed-up above {answer.high:.2f}")
    decided = bool(set(codes) - NOISE) and said is not None and verdict["gains"] is not None
    return Given(codes=codes, speedup=speedup, gains=said, decided=decided, wrong=tuple(wrong))


def name_of(known: Known) -> str:
    """Return what a function is called on the command line and in the table."""
    module, _, name = known.words[0].partition(":")
    return name if module.startswith("benchmarks.") else f"{module}.{name}".removeprefix("builtins.")


HEAD = (
    "| function | kind | right | why | given | speed-up | decided | wrong |\n"
    "|---|---|---|---|---|---|---|---|"
)  # fmt: skip
_GAINS = {True: "gains", False: "no gain", None: "either"}


def line(known: Known, answer: Answer, given: Given) -> str:
    """Lay out a row of the table."""
    found = given.speedup
    figure = f"{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]" if found else "-"
    limits = f"{answer.low:.2f} to {answer.high:.2f}" if answer.low < answer.high else f"{answer.high:.2f}"
    right = f"{', '.join(sorted(answer.findings))}; {_GAINS[answer.gains]}, {limits}"
    cells = (
        name_of(known),
        known.kind,
        right,
        answer.why,
        ", ".join(given.codes) or "-",
        figure,
        "yes" if given.decided else "no",
        "; ".join(given.wrong) or "-",
    )
    return f"| {' | '.join(cells)} |"


def profiled(chosen: Sequence[Known], budget: str, *, load: bool) -> Iterator[Given]:
    """Profile functions and judge what is said."""
    for known in chosen:
        answer = known.resolved()
        with background_load(1) if load else nullcontext():
            document = measure(*known.words, "--workers", "2", "--budget", budget, verb="profile")
        answer = answer.until(known.resolved())
        given = judge(answer, document)
        print(line(known, answer, given), flush=True)
        yield given


def holds(given: Sequence[Given], load: bool) -> bool:
    """Print the totals of one repetition; return whether the claim holds."""
    decided, wrong = sum(one.decided for one in given), sum(bool(one.wrong) for one in given)
    print(f"\n{decided} of {len(given)} decided, {wrong} wrong{' beside a load' if load else ''}\n", flush=True)
    return not wrong and (load or len(given) - decided <= UNDECIDED)


def main() -> None:
    """Time, profile, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(map(name_of, KNOWN))}")
    parser.add_argument("--budget", default="10")
    parser.add_argument("--repeat", type=int, default=1, metavar="N")
    parser.add_argument("--load", action="store_true", help="beside one process that computes all the time")
    words = parser.parse_args()
    by_name = {name_of(known): known for known in KNOWN}
    unknown = [name for name in words.names if name not in by_name]
    if unknown:
        parser.error(f"no such function: {', '.join(unknown)}")
    os.chdir(ROOT)  # where targets are looked for
    asked = [by_name[name] for name in words.names] or list(KNOWN)
    missing = [known for known in asked if known.needs and importlib.util.find_spec(known.needs) is None]
    for known in missing:
        print(f"{name_of(known)}: n/a, needs {known.needs}: pip install 'gilscope[{known.needs}]'")
    chosen = [known for known in asked if known not in missing]
    fine = True
    for _ in range(words.repeat):
        print(HEAD)
        fine &= holds(list(profiled(chosen, words.budget, load=words.load)), words.load)
    sys.exit(not fine)


if __name__ == "__main__":
    main()
