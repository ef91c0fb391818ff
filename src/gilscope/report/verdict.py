"""The closing sentences about the user's own functions: which way is best, and what stops the others."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from gilscope.report import facts
from gilscope.report.facts import Document, Row
from gilscope.report.figures import has_interval, seconds, si, times
from gilscope.spec import NESTED, OWN_THREADS
from gilscope.stats.intervals import DEFAULT_CONFIDENCE

__all__ = ["GAIN", "is_own", "preamble", "best_row", "verdict"]

GAIN = 1.1
"""Speed-up from which a way is worth its trouble: less is what the next change of machine or version takes away."""

_FREE = 0.7
"""Share of p that the control must reach before a function is told that no way gains."""

_POOLS = {
    "threads": "a pool of threads",
    "processes": "a pool of processes",
    "interpreters": "a pool of interpreters",
}


class Asked(Protocol):
    """What the preamble wants to know of a ``measure.own.Request``."""

    @property
    def functions(self) -> Sequence[Any]: ...
    @property
    def folder(self) -> str: ...
    @property
    def arguments(self) -> str: ...
    @property
    def packed(self) -> str: ...
    @property
    def setup(self) -> str: ...
    @property
    def items(self) -> str: ...
    @property
    def check(self) -> str: ...


def preamble(request: Asked) -> str:
    """Say in one line what will be imported and run."""
    args, kwargs = ast.literal_eval(request.arguments)
    words = [*(f"{value!r:.60}" for value in args), *(f"{name}={value!r:.60}" for name, value in kwargs.items())]
    words = (["item"] if request.items else []) + (["*made"] if request.setup else []) + words
    calls = [f"{function.target}({', '.join(words)})" for function in request.functions]
    others = {"arguments by": request.setup, "items by": request.items, "checked by": request.check}
    more = [f"{what} {target}" for what, target in others.items() if target]
    return f"imports from {request.folder} and calls {', '.join([*calls, *more])}; one call is one task"


def is_own(document: Document) -> bool:
    """Whether a result is about the user's own functions."""
    return bool(document["study"].get("functions"))


def verdict(document: Document, kernel: str) -> str:
    """Say for each function which way is best and what stops the others; then how small a task may be."""
    rows = facts.measured(facts.of_kernel(document, kernel))
    if not rows:
        return f"No case of {kernel} could be measured."
    names = list(dict.fromkeys(_function(row) for row in rows))
    sentences = [_provisional(rows)]
    if len(names) > 1:
        sentences.append(_fastest(rows))
    for name in names:
        own = [row for row in rows if _function(row) == name]
        sentences += [*_best(name, own, facts.controls(document, kernel, "spin")), _smallest(document, own)]
    return " ".join(sentence for sentence in sentences if sentence)


def best_row(rows: Sequence[Row]) -> Row | None:
    """Return the parallel row with the highest throughput that certainly gains, or None where none does."""
    gaining = [row for row in _parallel(rows) if _starts_above(row, GAIN)]
    return max(gaining, key=lambda row: row["rate"]["value"], default=None)


def _function(row: Row) -> str:
    """Return the name of the function a row is about."""
    return str(row["implementation"]).removesuffix(OWN_THREADS).removesuffix(NESTED)


def _parallel(rows: Sequence[Row]) -> list[Row]:
    """Return the rows on several workers, without more workers than CPUs unless there are no others."""
    several = [row for row in rows if row["workers"] > 1 and row["speedup"]]
    return [row for row in several if not row["over_subscribed"]] or several


def _provisional(rows: Sequence[Row]) -> str:
    level = facts.confidence(rows)
    if level is None or level >= DEFAULT_CONFIDENCE:
        return ""
    return f"Provisional, at {int(100 * level)} % confidence:" if level else "Provisional, from a single block:"


def _fastest(rows: Sequence[Row]) -> str:
    """Name the row with the highest throughput of all, or those that cannot be told from it."""
    top = max(rows, key=_standing)
    rivals = [row for row in rows if row is not top and _may_reach(row, top)]
    if rivals:
        names = ", ".join(_name(row) for row in (top, *rivals))
        return f"Fastest, and not to be told apart: {names}."
    return f"Fastest is {_name(top)} at {si(top['rate']['value'])} {top['rate']['unit']}/s."


def _standing(row: Row) -> float:
    return float((row["vs_fastest_serial"] or row["rate"])["value"])


def _may_reach(row: Row, top: Row) -> bool:
    mine, best = row["vs_fastest_serial"] or row["rate"], top["vs_fastest_serial"] or top["rate"]
    return not (has_interval(mine) and has_interval(best)) or bool(mine["high"] >= best["low"])


def _name(row: Row) -> str:
    return facts.named(row)


def _best(name: str, rows: Sequence[Row], spins: Sequence[Row]) -> Iterator[str]:
    parallel = _parallel(rows)
    if not parallel:
        return
    best = best_row(rows)
    if best is not None:
        yield f"{name}: best by {_way(best)}, {times(best['speedup'])} over one call after the other."
    elif any(_gave_less(spin, parallel) for spin in spins):
        yield f"{name}: it cannot be told whether more workers help: the machine itself gave no more to the control."
    elif any(not _ends_below(row, GAIN) for row in parallel):
        yield f"{name}: it cannot be told whether more workers help; give it a larger --budget or a quieter machine."
    else:
        yield f"{name}: no way gains {GAIN}x; run one call after the other."
    for row in parallel:
        if row is not best:
            yield _other(row)


def _gave_less(spin: Row, parallel: Sequence[Row]) -> bool:
    """Whether the machine did not certainly give the control what counts as a gain, with as many workers."""
    counts = {row["workers"] for row in parallel}
    return spin["workers"] in counts and bool(spin["speedup"]) and not _starts_above(spin, _FREE * spin["workers"])


def _way(row: Row) -> str:
    if row["executor"] == "native":
        way = f"its libraries' own {row['workers']} threads"
    elif row["implementation"].endswith(NESTED):
        way = f"{row['workers']} {facts.executor_label(row)} with its libraries' own threads in each"
    else:
        workers = " workers" if row["executor"] in ("dask", "loky") else ""  # the others are named by their workers
        way = f"{row['workers']} {facts.executor_label(row)}{workers}"
    return way + facts.mark(row)


def _other(row: Row) -> str:
    causes = [code for code in row["findings"] if code != "scales"]
    why = f": {', '.join(causes)}" if causes else ""
    way = _way(row)
    return f"{way[0].upper()}{way[1:]} give {times(row['speedup'])}{why}."


def _starts_above(row: Row, limit: float) -> bool:
    return has_interval(row["speedup"]) and bool(row["speedup"]["low"] > limit)


def _ends_below(row: Row, limit: float) -> bool:
    return has_interval(row["speedup"]) and bool(row["speedup"]["high"] < limit)


def _smallest(document: Document, rows: Sequence[Row]) -> str:
    """Relate the length of a call to what handing it over costs: below that, calls must be handed over in batches."""
    costs: Mapping[str, float] = document["environment"].get("hand_over_s", {})
    serial = next((row for row in rows if row["executor"] == "serial" and row["rate"]), None)
    best = best_row(rows)
    if serial is None or best is None or best["executor"] not in costs:
        return ""
    call_s, cost_s = 1.0 / serial["rate"]["value"], costs[best["executor"]]
    pool = _POOLS[best["executor"]]
    text = f"Handing one task to {pool} costs {seconds(cost_s)}, a call takes {seconds(call_s)}"
    if call_s > 10 * cost_s:
        return f"{text}: submit calls one by one."
    return f"{text}: hand over batches of {max(2, -(-10 * cost_s // call_s)):.0f} calls or more (map with chunksize)."
