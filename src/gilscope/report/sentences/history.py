"""Sentences about many runs: what changed, between which commits, and where runs cannot be compared."""

from __future__ import annotations

from collections.abc import Iterator

from gilscope.analysis.history import Break, Change, History, Quantity
from gilscope.analysis.runs import Run
from gilscope.report.figures import counted, interval, percent
from gilscope.stats import Estimate

QUANTITY_NAMES: dict[Quantity, str] = {"efficiency": "efficiency", "gil": "GIL share"}
FEW = 6
"""Runs of equal surroundings from which a change can be seen: three on each side."""


def date(run: Run) -> str:
    """Write the day of a run."""
    return run.when[:10]


def named(run: Run) -> str:
    """Name a run: by its commit, else by its file."""
    return run.commit or run.path


def written(estimate: Estimate | None, quantity: Quantity) -> str:
    """Write an efficiency as a number, a share of the GIL in percent."""
    return percent(estimate) if quantity == "gil" and estimate is not None else interval(estimate)


def change_sentence(found: Change, runs: tuple[Run, ...]) -> str:
    """Say what changed, by how much, and between which runs."""
    before, now = written(found.before, found.quantity), written(found.now, found.quantity)
    between = f"between {named(runs[found.last])} and {named(runs[found.first])}"
    return f"{found.case}: {QUANTITY_NAMES[found.quantity]} {before}, then {now}, {between}"


def break_sentence(found: Break) -> str:
    """Say what is another than in the run before."""
    return "; ".join(f"{one.where} {one.name}: {one.before}, now {one.now}" for one in found.differences)


def events(found: History) -> Iterator[tuple[int, str, str]]:
    """Yield (run, label, sentence) of all that happened, in the order of the runs."""
    listed = [
        *((one.run, "new place", break_sentence(one)) for one in found.breaks),
        *((one.run, "library", break_sentence(one)) for one in found.libraries),
        *((one.first, "worse" if one.worse else "better", change_sentence(one, found.runs)) for one in found.changes),
    ]
    yield from sorted(listed, key=lambda event: event[0])


def headline(found: History) -> str:
    """Say in one sentence whether the newest runs are worse than those before."""
    worse = found.regressions
    if worse:
        return f"The newest of {counted(len(found.runs), 'run')} show {counted(len(worse), 'regression')}."
    if len(found.runs) < FEW:
        return f"{counted(len(found.runs), 'run')}: a change shows from {FEW} on, of the same machine and versions."
    return f"No regression in the newest of {counted(len(found.runs), 'run')}."


def left_out(found: History, most: int = 5) -> Iterator[str]:
    """Say which files are no runs, and why."""
    for one in found.left_out[:most]:
        yield f"{one.path}: {one.reason}"
    if len(found.left_out) > most:
        yield f"and {len(found.left_out) - most} more files"
