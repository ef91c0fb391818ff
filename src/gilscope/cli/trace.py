"""``gilscope trace``: the timeline of a round, or of one's own function."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gilscope.cli.asked import Asked, verb
from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from gilscope.core.trace import Trace

__all__ = ["trace"]

_OF_RESULT = ("case", "block")
_OF_FUNCTION = ("executors", "workers", "calls", "arg", "setup", "items", "gil-trace")
_BY_SUFFIX = {".svg": "svg", ".html": "html", ".htm": "html", ".mmd": "mermaid", ".json": "perfetto", ".txt": "text"}


@verb
def trace(
    asked: Asked,
    target: Annotated[
        str,
        typer.Argument(
            metavar="RESULT|TARGET",
            help="result.jsonl or its folder; or pkg.module:function or path/file.py:function.",
            show_default=False,
        ),
    ],
) -> int:
    """Show what each worker did when: starting, importing, waiting, computing, sending, and who held the GIL.

    A result has the rounds that were measured. A function is run here and now with every step written down.
    """
    if _is_function(target):
        _refuse(asked, _OF_RESULT, "a result")
        drawn = _of_function(target, asked)
    else:
        _refuse(asked, _OF_FUNCTION, "a function")
        drawn = _of_result(target, asked)
    out = asked.text("out")
    _save(drawn, "json" if asked.given("json") else asked.value("format", _by_ending(out)), out)
    return 0


def _is_function(target: str) -> bool:
    return ":" in target and not Path(target).exists()


def _refuse(asked: Asked, names: Iterable[str], whose: str) -> None:
    """Refuse options that have no meaning for this target.

    Raises
    ------
    UsageError
    """
    wrong = [name for name in names if asked.given(name)]
    if wrong:
        raise UsageError(f"--{wrong[0]} is for {whose}; see 'gilscope trace --help'")


def _of_function(target: str, asked: Asked) -> Trace:
    from gilscope.cli.profile import read_request
    from gilscope.studies.traced import trace_function

    request = read_request([target], asked)
    count = asked.value("workers", 2)
    title = f"{target} on {count} worker{'s' * (count > 1)}"
    traced = partial(
        trace_function, json.dumps(request.definition(request.functions[0])), title, exact=asked.given("gil-trace")
    )
    return asked.fill(traced, executors=("threads", "processes"), workers=count, calls=4 * count)


def _by_ending(out: str | None) -> str:
    return _BY_SUFFIX.get(Path(out).suffix.lower(), "text") if out else "text"


def _of_result(target: str, asked: Asked) -> Trace:
    from gilscope import results
    from gilscope.cli.show import locate
    from gilscope.studies.traced.rounds import choose_case, trace_of

    measured = results.load(locate(target))
    return trace_of(measured, choose_case(measured, asked.text("case")), asked.value("block", cast("int | None", None)))


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
    from gilscope.report.timeline.text import draw, strip

    width = PIPE_WIDTH if to_file else stdout_width()
    unicode = to_file or draws_unicode()
    parts = (drawn.title, strip(drawn, width=width, unicode=unicode), draw(drawn, width=width, unicode=unicode))
    return printable("\n\n".join(parts) + "".join(f"\n{note}" for note in ("", *drawn.notes)))
