"""``gilscope trace``: the timeline of a round, or of one's own function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from gilscope.core.trace import Trace

__all__ = ["FORMATS", "MAX_CALLS", "trace"]

MAX_CALLS = 10_000  # a picture of more is a block of colour

FORMATS = ("text", "svg", "html", "mermaid", "perfetto", "json")
_BY_SUFFIX = {".svg": "svg", ".html": "html", ".htm": "html", ".mmd": "mermaid", ".json": "perfetto", ".txt": "text"}


def trace(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RESULT|TARGET",
            help="result.jsonl or its folder; or pkg.module:function or path/file.py:function.",
            show_default=False,
        ),
    ],
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help=f"{', '.join(FORMATS)} [by the ending of --out, else text]."),
    ] = None,
    out: Annotated[str | None, typer.Option("--out", metavar="FILE", help="Write to FILE instead of stdout.")] = None,
    case: Annotated[
        str | None, typer.Option("--case", metavar="ID", help="Of a result: which case [the first with workers].")
    ] = None,
    block: Annotated[
        int | None,
        typer.Option("--block", metavar="N", help="Of a result: which counted round [a diagnostic or a median one]."),
    ] = None,
    executors: Annotated[
        str | None, typer.Option("--executors", metavar="a,b", help="Of a function: under what [threads,processes].")
    ] = None,
    workers: Annotated[str | None, typer.Option("--workers", metavar="N", help="How many [2].")] = None,
    calls: Annotated[
        str | None, typer.Option("--calls", metavar="N", help="How often it is called altogether [4 per worker].")
    ] = None,
    arg: Annotated[
        list[str] | None, typer.Option("--arg", metavar="n=1000", help="An argument, as for 'gilscope profile'.")
    ] = None,
    setup: Annotated[
        str | None, typer.Option("--setup", metavar="TARGET", help="Makes the arguments, as for 'gilscope profile'.")
    ] = None,
    items: Annotated[
        str | None, typer.Option("--items", metavar="TARGET", help="What it is mapped over, call by call.")
    ] = None,
    gil_trace: Annotated[
        bool, typer.Option("--gil-trace", help="Record every hold of the GIL, by a thread that keeps a CPU busy.")
    ] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="60s", help="Of a function: how long an executor may take.")
    ] = "60s",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json: every event.")] = False,
) -> int:
    """Show what each worker did when: starting, importing, waiting, computing, sending, and who held the GIL.

    A result has the rounds that were measured. A function is run here and now with every step written down.
    """
    kind = "json" if json else _format(format_, out)
    if _is_function(target):
        _refuse({"--case": case, "--block": block}, "a result")
        drawn = _of_function(
            target,
            arg or [],
            {"setup": setup, "items": items},
            executors=executors or "threads,processes",
            workers=workers or "2",
            calls=calls,
            timeout=timeout,
            exact=gil_trace,
        )
    else:
        given = {"--executors": executors, "--workers": workers, "--calls": calls, "--arg": arg, "--setup": setup}
        _refuse({**given, "--items": items, "--gil-trace": gil_trace or None}, "a function")
        drawn = _of_result(target, case, block)
    _save(drawn, kind, out)
    return 0


def _is_function(target: str) -> bool:
    return ":" in target and not Path(target).exists()


def _refuse(given: Mapping[str, object], whose: str) -> None:
    """Refuse options that have no meaning for this target.

    Raises
    ------
    UsageError
    """
    wrong = [name for name, value in given.items() if value is not None]
    if wrong:
        raise UsageError(f"{wrong[0]} is for {whose}; see 'gilscope trace --help'")


def _of_function(
    target: str,
    arguments: list[str],
    others: Mapping[str, str | None],
    *,
    executors: str,
    workers: str,
    calls: str | None,
    timeout: str,
    exact: bool,
) -> Trace:
    from gilscope.cli.profile import read_request
    from gilscope.cli.request import MAX_WORKERS, whole
    from gilscope.core.registry import check_names
    from gilscope.core.units import parse_duration_s
    from gilscope.studies.traced import TRACED_EXECUTORS, trace_function

    request = read_request([target], arguments, others)
    words = [word.strip() for word in executors.split(",") if word.strip()]
    count = whole("workers", workers, 1, MAX_WORKERS, "2")
    return trace_function(
        json.dumps(request.definition(request.functions[0])),
        f"{target} on {count} worker{'s' * (count > 1)}",
        executors=check_names("executor", words, TRACED_EXECUTORS),
        workers=count,
        calls=whole("calls", calls or str(4 * count), 1, MAX_CALLS, "8"),
        exact=exact,
        timeout_s=parse_duration_s(timeout or "60s", what="timeout"),
    )


def _format(asked: str | None, out: str | None) -> str:
    if asked is None:
        return _BY_SUFFIX.get(Path(out).suffix.lower(), "text") if out else "text"
    from gilscope.core.registry import check_names

    return check_names("format", [asked], FORMATS)[0]


def _of_result(target: str, case: str | None, block: int | None) -> Trace:
    from gilscope import results
    from gilscope.cli.show import locate
    from gilscope.studies.traced.rounds import choose_case, trace_of

    measured = results.load(locate(target))
    return trace_of(measured, choose_case(measured, case), block)


def _save(drawn: Trace, kind: str, out: str | None) -> None:
    from gilscope.cli.output import emit, shown

    text = _rendered(drawn, kind, to_file=out is not None)
    if out is None:
        emit(text)
        return
    try:
        Path(out).write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write to {out!r}: {error.strerror}; choose another file with --out") from None
    emit(shown(out))


def _rendered(drawn: Trace, kind: str, *, to_file: bool) -> str:
    if kind == "svg":
        from gilscope.report.timeline import svg

        return svg(drawn)
    if kind == "html":
        from gilscope.report.timeline.page import trace_page

        return trace_page(drawn)
    if kind == "mermaid":
        from gilscope.report.timeline.mermaid import sequence_diagram

        return sequence_diagram(drawn)
    if kind == "json":
        import json

        from gilscope.core.trace import trace_document

        return json.dumps(trace_document(drawn), indent=1, allow_nan=False)
    if kind == "perfetto":
        from gilscope.report.timeline.perfetto import perfetto

        return perfetto(drawn)
    from gilscope.cli.output import PIPE_WIDTH, draws_unicode, stdout_width
    from gilscope.report.figures import printable
    from gilscope.report.timeline.sequence import draw
    from gilscope.report.timeline.strip import strip

    width = PIPE_WIDTH if to_file else stdout_width()
    unicode = to_file or draws_unicode()
    parts = (drawn.title, strip(drawn, width=width, unicode=unicode), draw(drawn, width=width, unicode=unicode))
    return printable("\n\n".join(parts) + "".join(f"\n{note}" for note in ("", *drawn.notes)))
