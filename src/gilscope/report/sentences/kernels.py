"""The closing sentences about a kernel: which case is fastest, by how much, and who gains nothing from threads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from gilscope.analysis.rows import CaseRow
from gilscope.analysis.verdict import KernelVerdict, Threads, standing
from gilscope.report.figures import gain, interval, joined, per_second, quotient, times
from gilscope.report.labels import label, mark
from gilscope.report.sentences.predictions import limit_sentences

NAMED_TIES = 4  # a sentence names no more


def closing(found: KernelVerdict) -> str:
    """Say which case of a kernel wins, by how much, and who gains nothing from threads."""
    if not found.fastest:
        return f"No case of {found.kernel} could be measured."
    used = hardware_words(found.fastest[0])
    known = (
        *([f"{label(found.fastest[0])} uses {used}."] if used else []),
        *(_threads(found.threads) if found.threads else ()),
        *limit_sentences(found.limited),
    )
    sentences = [_fastest(found), *known, *_doubts(found)]
    return " ".join([*filter(None, [provisional(found)]), *sentences])


def hardware_words(row: CaseRow) -> str:
    """Say what a case uses of the hardware: ``94 % of the memory bandwidth``; empty where that is not known."""
    if row.hardware is None:
        return ""
    roof = {"bandwidth": "the memory bandwidth", "arithmetic": "peak arithmetic"}[row.hardware.bound_by]
    return f"{row.hardware.share.value:.0%} of {roof}".replace("%", " %")


def provisional(found: KernelVerdict) -> str:
    """Say what verdicts are worth when there were too few blocks for 95 %; empty where there were enough."""
    if not found.provisional:
        return ""
    assert found.confidence is not None
    level = math.floor(100 * found.confidence)
    return f"Provisional, at {level} % confidence:" if level else "Provisional, from a single block:"


def _fastest(found: KernelVerdict) -> str:
    top = found.fastest[0]
    where = f"On {found.workers} workers" if found.workers > 1 else "On one worker"
    if len(found.fastest) > NAMED_TIES:
        return f"{where} {len(found.fastest)} cases tie for fastest: their intervals overlap."
    rate = f" at {per_second(top.rate)}" if top.rate is not None else ""
    if len(found.fastest) > 1:
        names = joined(label(row) + mark(row) for row in found.fastest)
        return f"{where} {names} tie for fastest{rate}."
    measured = not top.case.is_single and top.speedup is not None and top.speedup.has_interval
    over_itself = f": {gain(top)} over its own single thread" if measured else ""
    return f"{where} {label(top)}{mark(top)} is fastest{rate}{over_itself}{_over_python(found, top)}."


def _over_python(found: KernelVerdict, top: CaseRow) -> str:
    """Relate the fastest to serial pure Python, with the size where it differs."""
    plain = found.plain
    if plain is None or top.case.implementation == "py_loop":
        return ""
    size = f" (measured at {plain.case.size})" if plain.case.size != top.case.size else ""
    joint = ", " if top.speedup is not None and not top.case.is_single else ": "
    return f"{joint}{times(quotient(standing(top), standing(plain)))} the pure-Python loop{size}"


def _threads(found: Threads) -> Iterator[str]:
    if found.bound:
        it = "it holds" if len(found.bound) == 1 else "they hold"
        yield f"Threads give {_gains(found.bound)}: {it} the GIL."
    if found.unexplained:
        yield f"Threads give {_gains(found.unexplained)}, but the machine's limit is not certainly higher."
    if found.unclear:
        yield f"Cannot tell whether threads help {_gains(found.unclear)}: the interval is too wide."
    if found.without_gil:
        yield f"Without a GIL threads give {_gains(found.without_gil)}."
    for executor, rows in found.instead.items():
        if rows:
            yield f"{executor.capitalize()} give {_gains(rows)}."
    if found.gaining:
        yield f"Threads give {_gains(found.gaining)}: computing without the GIL."
    if found.flat:
        yield f"Threads give only {_gains(found.flat)}, though the GIL is released."


def _gains(rows: Iterable[CaseRow]) -> str:
    return joined(f"{row.case.implementation}{mark(row)} {gain(row)}" for row in rows)


def _doubts(found: KernelVerdict) -> Iterator[str]:
    """Say what the controls take away from the sentences before."""
    if found.short is not None:
        workers = found.short.case.workers
        yield f"The machine's limit is only {interval(found.short.speedup)} with {workers} workers: compare with that."
    for row in found.uneven:
        yield f"The same code measured twice differs by {interval(row.speedup)}: smaller differences mean nothing."
