"""What is on the page: texts and charts of each result, ready for the template. No layout here."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from gilscope.analysis.answer import Answer
from gilscope.analysis.to_json import to_json
from gilscope.report.charts import CHARTS, STUDY_CHARTS, Chart, View, draw
from gilscope.report.charts.heat import FINDING_WORDS, Scale, grid, overview, scale_of
from gilscope.report.figures import counted, interval, narrow, per_second, seconds, sized
from gilscope.report.labels import named
from gilscope.report.page.texts import compressed, packed, texts_of
from gilscope.report.sentences import closing, verdict
from gilscope.report.sentences.compare import elsewhere_note
from gilscope.report.sentences.environment import check_notes, environment_note, interpreter_notes
from gilscope.report.sentences.findings import findings_in
from gilscope.report.sentences.notes import notes_of

__all__ = ["Entry", "result_part"]

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
        "machine": [*_machine(answer), *((f"Interpreter {label}", text) for label, text in interpreter_notes(here))],
        "cautions": [
            *check_notes(here),
            *answer.warnings,
            *view.cautions,
            *(["Interrupted: what was measured until then."] if answer.interrupted else []),
            *filter(None, [elsewhere_note(first, answer)]),
        ],
        "study": list(_study(answer)),
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


def _machine(answer: Answer) -> Iterator[Entry]:
    here = answer.surroundings
    machine, cpus, python = here.machine, here.cpus, here.interpreter
    if machine.known:
        virtual = ", virtual" if machine.virtual else ""
        yield "Processor", (machine.cpu_model or "unknown") + virtual
    if cpus.count:
        yield "Usable CPUs", f"{cpus.count}: {cpus.detail}"
    if cpus.quota_cpus:
        yield "Quota", f"{cpus.quota_cpus:.4g} CPUs"
    caches = [f"{name} {sized(size)}" for name, size in machine.caches_bytes.items() if size]
    if caches:
        yield "Caches", ", ".join(caches)
    if machine.memory_bytes:
        yield "Memory", sized(machine.memory_bytes)
    if machine.known:
        yield "System", " ".join(filter(None, (machine.system, machine.release, machine.architecture)))
    if python.known:
        yield "Interpreter", f"{python.implementation} {python.version}"
        yield "GIL", "off" if python.gil_enabled is False else "on"
    present = [f"{name} {version}" for name, version in here.libraries.items() if version]
    if present:
        yield "Libraries", ", ".join(present)


def _study(answer: Answer) -> Iterator[Entry]:
    asked, started = answer.asked, answer.surroundings.started_utc
    if started:
        yield "Started", started
    yield "gilscope", answer.tool_version
    yield "Result", answer.result
    if asked.budget_s:
        yield "Budget", seconds(asked.budget_s)
    if asked.precision:
        yield "Precision asked for", f"±{100 * asked.precision:g} %"
    if asked.seed is not None:
        yield "Seed", str(asked.seed)
    for what, why in answer.not_analysed.items():
        yield f"Not known: {what}", why


def _kernel_parts(view: View, scale: Scale) -> Iterator[dict[str, Any]]:
    """Yield the kernels, with charts as long as the page has room for them."""
    left = MAX_CHART_BYTES
    for kernel in view.kernels:
        charts = [(name, chart) for name in _DRAWN if left > 0 and (chart := draw(name, view, kernel)) is not None]
        left -= sum(len(panel.svg) for _, chart in charts for panel in chart.panels)
        yield _kernel_part(view, kernel, scale, charts if left > 0 else ())


def _kernel_part(view: View, kernel: str, scale: Scale, charts: Sequence[tuple[str, Chart]]) -> dict[str, Any]:
    """Collect one kernel; beside each finding number and name of the cases it concerns."""
    return {
        "name": kernel,
        "verdict": closing(view.answer, kernel),
        "tiles": list(_tiles(view, kernel)),
        "heat": grid(view, kernel, scale),
        "charts": charts,
        "undrawn": "" if charts or not view.parallel(kernel) else _UNDRAWN.format(shlex.quote(kernel)),
        "findings": [
            (found, [(view.number(row), named(row)) for row in found.rows])
            for found in findings_in(view.answer, kernel)
        ],
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
        yield f"Limited by: {FINDING_WORDS.get(code, code)}", str(count), more, "warn"
    study = answer.kernel(kernel)
    if study is not None and study.precision_reached is not None:
        yield "Precision", f"±{100 * study.precision_reached:.1f} %", f"widest interval, {study.blocks} blocks", ""
