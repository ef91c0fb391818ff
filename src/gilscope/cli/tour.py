"""``gilscope tour``: the concepts of concurrency, each a small measured experiment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from gilscope.cli.output import cannot_write, draws_unicode, emit, emit_json, stdout_color, stdout_width
from gilscope.core.errors import UsageError

if TYPE_CHECKING:
    from gilscope.tour._shown import ShownChapter


def tour(
    chapters: Annotated[
        list[str] | None, Argument(metavar="CHAPTER", help="Chapters (default: list them).", show_default=False)
    ] = None,
    all_: Annotated[bool, Option("--all", help="All chapters, a minute or so.")] = False,
    mermaid: Annotated[bool, Option("--mermaid", help="Print the sequence diagrams as Mermaid only.")] = False,
    html: Annotated[str | None, Option(metavar="FILE", help="Write a page with pictures too.")] = None,
    json: Annotated[bool, Option("--json", help="Print what was measured as JSON and nothing else.")] = False,
) -> int:
    """Explain concurrency by programs that are run, timed and drawn here and now."""
    from gilscope import __version__
    from gilscope.core.registry import check_names
    from gilscope.env import interpreter
    from gilscope.env.cpu import usable_cpus
    from gilscope.report.tour import tour_page
    from gilscope.tour import CHAPTERS, load_chapter
    from gilscope.tour._shown import Tour

    if mermaid and json:
        raise UsageError("--mermaid and --json both say what stands on stdout: give one of them")
    names = CHAPTERS if all_ else check_names("chapter", chapters or [], CHAPTERS)
    if not names:
        titles = "\n".join(f"  {name:<16} {load_chapter(name).title}" for name in CHAPTERS)
        run_one = "Run one with 'gilscope tour threads', all with 'gilscope tour --all'."
        emit(f"Chapters of the tour:\n\n{titles}\n\n{run_one}")
        return 0
    page = None if html is None else _writable(html)
    done = tuple(_show(name, quiet=json, mermaid=mermaid) for name in names)
    python = {name: value for name, value in interpreter.describe().items() if name != "executable"}
    environment = {"interpreter": python, "usable_cpus": usable_cpus().count}
    taken = Tour(tool_version=__version__, environment=environment, chapters=done)
    if page is not None:
        page.write_text(tour_page(taken), encoding="utf-8")
    if json:
        emit_json(taken.to_json())
    return 0 if all(chapter.holds for chapter in done) else 1


def _show(name: str, *, quiet: bool, mermaid: bool) -> ShownChapter:
    """Run a chapter and print it, so that the first is read while the next runs."""
    from gilscope.report.timeline.mermaid import sequence_diagram
    from gilscope.report.tour import render_chapter
    from gilscope.tour import load_chapter
    from gilscope.tour._model import run_experiment
    from gilscope.tour._shown import ShownChapter

    chapter = load_chapter(name)
    shown = ShownChapter.of(chapter, map(run_experiment, chapter.experiments), sequence_diagram)
    if mermaid:
        emit("\n".join(f"%% {name}/{each.name}\n{each.mermaid}" for each in shown.experiments if each.mermaid))
    elif not quiet:
        emit(render_chapter(shown, width=stdout_width(), unicode=draws_unicode(), color=stdout_color()))
    return shown


def _writable(path: str) -> Path:
    """Return where the page goes; UsageError if it cannot be written, before anything has run in vain."""
    page = Path(path)
    if page.is_dir():
        raise cannot_write(path, "it is a folder", option="--html")
    try:
        page.touch()
    except OSError as error:
        raise cannot_write(path, error.strerror, option="--html") from None
    return page
