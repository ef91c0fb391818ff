"""Claims about interpreters: with and without the GIL on the same binary, and what replaces it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.selfbench.claims import measure, spin

Judge = Callable[[dict[str, Any]], Iterator[tuple[str, str, bool]]]

HOLDING = ("py_loop", "cy_gil")
NOTHING_GAINED = 1.25
GAINED = 0.75
SHARED_AT_MOST = 0.6
"""Rate of two threads on a shared object over that on private ones. The probe was built to show less than half: the
count of the object travels between the cores at every reference."""


def interpreter_axis(pythons: Sequence[str], kernels: Sequence[str], runs: int, budget: str | None) -> bool:
    """Check, run by run, that the GIL and nothing else keeps threads from gaining."""
    words = [*(kernels or ("mandelbrot", "primes")), *_words(pythons or ("3.11", "3.13t")), "--gil", "both"]
    words += ["--workers", "2", "--executors", "threads", "--implementations", ",".join(HOLDING)]
    return _hold([*words, "--budget", budget or "90"], runs, _axis)


def contention(pythons: Sequence[str], kernels: Sequence[str], runs: int, budget: str | None) -> bool:
    """Check, run by run, that sharing an object costs what the probe was built to show, and is found."""
    words = ["shared_object", "private_object", *_words(pythons or ("3.13t",)), "--gil", "off"]
    words += ["--workers", "2", "--executors", "threads"]
    return _hold([*words, "--budget", budget or "60"], runs, _shared)


def _hold(words: Sequence[str], runs: int, judge: Judge) -> bool:
    results = [_told(number, measure(*words), judge) for number in range(1, runs + 1)]
    return all(results)


def _words(pythons: Sequence[str]) -> list[str]:
    return [word for python in pythons for word in ("--python", python)]


def _told(number: int, document: dict[str, Any], judge: Judge) -> bool:
    """Print what a run showed; return whether everything holds."""
    results = list(judge(document))
    held = sum(holds for _, _, holds in results)
    blocks = ", ".join(f"{row['kernel']} {row['blocks']}" for row in document["kernels"])
    print(f"run {number}: {held} of {len(results)} hold; blocks: {blocks}; {spin(document)}")
    for case, seen, holds in results:
        print(f"  {'holds' if holds else 'FAILS'}  {case:40} {seen}", flush=True)
    for row in document["prices"]:
        print(f"  price  {row['case']:40} {_shown(row['time_ratio'])} times as long as on {row['versus']}", flush=True)
    return held == len(results)


def _axis(document: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield (case, what was seen, whether the claim holds) of every parallel case."""
    for row in document["cases"]:
        if row["executor"] != "threads":
            continue
        figure = "speedup" if row["gil"]["enabled"] else "relative_efficiency"
        found = row[figure]
        if found is None:
            yield row["case"], f"{row['status']}: {row['reason']}", False
        elif row["gil"]["enabled"]:
            holds = found["high"] < NOTHING_GAINED
            yield row["case"], f"{figure} {_shown(found)}, high below {NOTHING_GAINED}", holds
        else:
            yield row["case"], f"{figure} {_shown(found)}, low above {GAINED}", found["low"] > GAINED


def _shared(document: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    shared, private = (
        next(row for row in document["cases"] if (row["kernel"], row["executor"]) == (kernel, "threads"))
        for kernel in ("shared_object", "private_object")
    )
    codes = ", ".join(shared["findings"]) or "none"
    yield shared["case"], f"findings {codes}", "contention" in shared["findings"]
    codes = ", ".join(private["findings"]) or "none"
    yield private["case"], f"findings {codes}", "contention" not in private["findings"]
    if shared["rate"] is None or private["rate"] is None:
        yield shared["case"], "no rate", False
        return
    # Two kernels share no blocks: the ends are the widest the two intervals allow.
    high = shared["rate"]["high"] / private["rate"]["low"]
    value = shared["rate"]["value"] / private["rate"]["value"]
    seen = f"{value:.2f} times the rate of private objects, at most {high:.2f}, below {SHARED_AT_MOST}"
    yield shared["case"], seen, high < SHARED_AT_MOST


def _shown(estimate: dict[str, Any]) -> str:
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"
