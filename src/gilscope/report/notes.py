"""All sentences. Each is made from estimates with intervals and says no more than the intervals allow."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

from gilscope.report import facts
from gilscope.report.facts import Document, Row
from gilscope.report.figures import Estimate, has_interval, interval, quotient, seconds, si, times
from gilscope.stats.intervals import DEFAULT_CONFIDENCE, MIN_BLOCKS

__all__ = [
    "check_notes",
    "closing",
    "controls_note",
    "environment_note",
    "noise_note",
    "trouble_notes",
    "one_time_note",
    "over_subscribed_note",
    "precision_note",
    "serial_note",
    "unavailable_notes",
]

GIL_BOUND = 1.25
"""A speed-up whose interval ends below this, by workers that hold the GIL, is what the GIL leaves: far from the 2 or
more that the workers could give, and above what time-slicing and cache effects add."""

NEARLY_IDEAL = 0.85
"""Share of p that the spin control must reach for the machine to count as having given its CPUs."""

QUIET = 0.005
"""How far from 1 the interval of the A/A control may begin without raising doubt: half of the last digit shown."""

_GIL_FINDINGS = ("gil_bound", "gil_held_in_c", "gil_re_enabled")
NAMED_TIES = 4  # more names than this make no sentence
_WORTH_SAYING_S = 0.01  # one-time costs below this matter to no job worth measuring
_ONE_TIME = {"start": "starting workers", "import": "import", "jit": "JIT", "transfer": "sending inputs"}


def closing(document: Document, kernel: str) -> str:
    """Say in a few sentences which case of a kernel wins, by how much, and who gains nothing from threads.

    Compares the cases with most workers among those that do not exceed the usable CPUs.
    """
    rows = facts.measured(facts.of_kernel(document, kernel))
    if not rows:
        return f"No case of {kernel} could be measured."
    counts = [row["workers"] for row in rows if not row["over_subscribed"]]
    workers = max(counts, default=min(row["workers"] for row in rows))
    at_p = [row for row in rows if row["workers"] == workers]
    sentences = [_fastest(rows, at_p, workers)]
    if workers > 1:
        spin = next((row for row in facts.controls(document, kernel, "spin") if row["workers"] == workers), None)
        sentences += [_held(at_p, spin), _released(at_p, spin), *_doubts(document, kernel, spin)]
    return _provisional(rows) + " ".join(sentence for sentence in sentences if sentence)


def _provisional(rows: Iterable[Row]) -> str:
    """Say first what verdicts are worth when there were too few blocks for 95 %."""
    level = facts.confidence(rows)
    if level is None or level >= DEFAULT_CONFIDENCE:
        return ""
    return (
        f"Provisional, at {math.floor(100 * level)} % confidence: " if level else "Provisional, from a single block: "
    )


def _fastest(rows: Sequence[Row], at_p: Sequence[Row], workers: int) -> str:
    """Name the highest rate, or all whose intervals reach it."""
    top = max(at_p, key=lambda row: _standing(row)["value"])
    rivals = [row for row in at_p if row is not top and _may_reach(_standing(row), _standing(top))]
    where = f"On {workers} workers" if workers > 1 else "On one worker"
    if len(rivals) >= NAMED_TIES:
        return f"{where} it cannot be told which of {len(rivals) + 1} cases is fastest: their intervals overlap."
    if rivals:
        names = _join(facts.label(row) + facts.mark(row) for row in (top, *rivals))
        return f"{where} {names} are fastest and cannot be told apart{_at_rate(top)}."
    name = facts.label(top) + facts.mark(top)
    return f"{where} {name} is fastest{_at_rate(top)}{_over_itself(top)}{_over_python(rows, top)}."


def _standing(row: Row) -> Estimate:
    """Return how fast a row is: its rate over the fastest single thread's, within blocks, so that drift cancels."""
    found: Estimate = row["vs_fastest_serial"] or row["rate"]
    return found


def _may_reach(rival: Estimate, top: Estimate) -> bool:
    return not (has_interval(rival) and has_interval(top)) or bool(rival["high"] >= top["low"])


def _at_rate(row: Row) -> str:
    return f" at {si(row['rate']['value'])} {row['rate']['unit']}/s"


def _over_itself(row: Row) -> str:
    if facts.is_single(row) or not _known(row):
        return ""
    return f": {times(row['speedup'])} over its own single thread"


def _over_python(rows: Iterable[Row], top: Row) -> str:
    """Relate the fastest to serial pure Python; the size is said where it differs."""
    plain = next((row for row in rows if row["implementation"] == "py_loop" and row["executor"] == "serial"), None)
    if plain is None or top["implementation"] == "py_loop":
        return ""
    size = f" (measured at {plain['size']})" if plain["size"] != top["size"] else ""
    joint = ", " if top.get("speedup") and not facts.is_single(top) else ": "
    return f"{joint}{times(quotient(_standing(top), _standing(plain)))} the pure-Python loop{size}"


def _held(at_p: Sequence[Row], spin: Row | None) -> str:
    """Say what threads and processes give to implementations that hold the GIL.

    The GIL is blamed only where the whole interval shows no gain, and either the probe found it or the control, on the
    same CPUs in the same seconds and without the GIL, certainly gained more.
    """
    threads = [row for row in at_p if _plain_threads(row) and facts.holds_gil(row) and row["speedup"]]
    free = [row for row in threads if not facts.gil_enabled(row)]
    flat = [row for row in threads if row not in free and _ends_below(row, GIL_BOUND)]
    bound = [row for row in flat if _beaten_by(row, spin) or _gil_found(row)]
    unexplained = [row for row in flat if row not in bound]
    unclear = [row for row in threads if row not in free and row not in flat and not _starts_above(row, GIL_BOUND)]
    parts = []
    if bound:
        it = "it holds" if len(bound) == 1 else "they hold"
        parts.append(f"Threads give {_gains(bound)}: {it} the GIL.")
    if unexplained:
        parts.append(f"Threads give {_gains(unexplained)}, but the control did not certainly gain more.")
    if unclear:
        parts.append(f"Cannot tell whether threads help {_gains(unclear)}: the interval is too wide.")
    if free:
        parts.append(f"Without a GIL threads give {_gains(free)}.")
    parts += [_instead(at_p, flat, executor) for executor in ("interpreters", "processes")]
    return " ".join(part for part in parts if part)


def _beaten_by(row: Row, control: Row | None) -> bool:
    return control is not None and _known(control) and bool(control["speedup"]["low"] > row["speedup"]["high"])


def _gil_found(row: Row) -> bool:
    """Whether the probe saw the GIL limit a row: that needs no control."""
    return any(code in _GIL_FINDINGS for code in row["findings"])


def _plain_threads(row: Row) -> bool:
    """Whether a row is about threads that share the work and know their chunks beforehand."""
    return facts.executor_label(row) == "threads"


def _instead(at_p: Sequence[Row], bound: Sequence[Row], executor: str) -> str:
    """Say what an executor whose workers have a GIL each gives to implementations that threads do not help."""
    names = {row["implementation"] for row in bound}
    rows = [row for row in at_p if row["executor"] == executor and not row.get("scaling")]
    rows = [row for row in rows if row["implementation"] in names]
    helped = [row for row in rows if _starts_above(row, 1.0)]
    first = {row["implementation"]: row for row in reversed(helped)}  # default start method and transport come first
    best = [row for row in helped if first[row["implementation"]] is row]
    return f"{executor.capitalize()} give {_gains(best)}." if best else ""


def _released(at_p: Sequence[Row], spin: Row | None) -> str:
    """Say what threads give to implementations that release the GIL."""
    rows = [row for row in at_p if _plain_threads(row) and not facts.holds_gil(row) and _known(row)]
    gaining = [row for row in rows if _starts_above(row, GIL_BOUND)]
    flat = [row for row in rows if _ends_below(row, GIL_BOUND) and _beaten_by(row, spin) and not _gil_found(row)]
    parts = [f"Threads give {_gains(gaining)}: computing without the GIL." if gaining else ""]
    if flat:
        parts.append(f"Threads give only {_gains(flat)}, though the GIL is released.")
    return " ".join(part for part in parts if part)


def _gains(rows: Iterable[Row]) -> str:
    return _join(f"{row['implementation']}{facts.mark(row)} {times(row['speedup'])}" for row in rows)


def _known(row: Row) -> bool:
    """Whether the speed-up of a row has an interval that says anything."""
    return bool(row["speedup"]) and has_interval(row["speedup"])


def _ends_below(row: Row, limit: float) -> bool:
    return _known(row) and bool(row["speedup"]["high"] < limit)


def _starts_above(row: Row, limit: float) -> bool:
    return _known(row) and bool(row["speedup"]["low"] > limit)


def _doubts(document: Document, kernel: str, spin: Row | None) -> list[str]:
    """Say what the controls take away from the sentences before."""
    doubts = []
    if spin is not None and spin["speedup"] and not _starts_above(spin, NEARLY_IDEAL * spin["workers"]):
        doubts.append(
            f"The machine itself gave {interval(spin['speedup'])} of {spin['workers']} CPUs: compare with the control."
        )
    doubts += [
        f"The A/A control reads {interval(row['speedup'])} instead of 1: smaller differences mean nothing."
        for row in facts.controls(document, kernel, facts.NOISE_FLOOR)
        if _ends_below(row, 1.0 - QUIET) or _starts_above(row, 1.0 + QUIET)
    ]
    return doubts


def controls_note(document: Document, kernel: str) -> str:
    """Say what the machine gave while the kernel was measured, and how quiet it was."""
    spins = [
        f"spin({row['workers']}) {interval(row['speedup'])}"
        for row in facts.controls(document, kernel, "spin")
        if row.get("speedup") and row["workers"] > 1
    ]
    floors = [
        f"A/A {interval(row['speedup'])}"
        for row in facts.controls(document, kernel, facts.NOISE_FLOOR)
        if row.get("speedup")
    ]
    memory = [
        f"isolated {row['implementation']}({row['workers']}){facts.mark(row)} {interval(row['speedup'])}"
        for row in facts.controls(document, kernel, "isolated")
        if row["speedup"]
    ]
    parts = []
    if spins:
        parts.append(f"{', '.join(spins)} is what the machine gave")
    if memory:
        parts.append(f"{', '.join(memory)} is what its memory gave")
    if floors:
        parts.append(f"{', '.join(floors)} is the noise floor")
    return "; ".join(parts)


def precision_note(document: Document, kernel: str) -> str:
    """Say how narrow the intervals became against what was asked, in how many blocks, and what they are worth."""
    study = facts.of_study(document, kernel)
    if not study:
        return ""
    count = f"{study['blocks']} block" + ("" if study["blocks"] == 1 else "s")
    level = facts.confidence(facts.of_kernel(document, kernel))
    if level is not None and level < DEFAULT_CONFIDENCE:
        return f"{count}: {_low_confidence(level)}; {MIN_BLOCKS} blocks give 95 %, a larger --budget buys them"
    if study["precision_reached"] is None:
        return count
    text = f"{count}, widest interval ±{100 * study['precision_reached']:.1f} %"
    if study["target"] is None:
        return text
    reached = "reached" if study["target_met"] else "not reached: a larger --budget narrows it"
    return f"{text} (asked ±{100 * study['target']:g} %, {reached})"


def _low_confidence(level: float) -> str:
    if level == 0:
        return "no interval, so nothing is known about the spread"
    return f"intervals hold with {math.floor(100 * level)} % confidence only"


def serial_note(document: Document, kernel: str) -> str:
    """Say what the column 'versus serial' refers to."""
    best = facts.fastest_serial(document, kernel)
    if best is None:
        return ""
    return f"fastest on one thread: {facts.label(best)}{facts.mark(best)} at {best['size']},{_at_rate(best)[3:]}"


def unavailable_notes(rows: Sequence[Row]) -> list[str]:
    """Say once per reason which cases cannot be measured here."""
    present: dict[str, set[str]] = {}
    by_reason: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["status"] == "unavailable":
            reason = "; ".join(part for part in (row.get("reason"), row.get("cure")) if part)
            by_reason.setdefault((reason or "no reason given", facts.mark(row)), []).append(row)
        else:
            present.setdefault(facts.mark(row), set()).add(row["implementation"])
    told: dict[tuple[str, str], list[str]] = {}
    for (reason, mark), same in by_reason.items():
        told.setdefault((_compact(same, present.get(mark, ())), reason), []).append(mark)
    return [
        f"{names}{' on ' if any(marks) else ''}{_join(mark.removeprefix(' on ') for mark in marks)}: {reason}"
        for (names, reason), marks in told.items()
    ]


def _compact(rows: Sequence[Row], present: Collection[str]) -> str:
    """Name many rows as implementations (executors); an implementation that is nowhere present by its name alone."""
    executors: dict[str, list[str]] = {}
    for row in rows:
        names = executors.setdefault(row["implementation"], [])
        if row["implementation"] in present and facts.executor_label(row) not in names:
            names.append(facts.executor_label(row))
    implementations: dict[tuple[str, ...], list[str]] = {}
    for implementation, names in executors.items():
        implementations.setdefault(tuple(names), []).append(implementation)
    return "; ".join(
        ", ".join(group) + (f" ({', '.join(names)})" if names else "") for names, group in implementations.items()
    )


def trouble_notes(rows: Iterable[Row]) -> list[str]:
    """Say of each case that failed what happened."""
    return [
        "; ".join(part for part in (f"{row['case']}: {_status(row)}: {_reason(row)}", row["cure"]) if part)
        for row in rows
        if row["status"] not in ("ok", "unavailable", "too_noisy")
    ]


def _reason(row: Row) -> str:
    """Return why, without the case that stands before it already."""
    return str(row["reason"]).removeprefix(f"{row['case']}: ") or "no reason given"


def _status(row: Row) -> str:
    return str(row["status"]).replace("_", " ")


def noise_note(rows: Iterable[Row]) -> str:
    """Name the cases whose intervals are too wide to say anything."""
    noisy = [row for row in rows if row["status"] == "too_noisy"]
    if not noisy:
        return ""
    cures = dict.fromkeys(row["cure"] for row in noisy if row["cure"])
    names = ", ".join(facts.named(row) for row in noisy)
    return "; ".join([f"the intervals of {names} are too wide to say anything", *cures])


def over_subscribed_note(document: Document, rows: Iterable[Row]) -> str:
    """Explain the mark of rows with more workers than usable CPUs."""
    if not any(row["over_subscribed"] for row in rows):
        return ""
    return f"more workers than the {facts.usable_cpus(document)} usable CPUs"


def one_time_note(rows: Iterable[Row]) -> str:
    """Say the largest one-time cost of each kind and who pays it; they are part of no rate."""
    parts = []
    for name, words in _ONE_TIME.items():
        paid = [(row["one_time_s"][name], row) for row in rows if row["one_time_s"].get(name)]
        if not paid:
            continue
        most_s, row = max(paid, key=lambda pair: pair[0])
        if most_s >= _WORTH_SAYING_S:
            cache = f" ({row['jit_cache']})" if name == "jit" and row.get("jit_cache") not in (None, "none") else ""
            parts.append(f"{words}{cache} {seconds(most_s)} ({facts.label(row)}{facts.mark(row)})")
    return f"not in the rates, at most: {', '.join(parts)}" if parts else ""


def environment_note(document: Document) -> str:
    """Say in one line on what was measured."""
    environment = document.get("environment") or {}
    interpreter, machine, cpus = (environment.get(name) or {} for name in ("interpreter", "machine", "cpus"))
    parts = []
    if interpreter:
        gil = "GIL on" if interpreter.get("gil_enabled", True) else "GIL off"
        parts.append(f"{interpreter.get('implementation')} {interpreter.get('version')} ({gil})")
    if machine:
        parts.append(f"{machine.get('system')} {machine.get('architecture')}")
        parts.append(machine.get("cpu_model") or "unknown processor")
    if cpus.get("count"):
        parts.append(f"{cpus['count']} usable CPU{'' if cpus['count'] == 1 else 's'}: {cpus.get('detail')}")
    return ", ".join(parts)


def check_notes(document: Document) -> list[str]:
    """Say what about the machine could spoil the measurement."""
    checks = (document.get("environment") or {}).get("checks") or ()
    return [
        "; ".join(part for part in (check.get("message"), check.get("cure")) if part)
        for check in checks
        if check.get("status") == "warning"
    ]


def _join(words: Iterable[str]) -> str:
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
