"""What is said beside a table: what the columns refer to, what was not measured and why, what spoils the numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from gilscope.analysis.answer import Answer
from gilscope.analysis.rows import CaseRow, ControlRow, Role
from gilscope.report.figures import counted, interval, joined, per_second, seconds, times
from gilscope.report.labels import OVER_SUBSCRIBED, label, mark, named
from gilscope.report.sentences.findings import unexplained_note
from gilscope.stats.intervals import DEFAULT_CONFIDENCE, MIN_BLOCKS

_WORTH_SAYING_S = 0.01  # one-time costs below this matter to no job worth measuring
_ONE_TIME = {"start": "starting workers", "import": "import", "jit": "JIT", "transfer": "sending inputs"}


def controls_note(answer: Answer, kernel: str) -> Iterator[str]:
    """Say the limits of machine and memory while the kernel was measured, and how quiet it was."""

    def gave(role: Role, name: Callable[[ControlRow], str], least: int = 1) -> str:
        rows = (row for row in answer.controls_of(kernel, role) if row.speedup is not None)
        return ", ".join(f"{name(row)} {interval(row.speedup)}" for row in rows if row.case.workers >= least)

    controls = {
        "machine's limit": gave("spin", lambda row: f"spin({row.case.workers})", least=2),
        "memory's limit": gave(
            "isolated", lambda row: f"isolated {row.case.implementation}({row.case.workers}){mark(row)}"
        ),
        "noise floor": gave("A/A", lambda row: "A/A"),
    }
    yield "; ".join(f"{what}: {names}" for what, names in controls.items() if names)


def precision_note(answer: Answer, kernel: str) -> Iterator[str]:
    """Say how many blocks there are, and how narrow the intervals became against what was asked."""
    study = answer.kernel(kernel)
    if study is None:
        return
    count = counted(study.blocks, "block")
    level = answer.verdict(kernel).confidence
    if level is not None and level < DEFAULT_CONFIDENCE:
        worth = f"{math.floor(100 * level)} % confidence instead of 95 %" if level else "no interval"
        yield f"only {count} fit: {worth}; use a larger --budget ({MIN_BLOCKS} blocks give 95 %)"
    elif study.precision_reached is None:
        yield count
    else:
        text = f"{count}, widest interval ±{100 * study.precision_reached:.1f} %"
        reached = "reached" if study.target_met else "not reached: a larger --budget narrows it"
        asked = "" if study.target is None else f" (asked ±{100 * study.target:g} %, {reached})"
        yield f"{text}{asked}{_may_miss(answer.by_kernel[kernel])}"


def _may_miss(rows: Sequence[CaseRow]) -> str:
    """Say how many intervals may miss at most, where one or more: a sum, which holds however cases depend."""
    shown = [found for row in rows if (found := row.judged or row.rate) is not None and found.has_interval]
    missing = round(sum(1.0 - found.confidence for found in shown), 6)
    return f"; about {missing:.0f} of the {len(shown)} cases' intervals may miss the truth" if missing >= 1.0 else ""


def serial_note(answer: Answer, kernel: str) -> Iterator[str]:
    """Say what the column 'vs best serial' refers to."""
    best = answer.fastest_serial(kernel)
    if best is not None and best.rate is not None:
        yield f"fastest on one thread: {label(best)}{mark(best)} at {best.case.size}, {per_second(best.rate)}"


def price_notes(answer: Answer, kernel: str) -> Iterator[str]:
    """Say per pair of interpreters what one thread takes under the first in terms of the second."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for price in answer.prices:
        if price.case.kernel == kernel:
            cost = f"{price.case.implementation} {times(price.time_ratio)}"
            pairs.setdefault((price.case.interpreter, price.versus.interpreter), []).append(cost)
    for (mine, other), costs in pairs.items():
        yield f"one thread on {mine} takes, relative to {other}: {', '.join(costs)}"


def unavailable_notes(answer: Answer, kernel: str) -> Iterator[str]:
    """Say once per reason which cases cannot be measured here."""
    present: dict[str, set[str]] = {}
    by_reason: dict[tuple[str, str], list[CaseRow]] = {}
    for row in answer.by_kernel[kernel]:
        if row.status == "unavailable":
            by_reason.setdefault((row.why or "no reason given", mark(row)), []).append(row)
        else:
            present.setdefault(mark(row), set()).add(row.case.implementation)
    groups: dict[tuple[str, str], list[str]] = {}
    for (reason, under), same in by_reason.items():
        groups.setdefault((_compact(same, present.get(under, ())), reason), []).append(under)
    for (names, reason), marks in groups.items():
        where = f" on {joined(under.removeprefix(' on ') for under in marks)}" if any(marks) else ""
        yield f"{names}{where}: {reason}"


def _compact(rows: Sequence[CaseRow], present: Collection[str]) -> str:
    """Name many rows as implementations (executors); an implementation that is nowhere present by its name alone."""
    executors: dict[str, dict[str, None]] = {}
    for row in rows:
        names = executors.setdefault(row.case.implementation, {})
        if row.case.implementation in present:
            names[row.case.how] = None
    implementations: dict[tuple[str, ...], list[str]] = {}
    for implementation, names in executors.items():
        implementations.setdefault(tuple(names), []).append(implementation)
    return "; ".join(
        ", ".join(group) + (f" ({', '.join(names)})" if names else "") for names, group in implementations.items()
    )


def trouble_notes(answer: Answer, kernel: str) -> Iterator[str]:
    """Say of each case that failed what happened."""
    for row in answer.by_kernel[kernel]:
        if row.status not in ("ok", "unavailable", "too_noisy"):
            reason = row.reason.removeprefix(f"{row.case.id}: ") or "no reason given"
            text = f"{row.case.id}: {row.status.replace('_', ' ')}: {reason}"
            yield "; ".join(filter(None, (text, row.cure)))


def noise_note(answer: Answer, kernel: str) -> Iterator[str]:
    """Name the cases whose intervals are too wide to say anything."""
    noisy = [row for row in answer.by_kernel[kernel] if row.status == "too_noisy"]
    if noisy:
        names, fixes = ", ".join(map(named, noisy)), dict.fromkeys(row.cure for row in noisy if row.cure)
        yield "; ".join([f"the intervals of {names} are too wide to say anything", *fixes])


def over_subscribed_note(answer: Answer, kernel: str) -> Iterator[str]:
    """Explain the mark of rows with more workers than usable CPUs."""
    if any(row.over_subscribed and row.status != "unavailable" for row in answer.by_kernel[kernel]):
        yield f"more workers than the {answer.surroundings.cpus.count} usable CPUs"


def one_time_note(answer: Answer, kernel: str) -> Iterator[str]:
    """Say the largest one-time cost of each kind and who pays it; they are part of no rate."""
    parts = []
    for name, what in _ONE_TIME.items():
        paid = [(row.one_time_s[name], row) for row in answer.by_kernel[kernel] if row.one_time_s.get(name)]
        most_s, row = max(paid, key=lambda pair: pair[0], default=(0.0, None))
        if row is not None and most_s >= _WORTH_SAYING_S:
            cache = f" ({row.jit_cache})" if name == "jit" and row.jit_cache != "none" else ""
            parts.append(f"{what}{cache} {seconds(most_s)} ({label(row)}{mark(row)})")
    if parts:
        yield f"not in the rates, at most: {', '.join(parts)}"


class Note(NamedTuple):
    """One kind of note: its label in the terminal, its title on a page, and what says it."""

    label: str
    title: str
    say: Callable[[Answer, str], Iterator[str]]


def notes_of(answer: Answer, kernel: str) -> Iterator[tuple[Note, str]]:
    """Yield everything that is said beside the table of a kernel, in the order of ``NOTES``."""
    return ((note, text) for note in NOTES for text in note.say(answer, kernel) if text)


NOTES: Sequence[Note] = (
    Note("n/a", "Not available", unavailable_notes),
    Note("failed", "Failed", trouble_notes),
    Note("noisy", "Noisy", noise_note),
    Note("versus", "Against", serial_note),
    Note("price", "Price", price_notes),
    Note("machine", "Machine", controls_note),
    Note("one-time", "One-time costs", one_time_note),
    Note("precision", "Precision", precision_note),
    Note(OVER_SUBSCRIBED, f"Marked {OVER_SUBSCRIBED}", over_subscribed_note),
    Note("residual", "Unexplained", unexplained_note),
)
