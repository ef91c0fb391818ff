"""What importing a module did to the GIL, and who did it: from the events of a child to one row."""

import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gilscope.studies.audit.calls import EXAMPLE
from gilscope.studies.audit.children import ChildEvent, Outcome, run_child
from gilscope.studies.audit.declared import Declaration, declaration_of

IMPORT_LIMIT_S = 120.0  # the slowest large packages take some ten seconds from a cold disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What importing one module in a fresh free-threaded process did.

    ``free``: the GIL stayed off. ``gil_came_back`` counts even if the import failed after it. What modules import
    lazily (PEP 810) is imported after the module, as its first use would, and counts too.
    """

    module: str
    status: Literal["free", "gil_came_back", "failed", "crashed", "timeout"]
    switched_on_by: str | None = None  # an extension module
    extensions: tuple[str, ...] = ()  # that it loaded, in order
    import_s: float | None = None  # wall time
    reason: str = ""  # why it failed
    missing: str = ""  # the module that was missing
    detail: str = ""  # traceback or last output
    distribution: str | None = None  # of switched_on_by
    undeclared: tuple[str, ...] = ()  # those of extensions that do not declare that they can run without the GIL
    deferred: tuple[str, ...] = ()  # lazy imports, in the order in which they were carried out
    switched_on_in: str = ""  # the one of them during which the GIL came back; empty if the module itself did it
    unresolved: tuple[str, ...] = ()  # those of them that failed, each with its error: what they would do is not known
    cure: str = ""


def import_alone(python: str, module: str, *, timeout_s: float = IMPORT_LIMIT_S) -> tuple[Import, Outcome]:
    """Import one module in a process of its own; return its row, and what the process reported."""
    request = {"action": "import", "modules": [module], "until_gil": False}
    outcome = run_child(python, request, timeout_s=timeout_s)
    return judge(module, outcome, timeout_s=timeout_s), outcome


def judge(module: str, outcome: Outcome, *, timeout_s: float = IMPORT_LIMIT_S) -> Import:
    """Return what the events mean."""
    culprit = _culprit(outcome.events)
    loaded = tuple(event.module for event in outcome.events if event.event == "loaded")
    end = next((event for event in outcome.events if event.event in ("imported", "raised")), None)
    if end is None:
        status: Literal["timeout", "crashed"] = "timeout" if outcome.status is None else "crashed"
        row = Import(module=module, status=status, switched_on_by=culprit, extensions=loaded)
        return replace(row, reason=_ending(outcome, timeout_s), detail=outcome.output)
    row = Import(
        module=module,
        status="gil_came_back" if end.gil else "free" if end.event == "imported" else "failed",
        switched_on_by=culprit if end.gil else None,
        extensions=loaded,
        import_s=end.seconds,
        reason=end.error,
        missing="" if end.attribute else end.missing,
        detail=end.detail,
        cure=_call_instead(module, end.attribute) if end.missing == module else "",
    )
    return _with_deferred(row, culprit, outcome, timeout_s)


def _call_instead(name: str, kind: str) -> str:
    """Say how to audit what was named as a module and is an attribute of one; empty if it is not."""
    if kind != "function":
        return kind and f"{name} is not a module, its type is {kind}: name the module, {name.rpartition('.')[0]}"
    if EXAMPLE.startswith(f"{name}("):
        return f"{name} is a function: gilscope audit --call '{EXAMPLE}'"
    return f"{name} is a function: gilscope audit --call '{name}(...)', with its arguments in place of the dots"


def _with_deferred(row: Import, culprit: str | None, outcome: Outcome, timeout_s: float) -> Import:
    """Add what became of the lazy imports."""
    begun = tuple(event.module for event in outcome.events if event.event == "deferring")
    ended = [event for event in outcome.events if event.event == "deferred"]
    row = replace(row, deferred=begun, unresolved=tuple(f"{e.module}: {e.error}" for e in ended if e.error))
    if row.status == "free" and (on := next((event.module for event in ended if event.gil), "")):
        return replace(row, status="gil_came_back", switched_on_by=culprit, switched_on_in=on)
    if len(ended) < len(begun):
        status: Literal["timeout", "crashed"] = "timeout" if outcome.status is None else "crashed"
        reason = f"lazy import of {begun[-1]}: {_ending(outcome, timeout_s)}"
        return (
            row if row.status == "gil_came_back" else replace(row, status=status, reason=reason, detail=outcome.output)
        )
    return row


def _culprit(events: Sequence[ChildEvent]) -> str | None:
    """Return the module that CPython's warning names, else the first whose creation left the GIL on."""
    warned = (event.module for event in events if event.event == "warned")
    return next(warned, None) or next((module for module, off in _kept_off(events).items() if not off), None)


def _ending(outcome: Outcome, timeout_s: float) -> str:
    """Return how the process ended, and while loading what."""
    loading = [event.module for event in outcome.events if event.event == "loading"]
    for event in outcome.events:
        if event.event == "loaded" and event.module in loading:
            loading.remove(event.module)
    where = f" while loading {loading[-1]}" if loading else ""
    if outcome.status is None:
        return f"not imported after {timeout_s:g} s{where}"
    if outcome.status >= 0:
        return f"ended with exit status {outcome.status}{where}"
    try:
        return f"ended by {signal.Signals(-outcome.status).name}{where}"
    except ValueError:
        return f"ended by signal {-outcome.status}{where}"


def declared_by(outcomes: Iterable[Outcome]) -> dict[str, Declaration]:
    """Return what loaded extension modules declared, by name.

    Where a module has slots, these. With one-phase initialisation, whether the GIL stayed off when it was created.
    """
    found: dict[str, Declaration] = {}
    for outcome in outcomes:
        declared = {event.module: event for event in outcome.events if event.event == "declared"}
        kept = _kept_off(outcome.events)
        for name in dict.fromkeys([*declared, *kept]):
            declaration = _declaration(declared.get(name), kept.get(name))
            if declaration != Declaration(free_threading=None, sub_interpreters=None):
                found.setdefault(name, declaration)
    return found


def _kept_off(events: Sequence[ChildEvent]) -> dict[str, bool]:
    """Return whether the GIL stayed off, for each extension module that was created while it was off."""
    before: dict[str, bool] = {}
    kept = {}
    for event in events:
        if event.event == "loading":
            before[event.module] = event.gil
        elif event.event == "loaded" and not before.get(event.module, True):
            kept[event.module] = not event.gil
    return kept


def _declaration(declared: ChildEvent | None, kept_off: bool | None) -> Declaration:
    if declared is None:
        return Declaration(free_threading=kept_off, sub_interpreters=None)
    slots = None if declared.one_phase else {int(number): value for number, value in declared.slots.items()}
    found = declaration_of(slots, sets_gil_itself=True)
    return replace(found, free_threading=kept_off) if found.free_threading is None else found
