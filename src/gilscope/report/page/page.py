"""What is on the page: texts and charts of each result, ready for the template. No layout here."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from gilscope.analysis.answer import Answer
from gilscope.analysis.to_json import to_json
from gilscope.report.charts import CHARTS, STUDY_CHARTS, View, draw
from gilscope.report.charts.heat import FINDING_LABELS, Scale, grid, overview, scale_of
from gilscope.report.figures import counted, interval, narrow, per_second, seconds, sized
from gilscope.report.labels import named
from gilscope.report.page.texts import compressed, packed, texts_of
from gilscope.report.sentences import closing, verdict
from gilscope.report.sentences.compare import elsewhere_note
from gilscope.report.sentences.environment import check_notes, environment_note, interpreter_notes
from gilscope.report.sentences.findings import findings_in
from gilscope.report.sentences.notes import notes_of
from gilscope.results.surroundings import Surroundings

Entry: TypeAlias = tuple[str, str]  # a name and a text
MAX_CHART_BYTES = 1_200_000  # size of all charts of a result; kernels beyond it have their heat map, findings and table
_UNDRAWN = (
    "The charts of a page are limited to 1.2 MB, and the kernels before this one use them up: "
    "'gilscope export --format svg --kernel {}' draws them."
)
_DRAWN = tuple(name for name in CHARTS if name != "heatmap")  # on the page the heat map is a table


def result_part(view: View, first: Answer) -> dict[str, Any]:
    """Collect everything the template shows of a result; ``first`` is the page's first answer, to compare with."""
    answer, here = view.answer, view.answer.surroundings
    scale = scale_of(view)
    return {
        "title": _title(view),
        "when": here.started_utc[:16].replace("T", " "),
        "file": f"gilscope-{Path(answer.result or 'result').parent.name or 'analysis'}.json",
        "subtitle": environment_note(here),
        "machine": _machine(here),
        "cautions": [
            *check_notes(here),
            *answer.warnings,
            *view.cautions,
            *(["Interrupted: what was measured until then."] if answer.interrupted else []),
            *filter(None, [elsewhere_note(first, answer)]),
        ],
        "study": _study(answer),
        "overview": overview(view, scale) if len(view.kernels) > 1 else None,
        "scale": scale,
        "kernels": list(_kernel_parts(view, scale)),
        "studies": [(name, chart) for name in STUDY_CHARTS if (chart := draw(name, view)) is not None],
        "cases": len(answer.rows),
        "analysis": packed(to_json(answer, verdict)),
        "texts": compressed(texts_of(view)),
    }


def _title(view: View) -> str:
    names = view.kernels or list(view.studies)
    if not names:
        return "nothing was measured"
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more kernels"


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


def _kernel_parts(view: View, scale: Scale) -> Iterator[dict[str, Any]]:
    """Yield the kernels, with charts as long as the page has room for them, and the cases of each finding."""
    left = MAX_CHART_BYTES
    for kernel in view.kernels:
        charts = [(name, chart) for name in _DRAWN if left > 0 and (chart := draw(name, view, kernel)) is not None]
        left -= sum(len(panel.svg) for _, chart in charts for panel in chart.panels)
        shown = charts if left > 0 else []
        found = findings_in(view.answer, kernel)
        yield {
            "name": kernel,
            "verdict": closing(view.answer, kernel),
            "tiles": list(_tiles(view, kernel)),
            "heat": grid(view, kernel, scale),
            "charts": shown,
            "undrawn": "" if shown or not view.parallel(kernel) else _UNDRAWN.format(shlex.quote(kernel)),
            "findings": [(each, [(view.number(row), named(row)) for row in each.rows]) for each in found],
            "notes": [(note.title, text) for note, text in notes_of(view.answer, kernel)],
        }


def _tiles(view: View, kernel: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield the numbers to see first: label, value, what else there is to say, and tone."""
    answer, rows = view.answer, view.parallel(kernel)
    found = answer.verdict(kernel)
    top = next(iter(found.fastest), None)
    if top is not None and top.vs_fastest_serial is not None and top.rate is not None:
        value, _, ends = interval(top.vs_fastest_serial).partition(" ")
        which = "way" if found.functions else f"on {counted(found.workers, 'worker')}"
        more = f"{ends}: {named(top)}, {per_second(top.rate)}"
        yield f"Fastest {which}, over one thread", f"{value}x", more, ""
    spins = [row for row in answer.controls_of(kernel, "spin") if row.speedup is not None and row.case.workers > 1]
    most = max(spins, key=lambda row: (not row.over_subscribed, row.case.workers), default=None)
    if most is not None and most.speedup is not None:
        value = f"{narrow(most.speedup.value)} of {most.case.workers}"
        yield "What the machine gave", value, f"control {interval(most.speedup)}", ""
    codes = Counter(row.codes[0] for row in rows if row.codes)
    scaling = codes.pop("scales", 0)
    if scaling:
        yield "Cases that scale", str(scaling), f"of {len(rows)}", "good"
    for code, count in codes.most_common(1):
        more = f"case{'' if count == 1 else 's'}: {code}"
        yield f"Limited by: {FINDING_LABELS.get(code, code)}", str(count), more, "warn"
    study = answer.kernel(kernel)
    if study is not None and study.precision_reached is not None:
        yield "Precision", f"±{100 * study.precision_reached:.1f} %", f"widest interval, {study.blocks} blocks", ""
