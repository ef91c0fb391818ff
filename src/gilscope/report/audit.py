"""The audit as tables: who switched the GIL on, what extension modules declare, which wheels there are."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gilscope.report.audit_sizes import called_in, sized_table, sized_verdict
from gilscope.report.figures import NONE, counted, seconds
from gilscope.report.terminal.painted import painted, plain_table
from gilscope.studies.audit import Audit
from gilscope.studies.audit.calls import SHORTEST_CALL_S, AuditedCall
from gilscope.studies.audit.imports import Import
from gilscope.studies.audit.installed import Distribution, Extension, Indexed

if TYPE_CHECKING:
    from rich.table import Table

_STYLE = {"gil_came_back": "red", "failed": "yellow", "crashed": "red", "timeout": "yellow"}
_GIL = {
    "free": "stays off",
    "gil_came_back": "CAME BACK",
    "failed": "not imported",
    "crashed": "crashed",
    "timeout": "timed out",
}
_DECLARED = {True: "yes", False: "no", None: "unknown"}
_SUPPORT = {"own_gil": "own GIL", "shared_gil": "shared GIL", "no": "no", None: "unknown"}
_WHEEL = {
    "free_threaded": "free-threaded wheel",
    "pure": "pure Python",
    "built_here": "built from source",
    "other": "no free-threaded wheel",
    "unknown": "not from a wheel",
}
_VERDICT = {
    "releases": "releases the GIL",
    "holds": "holds the GIL",
    "partly": "holds it part of the time",
    "too_short": "too short to tell",
    None: "n/a",
}
_LABEL = 11  # columns before each remark
_MANY = 12  # beyond as many extension modules, those that declare support are only counted


def render_audit(audit: Audit, *, width: int, color: bool = False) -> str:
    """Lay out what ``gilscope audit`` found."""
    parts, python = [], audit.interpreter
    if python is not None:
        parts.append(f"{python.implementation} {python.version} ({python.label}), {python.executable}\n")
    impure = [row for row in audit.distributions if row.wheel != "pure"]  # pure Python has nothing to declare
    shown = _shown(audit.extensions)
    tables = (_modules(audit.modules), _extensions(shown), _distributions(impure), _calls(audit.calls))
    parts += [painted(table, width, color=color) for table in tables if table.rows]
    parts += [sized_table(call, width, color=color) for call in audit.calls if call.sizes]
    lines = [_filled(label, text, width) for label, text in _remarks(audit)]
    if lines:
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _filled(label: str, text: str, width: int) -> str:
    """Lay out a remark; a label too long for its column is followed by a colon instead."""
    indent = " " * _LABEL
    head = f"{label:<{_LABEL}}" if len(label) < _LABEL else f"{label}: "
    return textwrap.fill(head + text, width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


def _modules(rows: Sequence[Import]) -> Table:
    table = plain_table(["module", "GIL", "switched on by", "extension modules", "import"])
    for row in rows:
        by = row.switched_on_by or NONE
        if row.distribution and row.distribution != row.module:
            by += f" ({row.distribution})"
        took = NONE if row.import_s is None else seconds(row.import_s)
        table.add_row(row.module, _GIL[row.status], by, str(len(row.extensions)), took, style=_STYLE.get(row.status))
    return table


def _extensions(rows: Sequence[Extension]) -> Table:
    table = plain_table(["extension module", "from", "free threading", "sub-interpreters", "known from"])
    for row in rows:
        origin = f"{row.distribution} {row.version}" if row.distribution else NONE
        support = (_DECLARED[row.free_threading], _SUPPORT[row.sub_interpreters])
        table.add_row(row.module, origin, *support, row.how or NONE)
    return table


def _shown(rows: Sequence[Extension]) -> list[Extension]:
    """Return all extension modules if they are few, else those that do not declare support."""
    return list(rows) if len(rows) <= _MANY else [row for row in rows if row.free_threading is not True]


def _distributions(rows: Sequence[Distribution]) -> Table:
    abis = list(dict.fromkeys(abi for row in rows for abi in row.index))
    table = plain_table(["distribution", "version", "installed", *(f"{abi} wheel" for abi in abis)])
    for row in rows:
        installed = _WHEEL[row.wheel] if row.version else "no"
        table.add_row(row.name, row.version or NONE, installed, *(_indexed(row.index.get(abi)) for abi in abis))
    return table


def _indexed(answer: Indexed | None) -> str:
    if answer is None:
        return NONE
    return answer.wheel.split("-")[1] if answer.wheel else str(answer.reason)


def _calls(rows: Sequence[AuditedCall]) -> Table:
    table = plain_table(["call", "verdict", "GIL held", "one call", "in"])
    for row in (row for row in rows if not row.sizes):
        known = row.held if row.verdict != "too_short" else None
        held = f"{known.value:.0%} [{known.low:.0%}, {known.high:.0%}]" if known else NONE
        took = NONE if row.per_call_s is None else seconds(row.per_call_s)
        table.add_row(row.call, _VERDICT[row.verdict], held, took, called_in(row))
    return table


def _too_short(call: AuditedCall) -> str:
    """Say how long a call must take, and what makes it as long: a power of ten, for part of a call is overhead."""
    took_s = call.per_call_s or SHORTEST_CALL_S
    larger = 10 ** max(1, math.ceil(math.log10(SHORTEST_CALL_S / took_s)))
    return (
        f"{call.call}: a call takes {seconds(took_s)} and must take at least {seconds(SHORTEST_CALL_S)}: "
        f"try data {larger} times as large"
    )


def _remarks(audit: Audit) -> Iterator[tuple[str, str]]:
    pure = sum(row.wheel == "pure" for row in audit.distributions)
    if pure:
        yield "pure", f"{pure} of the distributions are pure Python: nothing to declare"
    rows = audit.extensions
    if len(_shown(rows)) < len(rows):
        declared = sum(row.free_threading is True for row in rows)
        yield "declared", f"{declared} of {len(rows)} extension modules declare support for free threading"
    for row in audit.modules:
        if row.status == "gil_came_back":
            also = [name for name in row.undeclared if name != row.switched_on_by]
            more = f"; so would {', '.join(also)}" if also else ""
            raised = f"; then the import failed: {row.reason}" if row.reason else ""
            used = f" when the lazy import of {row.switched_on_in} was used" if row.switched_on_in else ""
            yield row.module, f"{row.switched_on_by or 'an import'} switched the GIL back on{used}{more}{raised}"
        elif row.reason:
            yield row.module, row.reason
        if row.deferred:
            failed = f"; not {'; '.join(row.unresolved)}" if row.unresolved else ""
            yield "  lazy", f"{counted(len(row.deferred), 'lazy import')} carried out too{failed}"
        if row.cure:
            yield "  fix", row.cure
    yield from (("too short", _too_short(call)) for call in audit.calls if call.verdict == "too_short")
    yield from (("n/a", f"{call.call}: {call.reason}") for call in audit.calls if call.reason)
    yield from (("n/a", f"n = {row.n:,}: {row.reason}") for call in audit.calls for row in call.sizes if row.reason)
    yield from (("verdict", sized_verdict(call)) for call in audit.calls if call.sizes)
    if audit.modules:
        back = [row.module for row in audit.modules if row.status == "gil_came_back"]
        unknown = [row.module for row in audit.modules if row.status not in ("free", "gil_came_back")]
        named = {"the GIL comes back with": back, "not found out about": unknown}
        parts = (f"{what} {', '.join(names)}" for what, names in named.items() if names)
        open_ = any(row.unresolved for row in audit.modules)
        stays = f"importing {'it' if len(audit.modules) == 1 else 'them'} does not switch the GIL on"
        stays += ", if the lazy imports that failed here do not" * open_
        yield "verdict", "; ".join(parts) or f"{stays}; whether a function releases it: --call"
