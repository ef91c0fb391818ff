"""``gilscope trace``: the timeline of a round, or of one's own function."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gilscope.errors import UsageError

if TYPE_CHECKING:
    from gilscope.trace import Trace

__all__ = ["FORMATS", "trace"]

FORMATS = ("text", "svg", "html", "mermaid", "perfetto")
_BY_SUFFIX = {".svg": "svg", ".html": "html", ".htm": "html", ".mmd": "mermaid", ".json": "perfetto", ".txt": "text"}


def trace(
    target: Annotated[str, typer.Argument(metavar="RESULT", help="result.jsonl or its folder.", show_default=False)],
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help=f"{', '.join(FORMATS)} [by the ending of --out, else text]."),
    ] = None,
    case: Annotated[
        str | None, typer.Option("--case", metavar="ID", help="Which case [the first with several workers].")
    ] = None,
    block: Annotated[
        int | None, typer.Option("--block", metavar="N", help="Which counted round [the one of median length].")
    ] = None,
    out: Annotated[str | None, typer.Option("--out", metavar="FILE", help="Write to FILE instead of stdout.")] = None,
) -> int:
    """Show what each worker did in a round: handed out, computing, waiting, sending, on one clock."""
    kind = _format(format_, out)
    _save(_of_result(target, case, block), kind, out)
    return 0


def _format(asked: str | None, out: str | None) -> str:
    if asked is None:
        return _BY_SUFFIX.get(Path(out).suffix.lower(), "text") if out else "text"
    from gilscope.registry import check_names

    return check_names("format", [asked], FORMATS)[0]


def _of_result(target: str, case: str | None, block: int | None) -> Trace:
    from gilscope import results
    from gilscope.cli.show import locate
    from gilscope.report.rounds import choose_case, trace_of

    measured = results.load(locate(target))
    return trace_of(measured, choose_case(measured, case), block)


def _save(drawn: Trace, kind: str, out: str | None) -> None:
    from gilscope.cli.output import emit

    text = _rendered(drawn, kind, to_file=out is not None)
    if out is None:
        emit(text)
        return
    try:
        Path(out).write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write to {out!r}: {error.strerror}; choose another file with --out") from None
    emit(out)


def _rendered(drawn: Trace, kind: str, *, to_file: bool) -> str:
    if kind == "svg":
        from gilscope.report.timeline import svg

        return svg(drawn)
    if kind == "html":
        from gilscope.report.trace_page import trace_page

        return trace_page(drawn)
    if kind == "mermaid":
        from gilscope.report.mermaid import sequence_diagram

        return sequence_diagram(drawn)
    if kind == "perfetto":
        from gilscope.report.perfetto import perfetto

        return perfetto(drawn)
    from gilscope.cli.output import PIPE_WIDTH, draws_unicode, stdout_width
    from gilscope.report.sequence import draw
    from gilscope.report.strip import strip

    width = PIPE_WIDTH if to_file else stdout_width()
    unicode = to_file or draws_unicode()
    parts = (drawn.title, strip(drawn, width=width, unicode=unicode), draw(drawn, width=width, unicode=unicode))
    return "\n\n".join(parts) + "".join(f"\n{note}" for note in ("", *drawn.notes))
