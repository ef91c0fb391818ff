"""What stands on the page: texts and charts of each result, ready for the template. No layout here."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gilscope.report import facts, interpreters, notes, reasons
from gilscope.report.charts import CHARTS, STUDY_CHARTS, Chart, View, draw
from gilscope.report.charts.heat import FINDING_WORDS, Grid, Scale, grid, overview, scale_of
from gilscope.report.facts import Document, Row
from gilscope.report.figures import interval, narrow, seconds, si
from gilscope.report.html.embed import Packed, packed
from gilscope.report.html.source import Source
from gilscope.report.verdict import is_own, verdict
from gilscope.report.versus import elsewhere_note
from gilscope.units import NS_PER_S

__all__ = ["Entry", "Finding", "KernelPart", "ResultPart", "Tile", "result_part"]

MAX_CHART_BYTES = 1_200_000
"""Size of all charts of a result; kernels beyond it have their heat map, findings and table."""

MAX_ROUNDS = 60_000
"""Rounds carried one by one, for the panel of a case: more would double the page."""

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
class Finding:
    """A finding in words: what was seen in the case that loses most, whom it concerns, what to do."""

    code: str
    severity: str
    told: str
    of: str
    cases: Sequence[tuple[int, str]]
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A name and a text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelPart:
    """One kernel."""

    name: str
    verdict: str
    tiles: Sequence[Tile]
    heat: Grid
    charts: Sequence[tuple[str, Chart]]
    undrawn: str
    findings: Sequence[Finding]
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
    words: Packed


def result_part(source: Source, ident: str, first: Source) -> ResultPart:
    """Collect everything the page says about a result; ``ident`` begins the ids of its elements.

    ``first`` is the first on the page, which others are likely to be held against.
    """
    document = source.document
    view = View(document, measured=source.measured, studies=source.studies, ident=ident)
    scale = scale_of(view)
    environment = document.get("environment") or {}
    return ResultPart(
        title=_title(view),
        when=str(environment.get("started_utc", ""))[:16].replace("T", " "),
        file=_file(document),
        subtitle=notes.environment_note(document),
        machine=[*_machine(environment), *_interpreters(document)],
        cautions=[
            *notes.check_notes(document),
            *document.get("warnings", ()),
            *source.cautions,
            *_interrupted(document),
            *filter(None, [elsewhere_note(first.document, document)]),
        ],
        study=list(_study(document)),
        overview=overview(view, scale) if len(view.kernels) > 1 else None,
        scale=scale,
        kernels=list(_kernel_parts(view, scale)),
        studies=[(name, chart) for name in STUDY_CHARTS if (chart := draw(name, view)) is not None],
        cases=len(document["cases"]),
        analysis=packed(source.document),
        words=packed(_words(view)),
    )


def _title(view: View) -> str:
    names = view.kernels or list(view.studies)
    if not names:
        return "nothing was measured"
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more kernels"


def _file(document: Document) -> str:
    """Name the download after the folder of the result."""
    folder = Path(document["result"] or "result").parent.name
    return f"gilscope-{folder or 'analysis'}.json"


def _interrupted(document: Document) -> list[str]:
    return ["Interrupted: what was measured until then."] if document.get("interrupted") else []


def _machine(environment: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield the facts of the machine that is there."""
    machine, cpus, interpreter = (environment.get(name) or {} for name in ("machine", "cpus", "interpreter"))
    libraries = environment.get("libraries") or {}
    if machine:
        virtual = ", virtual" if machine.get("virtual") else ""
        yield Entry(name="Processor", text=(machine.get("cpu_model") or "unknown") + virtual)
    if cpus:
        yield Entry(name="Usable CPUs", text=f"{cpus.get('count')}: {cpus.get('detail')}")
        if cpus.get("quota_cpus"):
            yield Entry(name="Quota", text=f"{cpus['quota_cpus']:.4g} CPUs")
    caches = [f"{name} {_size(size)}" for name, size in (machine.get("caches_bytes") or {}).items() if size]
    if caches:
        yield Entry(name="Caches", text=", ".join(caches))
    if machine.get("memory_bytes"):
        yield Entry(name="Memory", text=_size(machine["memory_bytes"]))
    if machine:
        words = (machine.get("system"), machine.get("release"), machine.get("architecture"))
        yield Entry(name="System", text=" ".join(str(word) for word in words if word))
    if interpreter:
        yield Entry(name="Interpreter", text=f"{interpreter.get('implementation')} {interpreter.get('version')}")
        yield Entry(name="GIL", text="on" if interpreter.get("gil_enabled", True) else "off")
    present = [f"{name} {version}" for name, version in libraries.items() if version]
    if present:
        yield Entry(name="Libraries", text=", ".join(present))


def _interpreters(document: Document) -> Iterator[Entry]:
    """Yield the interpreters that were compared; where they lie is nobody's business."""
    for text in interpreters.interpreter_notes(document):
        name, _, told = text.partition(": ")
        yield Entry(name=f"Interpreter {name}", text=told)


def _size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.3g} {unit}"


def _study(document: Document) -> Iterator[Entry]:
    """Yield when and how it was measured."""
    study, environment = document["study"], document.get("environment") or {}
    if environment.get("started_utc"):
        yield Entry(name="Started", text=str(environment["started_utc"]))
    yield Entry(name="gilscope", text=str(document["tool_version"]))
    yield Entry(name="Result", text=str(document["result"]))
    if study.get("budget_s"):
        yield Entry(name="Budget", text=seconds(study["budget_s"]))
    if study.get("precision"):
        yield Entry(name="Precision asked for", text=f"±{100 * study['precision']:g} %")
    if study.get("seed") is not None:
        yield Entry(name="Seed", text=str(study["seed"]))
    for what, why in document.get("not_analysed", {}).items():
        yield Entry(name=f"Not known: {what}", text=str(why))


def _kernel_parts(view: View, scale: Scale) -> Iterator[KernelPart]:
    """Yield the kernels, with charts as long as the page has room for them."""
    left = MAX_CHART_BYTES
    for kernel in view.kernels:
        charts = [(name, chart) for name in _DRAWN if left > 0 and (chart := draw(name, view, kernel)) is not None]
        left -= sum(len(panel.svg) for _, chart in charts for panel in chart.panels)
        yield _kernel_part(view, kernel, scale, charts if left > 0 else ())


def _kernel_part(view: View, kernel: str, scale: Scale, charts: Sequence[tuple[str, Chart]]) -> KernelPart:
    document, rows = view.document, view.rows[kernel]
    labelled = [
        ("Against", notes.serial_note(document, kernel)),
        ("Machine", notes.controls_note(document, kernel)),
        *(("Price", text) for text in interpreters.price_notes(document, kernel)),
        ("Precision", notes.precision_note(document, kernel)),
        ("One-time costs", notes.one_time_note(rows)),
        ("Unexplained", reasons.unexplained_note(document, kernel)),
        ("Noisy", notes.noise_note(rows)),
        ("Marked !", notes.over_subscribed_note(document, rows)),
        *(("Failed", text) for text in notes.trouble_notes(rows)),
        *(("Not available", text) for text in notes.unavailable_notes(rows)),
    ]
    return KernelPart(
        name=kernel,
        verdict=(verdict if is_own(document) else notes.closing)(document, kernel),
        tiles=list(_tiles(view, kernel)),
        heat=grid(view, kernel, scale),
        charts=charts,
        undrawn="" if charts or not view.parallel(kernel) else _UNDRAWN.format(shlex.quote(kernel)),
        findings=list(_findings(view, kernel)),
        notes=[Entry(name=name, text=text) for name, text in labelled if text],
    )


def _tiles(view: View, kernel: str) -> Iterator[Tile]:
    rows = view.rows[kernel]
    standing = [row for row in facts.measured(rows) if row["vs_fastest_serial"]]
    if standing:
        standing = [row for row in standing if not row["over_subscribed"]] or standing
        top = max(standing, key=lambda row: row["vs_fastest_serial"]["value"])
        rate = f"{si(top['rate']['value']).rstrip()} {top['rate']['unit']}/s"
        value, _, ends = interval(top["vs_fastest_serial"]).partition(" ")
        more = f"{ends}: {facts.named(top)}, {rate}"
        yield Tile(label="Fastest way, over one thread", value=f"{value}x", more=more)
    spins = [row for row in facts.controls(view.document, kernel, "spin") if row["speedup"] and row["workers"] > 1]
    if spins:
        most = max(spins, key=lambda row: (not row["over_subscribed"], row["workers"]))
        value = f"{narrow(most['speedup']['value'])} of {most['workers']}"
        yield Tile(label="What the machine gave", value=value, more=f"control {interval(most['speedup'])}")
    codes = Counter(row["findings"][0] for row in view.parallel(kernel) if row["findings"])
    if codes.pop("scales", 0):
        count = sum("scales" in row["findings"][:1] for row in view.parallel(kernel))
        yield Tile(label="Cases that scale", value=str(count), more=f"of {len(view.parallel(kernel))}", tone="good")
    for code, count in codes.most_common(1):
        words = f"Limited by: {FINDING_WORDS.get(code, code)}"
        yield Tile(label=words, value=str(count), more=f"case{'' if count == 1 else 's'}: {code}", tone="warn")
    study = facts.of_study(view.document, kernel)
    if study and study["precision_reached"] is not None:
        more = f"widest interval, {study['blocks']} blocks"
        yield Tile(label="Precision", value=f"±{100 * study['precision_reached']:.1f} %", more=more)


def _findings(view: View, kernel: str) -> Iterator[Finding]:
    """Yield what stops which cases, the worst case's evidence in words."""
    for group in view.document["findings"]:
        rows = [row for case in group["cases"] if (row := _row(view, case))["kernel"] == kernel]
        if not rows:
            continue
        worst = max(rows, key=lambda row: float(group["evidence"][row["case"]]["share"]))
        yield Finding(
            code=group["code"],
            severity=group["severity"],
            told=reasons.sentence(group["code"], group["evidence"][worst["case"]], worst),
            of=facts.named(worst) if len(rows) > 1 else "",
            cases=[(view.index[row["case"]], facts.named(row)) for row in rows],
            cure=group["cure"],
        )


def _row(view: View, case: str) -> Row:
    row: Row = view.document["cases"][view.index[case]]
    return row


def _rounds(view: View) -> dict[int, list[float]]:
    """Return the seconds per execution of each case, block by block; nothing where the page would grow too much."""
    if view.measured is None or len(view.measured.blocks) * len(view.index) > MAX_ROUNDS * len(view.kernels):
        return {}
    found: dict[int, list[float]] = {}
    for block in view.measured.blocks:
        for case, timed in block.rounds.items():
            if case in view.index:
                found.setdefault(view.index[case], []).append(timed.wall_ns / timed.repeats / NS_PER_S)
    return found


def _words(view: View) -> dict[str, Any]:
    """Return what the case panel says and JavaScript could not: sentences by case, cures by code."""
    said: dict[int, list[tuple[str, str]]] = {}
    for group in view.document["findings"]:
        for case, evidence in group["evidence"].items():
            told = reasons.sentence(group["code"], evidence, _row(view, case))
            said.setdefault(view.index[case], []).append((group["code"], told))
    return {
        "sentences": said,
        "cures": {group["code"]: group["cure"] for group in view.document["findings"]},
        "losses": reasons.LOSS_WORDS,
        "rounds": _rounds(view),
    }
