"""The closing sentences about the user's own functions: which way is best, and what stops the others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from gilscope.analysis.matrix import OPEN, outcome
from gilscope.analysis.rows import CaseRow
from gilscope.analysis.verdict import GAIN, FunctionVerdict, KernelVerdict
from gilscope.report.figures import gain, joined, per_second, seconds, times
from gilscope.report.labels import named, way
from gilscope.report.sentences.kernels import NAMED_TIES, hardware_words, provisional
from gilscope.report.sentences.predictions import limit_sentences

if TYPE_CHECKING:
    from gilscope.kernels.user import Request

_UNDECIDED = {
    "machine": ": the machine's limit is no higher.",
    "state": ": its calls are not the same work.",
    "noise": "; use a larger --budget or a quieter machine.",
}


def closing(found: KernelVerdict) -> str:
    """Say for each function which way is best and what stops the others; then how small a task may be."""
    fastest = [_fastest(found)] if len(found.functions) > 1 else []
    each = (text for function in found.functions for text in about(function))
    return " ".join(filter(None, [provisional(found), *fastest, *each]))


def sentence(found: KernelVerdict, function: FunctionVerdict) -> str:
    """Say the verdict of one function."""
    return " ".join(filter(None, [provisional(found), *about(function)]))


def _fastest(found: KernelVerdict) -> str:
    top = found.fastest[0]
    if len(found.fastest) > NAMED_TIES:
        return f"{len(found.fastest)} cases tie for fastest: their intervals overlap."
    if len(found.fastest) > 1:
        return f"{joined(map(named, found.fastest))} tie for fastest."
    return f"Fastest is {named(top)} at {per_second(top.rate)}." if top.rate is not None else ""


def about(found: FunctionVerdict) -> Iterator[str]:
    """Yield what is said about a function, which way is best first."""
    if not found.ways:
        return
    name, best = found.function, found.best
    if best:
        ties = f", tied with {joined(map(way, best[1:]))}" if len(best) > 1 else ""
        one = "one that does" if best[0].case.memory else "one call at a time"
        top = way(best[0])
        said = f"{top} look best, not certain:" if outcome(best[0]) == OPEN else f"best with {top},"
        yield f"{name}: {said} {gain(best[0])} over {one}{ties}."
    elif found.open_because:
        what = "which way is best" if found.gains else "whether more workers help"
        yield f"{name}: undecided {what}{_UNDECIDED[found.open_because]}"
    else:
        kept = " over one thread that keeps its memory" if found.kept else ""
        yield f"{name}: nothing gains {GAIN}x{kept}; run one call at a time."
    if used := hardware_words(most := next(iter(best or found.ways))):
        yield f"{way(most)} use {used}."
    if gains := [f"{_threads(row)} {times(row.kept_memory_speedup)}" for row in found.kept if row.kept_memory_speedup]:
        how = ": see page_faults" if any("page_faults" in row.codes for row in found.ways) else ""
        yield f"Keeping memory between calls makes {joined(gains)} as fast{how}."
    for row in found.ways:
        if row is not next(iter(best), None):
            why = f": {', '.join(row.causes)}" if row.causes else ""
            name = way(row)
            yield f"{name[0].upper()}{name[1:]} give {gain(row)}{why}."
    yield from limit_sentences(found.limited)
    yield _smallest(found)


def _threads(row: CaseRow) -> str:
    return "one thread" if row.case.is_single else way(replace(row, case=replace(row.case, memory="")))


def _smallest(found: FunctionVerdict) -> str:
    """Relate the length of a call to what handing it over costs: below that, hand over batches."""
    serial, cost_s = found.serial, found.hand_over_s
    if serial is None or serial.rate is None or cost_s is None:
        return ""
    call_s = 1.0 / serial.rate.value
    pool = f"a pool of {found.best[0].case.executor}"
    text = f"Handing one task to {pool} costs {seconds(cost_s)}, a call takes {seconds(call_s)}"
    if call_s > 10 * cost_s:
        return f"{text}: submit calls one by one."
    return f"{text}: submit batches of {max(2, -(-10 * cost_s // call_s)):.0f} or more (map with chunksize)."


def preamble(request: Request) -> str:
    """Say in one line what will be imported and run."""
    args, kwargs = ast.literal_eval(request.arguments)
    given = [
        *(["item"] if request.items else []),
        *(["*made"] if request.setup else []),
        *(f"{value!r:.60}" for value in args),
        *(f"{name}={value!r:.60}" for name, value in kwargs.items()),
    ]
    calls = [f"{function.target}({', '.join(given)})" for function in request.functions]
    others = {"arguments by": request.setup, "items by": request.items, "checked by": request.check}
    more = [f"{what} {target}" for what, target in others.items() if target]
    return f"imports from {request.folder} and calls {', '.join([*calls, *more])}; one call is one task"
