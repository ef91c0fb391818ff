"""How a whole program used the GIL: the report of ``gilscope gil``, as a document and as text for the terminal.

Plain text of at most 80 columns. The text needs nothing but the standard library at the time of printing, because the
program that was measured may have changed anything.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gilscope.report import facts
from gilscope.report.figures import NONE, interval, percent, seconds, si
from gilscope.report.gil_verdict import judge

__all__ = ["GIL_SCHEMA", "gil_document", "render_gil", "strip"]

GIL_SCHEMA = "gilscope.gil"
SCHEMA_VERSION = 1

WIDTH = 80
_LABEL = 12  # columns before each text
_ROWS = 12  # threads shown; the rest is one line
_NAME = 32  # columns of a thread's name
_BLOCKS = "▁▂▃▄▅▆▇█"
_DIGITS = "0123456789"
_LOOKS = 3  # per column on average, so that hardly any column has none
_CHILDREN = 0.1  # CPUs busy in child processes from which they are worth a word

Document = Mapping[str, Any]
Levels = Sequence[float | None]


def gil_document(
    run: Mapping[str, Any], *, interpreter: str, cpu_s: float, children_cpu_s: float, tool_version: str
) -> dict[str, Any]:
    """Complete what was seen of a program with what it means.

    Parameters
    ----------
    run : mapping
        ``ProgramRun.to_dict()``.
    interpreter : str
        Which Python it was.
    cpu_s, children_cpu_s : float
        CPU time of the process and of its ended child processes, seconds.
    """
    wall_s = run["wall_s"]
    verdict = judge(run["gil"], cpus_busy=cpu_s / wall_s if wall_s else 0.0)
    return {
        "schema": GIL_SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "tool_version": tool_version,
        "interpreter": interpreter,
        **run,
        "cpu_s": cpu_s,
        "children_cpu_s": children_cpu_s,
        "verdict": {"code": verdict.code, "sentence": verdict.sentence, "cure": verdict.cure},
    }


def render_gil(document: Document, *, unicode: bool = True) -> str:
    """Lay the document out for a terminal of 80 columns.

    Parameters
    ----------
    unicode : bool
        False draws the strip in digits, for terminals that cannot show block characters.
    """
    document = facts.printable(document)
    gil = document["gil"]
    parts = [_head(document)]
    if gil["available"]:
        parts += [_numbers(document), strip(gil, unicode=unicode), _thread_table(gil)]
    parts.append(_verdict(document["verdict"]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _labelled(name: str, text: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=f"{name:<{_LABEL}}",
        subsequent_indent=" " * _LABEL,
        break_on_hyphens=False,
    )


def _head(document: Document) -> str:
    words = " ".join([document["target"], *document["arguments"]])
    shown = textwrap.shorten(words, WIDTH - _LABEL, placeholder=" ...") or words[: WIDTH - _LABEL]
    ended = f"{seconds(document['wall_s'])}, exit status {document['exit_status']}, {document['interpreter']}"
    return f"{_labelled('GIL of', shown)}\n{_labelled('ran', ended)}"


def _numbers(document: Document) -> str:
    gil = document["gil"]
    lines = [("held", f"{percent(gil['held'])} of the time")]
    if gil["waiting"] is None:
        lines.append(("waiting", f"n/a: {gil['waiting_reason']}"))
    else:
        share = f"; at least one {100 * gil['contended']:.0f} % of the time"
        lines.append(("waiting", f"{interval(gil['waiting'])} threads on average{share}"))
    lines.append(("hand-overs", _handovers(gil)))
    lines.append(("let go late", _late(gil)))
    lines.append(("CPUs", _cpus(document)))
    cost = f"own cost {100 * gil['cost']:.1f} % of a CPU"
    lines.append(("probe", f"{gil['samples']} looks, one in {seconds(gil['interval_s'])} on average; {cost}"))
    return "\n".join(_labelled(name, text) for name, text in lines)


def _handovers(gil: Mapping[str, Any]) -> str:
    turn = gil["holds"]["turn_s"]
    between = f"; held {seconds(turn)} in between on average" if turn is not None else ""
    return f"{gil['handovers']}, {si(gil['handovers_per_s']).rstrip()} a second{between}"


def _late(gil: Mapping[str, Any]) -> str:
    overdue = gil["holds"]["overdue"]
    if overdue is not None and not gil["contended"]:
        return "nobody was seen to ask for it"
    if overdue is None:
        return f"n/a: {gil['overdue_reason']}"
    return f"{percent(overdue)} of the held time, after others asked for it"


def _cpus(document: Document) -> str:
    wall_s = document["wall_s"]
    text = f"{document['cpu_s'] / wall_s:.2f} busy on average"
    children = document["children_cpu_s"] / wall_s
    if children < _CHILDREN:
        return text
    return f"{text}, and {children:.2f} in child processes, each with a GIL of its own that is not measured"


def strip(gil: Mapping[str, Any], *, unicode: bool = True) -> str:
    """Draw held share, waiting threads and hand-overs over time, a character per column.

    Parameters
    ----------
    gil : mapping
        ``GilMonitor.to_dict()``: ``timeline`` has ``held``, ``waiting`` and ``handovers_per_s``, shape (n_bins,).
    """
    timeline = gil["timeline"]
    bins = len(timeline["held"])
    if not bins:
        return ""
    columns = max(1, min(WIDTH - _LABEL, bins, gil["samples"] // _LOOKS))
    ramp = _BLOCKS if unicode else _DIGITS
    rows = {
        "held": "".join(_level(value, ramp) for value in _squeezed(timeline["held"], columns)),
        "waiting": "".join(_count(value) for value in _squeezed(timeline["waiting"], columns)),
        "hand-overs": "".join(_power(value) for value in _squeezed(timeline["handovers_per_s"], columns)),
    }
    legend = (
        f"held: {ramp[0]} hardly, {ramp[-1]} all the time; waiting: threads, rounded; hand-overs: 2 is 100 to 999 a "
        "second, 3 is 1000 to 9999; . is none, a gap was not looked at"
    )
    column_s = bins * timeline["bin_s"] / columns
    title = _labelled("over time", f"0 to {seconds(gil['window_s'])}, {seconds(column_s)} a column")
    lines = [f"{name:<{_LABEL}}{row}".rstrip() for name, row in rows.items() if row.strip()]
    return "\n".join([title, *lines, _labelled("", legend)])


def _squeezed(levels: Levels, columns: int) -> Iterator[float | None]:
    """Yield the mean of the known levels that fall into each column."""
    for column in range(columns):
        first, last = column * len(levels) // columns, (column + 1) * len(levels) // columns
        known = [level for level in levels[first:last] if level is not None]
        yield math.fsum(known) / len(known) if known else None


def _level(share: float | None, ramp: str) -> str:
    if share is None:
        return " "
    return "." if share <= 0 else ramp[min(len(ramp) - 1, int(share * len(ramp)))]


def _count(threads: float | None) -> str:
    if threads is None:
        return " "
    count = round(threads)
    return "." if not count else str(count) if count < 10 else "+"


def _power(rate: float | None) -> str:
    """Write the power of ten of a rate."""
    if rate is None:
        return " "
    return "." if rate <= 0 else str(min(9, max(0, math.floor(math.log10(rate)))))


def _thread_table(gil: Mapping[str, Any]) -> str:
    threads = gil["threads"]
    if not threads:
        return _labelled("threads", f"n/a: {gil['threads_reason']}") if gil["threads_reason"] else ""
    names = [_shortened(thread["name"]) for thread in threads[:_ROWS]]
    width = max(len("thread"), *map(len, names))
    lines = [f"{'thread':<{width}}  {'GIL held':>9}  {'let go late':>11}"]
    known = gil["holds"]["overdue"] is not None
    for name, thread in zip(names, threads, strict=False):
        late = f"{100 * thread['overdue']:.0f}%" if known else NONE
        lines.append(f"{name:<{width}}  {percent(thread['held']):>9}  {late:>11}")
    rest = threads[_ROWS:]
    if rest:
        total = math.fsum(thread["held"]["value"] for thread in rest)
        lines.append(f"and {len(rest)} more threads: {100 * total:.0f}% together")
    if gil["unattributed"] >= 0.01:
        lines.append(f"{100 * gil['unattributed']:.0f}% of the held time could not be given to a thread")
    return "\n".join(lines)


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 3]}..."


def _verdict(verdict: Mapping[str, str]) -> str:
    lines = [_labelled("verdict", f"{verdict['code']}: {verdict['sentence']}")]
    if verdict["cure"]:
        lines.append(_labelled("cure", f"{verdict['cure']}."))
    return "\n".join(lines)
