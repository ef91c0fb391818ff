"""``gilscope trace``: the timeline of a round, or of one's own function."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from typer import Argument

from gilscope.cli.output import PIPE_WIDTH, cannot_write, draws_unicode, emit, shown, stdout_width
from gilscope.cli.verb import VerbOptions, verb
from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from gilscope.core.trace import Trace

_OF_RESULT = ("case", "block")
_OF_FUNCTION = ("executors", "workers", "calls", "arg", "setup", "items", "gil-trace")
_BY_SUFFIX = {".svg": "svg", ".html": "html", ".htm": "html", ".mmd": "mermaid", ".json": "perfetto"}


@verb
def trace(
    options: VerbOptions,
    target: Annotated[
        str,
        Argument(
            metavar="RESULT|TARGET",
            help="result.jsonl or its folder; or pkg.module:function or path/file.py:function.",
            show_default=False,
        ),
    ],
) -> int:
    """Show what each worker did when: starting, importing, waiting, computing, sending, and who held the GIL.

    A result has the rounds that were measured. A function is run here and now with every step written down.
    """
    is_function = ":" in target and not Path(target).exists()
    refused, whose = (_OF_RESULT, "a result") if is_function else (_OF_FUNCTION, "a function")
    if wrong := next(filter(options.given, refused), None):
        raise UsageError(f"--{wrong} is for {whose}; see 'gilscope trace --help'")
    drawn = _of_function(target, options) if is_function else _of_result(target, options)
    out = options.text("out")
    by_ending = _BY_SUFFIX.get(Path(out).suffix.lower(), "text") if out else "text"
    form = "json" if options.given("json") else options.value("format", by_ending)
    text = _written(drawn, form, to_file=out is not None)
    if out is None:
        emit(text)
        return 0
    try:
        Path(out).write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
    except OSError as error:
        raise cannot_write(out, error.strerror) from None
    emit(shown(out))
    return 0


def _of_function(target: str, options: VerbOptions) -> Trace:
    from gilscope.cli.profile import read_request
    from gilscope.studies.traced import trace_function

    request = read_request([target], options)
    count = options.value("workers", 2)
    title = f"{target} on {count} worker{'s' * (count > 1)}"
    definition = json.dumps(request.definition(request.functions[0]))
    traced = partial(trace_function, definition, title, exact=options.given("gil-trace"))
    return options.fill(traced, executors=("threads", "processes"), workers=count, calls=4 * count)


def _of_result(target: str, options: VerbOptions) -> Trace:
    from gilscope import results
    from gilscope.analysis import analyse
    from gilscope.cli.show import locate
    from gilscope.studies.traced.rounds import choose_case, trace_of

    measured = results.load(locate(target))
    block, case = options.value("block", cast("int | None", None)), options.text("case")
    if case is not None:
        case = analyse(measured).numbered(case) or case
    return trace_of(measured, choose_case(measured, case), block)


def _written(drawn: Trace, form: str, *, to_file: bool) -> str:
    from gilscope.core.trace import trace_document
    from gilscope.report import timeline
    from gilscope.report.timeline.mermaid import sequence_diagram
    from gilscope.report.timeline.page import trace_page
    from gilscope.report.timeline.perfetto import perfetto

    writers: dict[str, Callable[[Trace], str]] = {
        "text": partial(_text, to_file=to_file),
        "svg": timeline.svg,
        "html": trace_page,
        "mermaid": sequence_diagram,
        "perfetto": perfetto,
        "json": lambda trace: json.dumps(trace_document(trace), indent=1, allow_nan=False),
    }
    return writers[form](drawn)


def _text(drawn: Trace, *, to_file: bool) -> str:
    from gilscope.report.figures import printable
    from gilscope.report.timeline.text import draw, strip

    width = PIPE_WIDTH if to_file else stdout_width()
    unicode = to_file or draws_unicode()
    parts = (drawn.title, strip(drawn, width=width, unicode=unicode), draw(drawn, width=width, unicode=unicode))
    return printable("\n\n".join(parts) + "".join(f"\n{note}" for note in ("", *drawn.notes)))
