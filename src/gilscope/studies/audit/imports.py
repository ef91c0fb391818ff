"""What importing a module did to the GIL, and who did it: from the events of a child to one row."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from gilscope.studies.audit.children import ChildEvent, Outcome, run_child
from gilscope.studies.audit.declared import Declaration, declaration_of

__all__ = ["IMPORT_LIMIT_S", "Import", "declared_by", "import_alone", "judge"]

Status: TypeAlias = Literal["free", "gil_came_back", "failed", "crashed", "timeout"]

IMPORT_LIMIT_S = 120.0
"""Longest import that is waited for: the slowest large packages take some ten seconds from a cold disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What importing one module in a fresh free-threaded process did.

    Parameters
    ----------
    module : str
    status : {"free", "gil_came_back", "failed", "crashed", "timeout"}
        ``free``: the GIL stayed off. ``gil_came_back`` counts even if the import failed after it.
    switched_on_by : str or None
        The extension module that switched it on.
    extensions : tuple of str
        Extension modules it loaded, in order.
    import_s : float or None
        Wall time of the import, seconds.
    reason, missing, detail : str
        Why it failed; the module that was missing; traceback or last output.
    distribution : str or None
        What ``switched_on_by`` belongs to.
    undeclared : tuple of str
        All loaded extension modules that do not declare that they can run without the GIL.
    cure : str
        What to do.
    """

    module: str
    status: Status
    switched_on_by: str | None = None
    extensions: tuple[str, ...] = ()
    import_s: float | None = None
    reason: str = ""
    missing: str = ""
    detail: str = ""
    distribution: str | None = None
    undeclared: tuple[str, ...] = ()
    cure: str = ""


def import_alone(python: str, module: str, *, timeout_s: float = IMPORT_LIMIT_S) -> tuple[Import, Outcome]:
    """Import one module in a process of its own; its row, and everything the process wrote down."""
    request = {"action": "import", "modules": [module], "until_gil": False}
    outcome = run_child(python, request, timeout_s=timeout_s)
    return judge(module, outcome, timeout_s=timeout_s), outcome


def judge(module: str, outcome: Outcome, *, timeout_s: float = IMPORT_LIMIT_S) -> Import:
    """Say what the events mean.

    Notes
    -----
    CPython warns once, naming the module that switched the GIL on; where a program filters that warning out, the first
    extension module whose creation left the GIL on is it.
    """
    events = outcome.events
    culprit = _culprit(events)
    extensions = tuple(event.module for event in events if event.event == "loaded")
    ended = {event.event: event for event in events if event.event in ("imported", "raised")}
    if "imported" in ended:
        came_back = ended["imported"].gil
        return Import(
            module=module,
            status="gil_came_back" if came_back else "free",
            switched_on_by=culprit if came_back else None,
            extensions=extensions,
            import_s=ended["imported"].seconds,
        )
    if "raised" in ended:
        error = ended["raised"]
        return Import(
            module=module,
            status="gil_came_back" if error.gil else "failed",
            switched_on_by=culprit if error.gil else None,
            extensions=extensions,
            reason=error.error,
            missing=error.missing,
            detail=error.detail,
        )
    return Import(
        module=module,
        status="timeout" if outcome.status is None else "crashed",
        switched_on_by=culprit,
        extensions=extensions,
        reason=_ending(outcome, timeout_s),
        detail=outcome.output,
    )


def _culprit(events: Iterable[ChildEvent]) -> str | None:
    before: dict[str, bool] = {}
    flipped = None
    for event in events:
        if event.event == "warned":
            return event.module
        if event.event == "loading":
            before[event.module] = event.gil
        elif event.event == "loaded" and event.gil and not before.get(event.module, True):
            flipped = flipped or event.module
    return flipped


def _ending(outcome: Outcome, timeout_s: float) -> str:
    """Say how the process ended, and while loading what."""
    open_ = [event.module for event in outcome.events if event.event == "loading"]
    for event in outcome.events:
        if event.event == "loaded" and event.module in open_:
            open_.remove(event.module)
    where = f" while loading {open_[-1]}" if open_ else ""
    if outcome.status is None:
        return f"not imported after {timeout_s:g} s{where}"
    if outcome.status < 0:
        return f"ended by {_signal(-outcome.status)}{where}"
    return f"ended with exit status {outcome.status}{where}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def declared_by(outcomes: Iterable[Outcome]) -> dict[str, Declaration]:
    """What loaded extension modules declared, by name, as far as the processes could tell.

    Notes
    -----
    Slots where the module has some. Of a module with one-phase initialisation what happened: it was created while the
    GIL was off, and afterwards the GIL was on, or not.
    """
    found: dict[str, Declaration] = {}
    for outcome in outcomes:
        declared = {event.module: event for event in outcome.events if event.event == "declared"}
        kept = _kept_off(outcome.events)
        for name in dict.fromkeys([*declared, *kept]):
            seen = _seen(declared.get(name), kept.get(name))
            if seen != Declaration(free_threading=None, sub_interpreters=None):
                found.setdefault(name, seen)
    return found


def _kept_off(events: Sequence[ChildEvent]) -> dict[str, bool]:
    """Whether the GIL stayed off, by extension module, of those that were created while it was off."""
    before: dict[str, bool] = {}
    kept: dict[str, bool] = {}
    for event in events:
        if event.event == "loading":
            before[event.module] = event.gil
        elif event.event == "loaded" and not before.get(event.module, True):
            kept[event.module] = not event.gil
    return kept


def _seen(declared: ChildEvent | None, kept_off: bool | None) -> Declaration:
    if declared is None:
        return Declaration(free_threading=kept_off, sub_interpreters=None)
    slots = None if declared.one_phase else {int(number): value for number, value in declared.slots.items()}
    found = declaration_of(slots, sets_gil_itself=True)
    return replace(found, free_threading=kept_off) if found.free_threading is None else found
