"""What is on the page: texts and charts of each result, ready for the template. No layout here."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from gilscope.analysis.answer import Answer
from gilscope.analysis.to_json import to_json
from gilscope.report.charts import CHARTS, STUDY_CHARTS, Chart, View, draw
from gilscope.report.charts.heat import FINDING_WORDS, Grid, Scale, grid, overview, scale_of
from gilscope.report.figures import interval, narrow, per_second, seconds
from gilscope.report.labels import named
from gilscope.report.page.embed import Packed, compressed, packed
from gilscope.report.page.source import Source
from gilscope.report.page.texts import texts_of
from gilscope.report.sentences import closing, verdict
from gilscope.report.sentences.compare import elsewhere_note
from gilscope.report.sentences.environment import check_notes, environment_note, interpreter_notes
from gilscope.report.sentences.findings import Seen, seen_in
from gilscope.report.sentences.notes import notes_of

__all__ = ["Entry", "KernelPart", "ResultPart", "Tile", "result_part"]

Entry: TypeAlias = tuple[str, str]
"""A name and a text."""

MAX_CHART_BYTES = 1_200_000
"""Size of all charts of a result; kernels beyond it have their heat map, findings and table."""

_UNDRAWN = (
    "The charts of a page are limited to 1.2 MB, and the kernels before this one use them up: "
    "'gilscope export --format svg --kernel {}' draws them."
)
_DRAWN = tuple(name for name in CHARTS if name != "heatmap")  # on the page the heat map is a table


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number to see first."""

    label: str
    value: str
    more: str
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelPart:
    """One kernel; beside each finding number and name of the cases it concerns."""

    name: str
    verdict: str
    tiles: Sequence[Tile]
    heat: Grid
    charts: Sequence[tuple[str, Chart]]
    undrawn: str
    findings: Sequence[tuple[Seen, Sequence[tuple[int, str]]]]
    notes: Sequence[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPart:
    """One result."""

    title: str
    when: str
    file: str
    subtitle: str
    machine: Sequence[Entry]
    cautions: Sequence[str]
    study: Sequence[Entry]
    overview: Grid | None
    scale: Scale
    kernels: Sequence[KernelPart]
    studies: Sequence[tuple[str, Chart]]
    cases: int
    analysis: Packed
    texts: str


def result_part(source: Source, ident: str, first: Source) -> ResultPart:
    """Collect everything the page says about a result; ``ident`` begins the ids of its elements.

    ``first`` is the first on the page, which others are likely to be compared with.
    """
    answer = source.answer
    view = View(answer, measured=source.measured, studies=source.studies, ident=ident)
    scale = scale_of(view)
    return ResultPart(
        title=_title(view),
        when=answer.surroundings.started_utc[:16].replace("T", " "),
        file=_file(answer),
        subtitle=environment_note(answer.surroundings),
        machine=[
            *_machine(answer),
            *_interpreters(answer),
        ],
        cautions=[
            *check_notes(answer.surroundings),
            *answer.warnings,
            *source.cautions,
            *(["Interrupted: what was measured until then."] if answer.interrupted else []),
            *filter(None, [elsewhere_note(first.answer, answer)]),
        ],
        study=list(_study(answer)),
        overview=overview(view, scale) if len(view.kernels) > 1 else None,
        scale=scale,
        kernels=list(_kernel_parts(view, scale)),
        studies=[(name, chart) for name in STUDY_CHARTS if (chart := draw(name, view)) is not None],
        cases=len(answer.rows),
        analysis=packed(to_json(answer, verdict)),
        texts=compressed(texts_of(view)),
    )


def _title(view: View) -> str:
    names = view.kernels or list(view.studies)
    if not names:
        return "nothing was measured"
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more kernels"


def _file(answer: Answer) -> str:
    """Name the download after the folder of the result."""
    folder = Path(answer.result or "result").parent.name
    return f"gilscope-{folder or 'analysis'}.json"


def _interpreters(answer: Answer) -> Iterator[Entry]:
    """Yield the interpreters that were compared."""
    for label, text in interpreter_notes(answer.surroundings):
        yield f"Interpreter {label}", text


def _machine(answer: Answer) -> Iterator[Entry]:
    """Yield what is known of the machine."""
    here = answer.surroundings
    machine, cpus, python = here.machine, here.cpus, here.interpreter
    if machine.known:
        virtual = ", virtual" if machine.virtual else ""
        yield "Processor", (machine.cpu_model or "unknown") + virtual
    if cpus.count:
        yield "Usable CPUs", f"{cpus.count}: {cpus.detail}"
    if cpus.quota_cpus:
        yield "Quota", f"{cpus.quota_cpus:.4g} CPUs"
    caches = [f"{name} {_size(size)}" for name, size in machine.caches_bytes.items() if size]
    if caches:
        yield "Caches", ", ".join(caches)
    if machine.memory_bytes:
        yield "Memory", _size(machine.memory_bytes)
    if machine.known:
        words = (machine.system, machine.release, machine.architecture)
        yield "System", " ".join(word for word in words if word)
    if python.known:
        yield "Interpreter", f"{python.implementation} {python.version}"
        yield "GIL", "off" if python.gil_enabled is False else "on"
    present = [f"{name} {version}" for name, version in here.libraries.items() if version]
    if present:
        yield "Libraries", ", ".join(present)


def _size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.3g} {unit}"


def _study(answer: Answer) -> Iterator[Entry]:
    """Yield when and how it was measured."""
    options, started = answer.options, answer.surroundings.started_utc
    if started:
        yield "Started", started
    yield "gilscope", answer.tool_version
    yield "Result", answer.result
    if options.budget_s:
        yield "Budget", seconds(options.budget_s)
    if options.precision:
        yield "Precision asked for", f"±{100 * options.precision:g} %"
    if options.seed is not None:
        yield "Seed", str(options.seed)
    for what, why in answer.not_analysed.items():
        yield f"Not known: {what}", why


def _kernel_parts(view: View, scale: Scale) -> Iterator[KernelPart]:
    """Yield the kernels, with charts as long as the page has room for them."""
    left = MAX_CHART_BYTES
    for kernel in view.kernels:
        charts = [(name, chart) for name in _DRAWN if left > 0 and (chart := draw(name, view, kernel)) is not None]
        left -= sum(len(panel.svg) for _, chart in charts for panel in chart.panels)
        yield _kernel_part(view, kernel, scale, charts if left > 0 else ())


def _kernel_part(view: View, kernel: str, scale: Scale, charts: Sequence[tuple[str, Chart]]) -> KernelPart:
    return KernelPart(
        name=kernel,
        verdict=closing(view.answer, kernel),
        tiles=list(_tiles(view, kernel)),
        heat=grid(view, kernel, scale),
        charts=charts,
        undrawn="" if charts or not view.parallel(kernel) else _UNDRAWN.format(shlex.quote(kernel)),
        findings=[
            (seen, [(view.number(row), named(row)) for row in seen.rows]) for seen in seen_in(view.answer, kernel)
        ],
        notes=[(note.title, text) for note, text in notes_of(view.answer, kernel)],
    )


def _tiles(view: View, kernel: str) -> Iterator[Tile]:
    answer, rows = view.answer, view.parallel(kernel)
    found = answer.verdict(kernel)
    top = next(iter(found.fastest), None)
    if top is not None and top.vs_fastest_serial is not None and top.rate is not None:
        value, _, ends = interval(top.vs_fastest_serial).partition(" ")
        more = f"{ends}: {named(top)}, {per_second(top.rate)}"
        which = "way" if found.functions else f"on {found.workers} worker{'' if found.workers == 1 else 's'}"
        yield Tile(label=f"Fastest {which}, over one thread", value=f"{value}x", more=more)
    spins = [row for row in answer.controls_of(kernel, "spin") if row.speedup is not None and row.case.workers > 1]
    most = max(spins, key=lambda row: (not row.over_subscribed, row.case.workers), default=None)
    if most is not None and most.speedup is not None:
        value = f"{narrow(most.speedup.value)} of {most.case.workers}"
        yield Tile(label="What the machine gave", value=value, more=f"control {interval(most.speedup)}")
    codes = Counter(row.codes[0] for row in rows if row.codes)
    scaling = codes.pop("scales", 0)
    if scaling:
        yield Tile(label="Cases that scale", value=str(scaling), more=f"of {len(rows)}", tone="good")
    for code, count in codes.most_common(1):
        label = f"Limited by: {FINDING_WORDS.get(code, code)}"
        yield Tile(label=label, value=str(count), more=f"case{'' if count == 1 else 's'}: {code}", tone="warn")
    study = answer.kernel(kernel)
    if study is not None and study.precision_reached is not None:
        more = f"widest interval, {study.blocks} blocks"
        yield Tile(label="Precision", value=f"±{100 * study.precision_reached:.1f} %", more=more)
