"""What is on the page: texts and charts of each result, ready for the template. No layout here."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from gilscope.analysis.answer import Answer
from gilscope.analysis.matrix import outcome
from gilscope.analysis.to_json import to_json
from gilscope.report.charts import CHARTS, STUDY_CHARTS, View, draw
from gilscope.report.charts.heat import grid, matrix_grid
from gilscope.report.figures import interval, seconds, sized
from gilscope.report.labels import MARKS, named
from gilscope.report.page.texts import MAX_BYTES, Packed, compressed, packed, texts_of, tone
from gilscope.report.sentences import answer as words
from gilscope.report.sentences import closing, verdict
from gilscope.report.sentences.compare import elsewhere_note
from gilscope.report.sentences.environment import check_notes, interpreter_notes
from gilscope.report.sentences.findings import findings_in
from gilscope.report.sentences.notes import notes_of
from gilscope.results.surroundings import Surroundings

Entry: TypeAlias = tuple[str, str]  # a name and a text
MAX_CHART_BYTES = 1_200_000  # size of all charts of a result; kernels beyond it have their heat map, findings and table
_SAMPLED = 500  # cases whose compressed analysis tells the size of all
_FAR = 1.5  # how much larger than it may be that one is for certain: the last digits, and how alike cases are, matter
_UNDRAWN = (
    "The charts of a page are limited to 1.2 MB, and the kernels before this one use them up: "
    "'gilscope export --format svg --kernel {}' draws them."
)
_BELOW = tuple(name for name in CHARTS if name not in ("heatmap", "speedups"))  # these are a table, and at the top


def result_part(view: View, first: Answer) -> dict[str, Any]:
    """Collect everything the template shows of a result; ``first`` is the page's first answer, to compare with."""
    answer, here = view.answer, view.answer.surroundings
    return {
        "title": _title(view),
        "when": here.started_utc[:16].replace("T", " "),
        "file": f"gilscope-{Path(answer.result or 'result').parent.name or 'analysis'}.json",
        "subtitle": words.machine(answer),
        "machine": _machine(here),
        "cautions": [
            *check_notes(here),
            *answer.warnings,
            *view.cautions,
            *(["Interrupted: what was measured until then."] if answer.interrupted else []),
            *filter(None, [elsewhere_note(first, answer)]),
        ],
        "study": _study(answer),
        "answer": _answer(view),
        "kernels": list(_kernel_parts(view)),
        "studies": [(name, chart) for name in STUDY_CHARTS if (chart := draw(name, view)) is not None],
        "cases": len(answer.rows),
        "analysis": _analysis(answer),
        "texts": compressed(texts_of(view)),
    }


def _analysis(answer: Answer) -> Packed:
    """Pack the analysis for download; of very many cases some tell beforehand that all would be too large."""
    step = len(answer.rows) // _SAMPLED
    if step > 1:
        some = packed(to_json(replace(answer, rows=answer.rows[::step]), verdict))
        if not some.text or len(some.text) * step > _FAR * MAX_BYTES:
            return Packed("", exact=False)
    return packed(to_json(answer, verdict))


def _answer(view: View) -> dict[str, Any]:
    """Collect the first part of a page: what the short answer in the terminal says."""
    answer, matrix = view.answer, view.matrix
    rows = [row for cells in matrix.rows for row in cells.values()]
    counts = Counter(MARKS[outcome(row)] for row in rows)
    limits = list(zip(*(words.limits(answer, matrix, column) for column in matrix.columns), strict=True))
    below = [
        (name, [interval(row.judged) if row is not None else "" for row in found])
        for name, found in zip(words.LIMITS, limits, strict=False)
        if any(found)
    ]
    if answer.is_own and matrix.columns:
        below.append((words.ALONE, [words.alone(answer, column) for column in matrix.columns]))
    return {
        "best": list(words.best(answer)),
        "title": words.title(matrix),
        "grid": matrix_grid(view),
        "limits": below,
        "marks": [(mark, counts[mark]) for mark in dict.fromkeys(MARKS.values()) if mark in counts],
        "about": list(words.about(answer, matrix)),
        "left_out": matrix.left_out,
        "sources": list(_sources(answer)),
    }


def _sources(answer: Answer) -> Iterator[tuple[str, str, str]]:
    """Yield of each of the user's functions its name, where it is, and its source, or why there is none."""
    for name, target in zip(answer.study.get("implementations", ()), answer.options.functions, strict=False):
        known = answer.surroundings.functions.get(name)
        if known is None or not known.source:
            why = known.source_reason if known is not None else "the function could not be examined"
            yield target, "", f"The source is not shown: {why}."
        else:
            yield target, f"{known.source_file}, line {known.source_line or '?'}", textwrap.dedent(known.source)


def _title(view: View) -> str:
    own = view.answer.options.functions if view.answer.is_own else ()
    names = [*own] or view.kernels or list(view.studies)
    if not names:
        return "nothing was measured"
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _machine(here: Surroundings) -> list[Entry]:
    machine, cpus, python = here.machine, here.cpus, here.interpreter
    model = (machine.cpu_model or "unknown") + (", virtual" if machine.virtual else "")
    system = " ".join(filter(None, (machine.system, machine.release, machine.architecture)))
    known = {
        "Processor": model if machine.known else "",
        "Usable CPUs": f"{cpus.count}: {cpus.detail}" if cpus.count else "",
        "Quota": f"{cpus.quota_cpus:.4g} CPUs" if cpus.quota_cpus else "",
        "Caches": ", ".join(f"{name} {sized(size)}" for name, size in machine.caches_bytes.items() if size),
        "Memory": sized(machine.memory_bytes) if machine.memory_bytes else "",
        "System": system if machine.known else "",
        "Interpreter": f"{python.implementation} {python.version}" if python.known else "",
        "GIL": "" if not python.known else "off" if python.gil_enabled is False else "on",
        "Libraries": ", ".join(f"{name} {version}" for name, version in here.libraries.items() if version),
        **{f"Interpreter {label}": text for label, text in interpreter_notes(here)},
    }
    return [(name, text) for name, text in known.items() if text]


def _study(answer: Answer) -> list[Entry]:
    options = answer.options
    known = {
        "Started": answer.surroundings.started_utc,
        "gilscope": answer.tool_version,
        "Result": answer.result,
        "Budget": seconds(options.budget_s) if options.budget_s else "",
        "Precision asked for": f"±{100 * options.precision:g} %" if options.precision else "",
        "Seed": "" if options.seed is None else str(options.seed),
        **{f"Not known: {what}": why for what, why in answer.not_analysed.items()},
    }
    return [(name, text) for name, text in known.items() if text]


def _kernel_parts(view: View) -> Iterator[dict[str, Any]]:
    """Yield the kernels, with charts as long as the page has room for them, and the cases of each finding."""
    left = MAX_CHART_BYTES
    for kernel in view.kernels:
        counts = {row.case.workers for row in view.parallel(kernel) if row.case.workers > 1}
        names = [name for name in ("speedups", *_BELOW) if name != "scaling" or len(counts) > 1]
        charts = {name: chart for name in names if left > 0 and (chart := draw(name, view, kernel)) is not None}
        left -= sum(len(panel.svg) for chart in charts.values() for panel in chart.panels)
        drawn = left > 0
        yield {
            "name": kernel,
            "verdict": closing(view.answer, kernel),
            "first": charts.pop("speedups", None) if drawn else None,
            "heat": grid(view, kernel) if len(counts) > 1 else None,
            "charts": list(charts.items()) if drawn else [],
            "undrawn": "" if drawn or not view.parallel(kernel) else _UNDRAWN.format(shlex.quote(kernel)),
            "findings": [
                (each, tone(each.group), [(view.number(row), named(row)) for row in each.rows])
                for each in findings_in(view.answer, kernel)
            ],
            "notes": [(note.title, text) for note, text in notes_of(view.answer, kernel)],
        }
