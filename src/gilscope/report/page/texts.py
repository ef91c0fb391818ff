"""The data inside the page: the texts of all cases by column, and the analysis for download, both compressed."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gilscope.analysis.answer import FindingGroup
from gilscope.analysis.rows import CaseRow, is_measured
from gilscope.core.units import NS_PER_S
from gilscope.report.case_facts import facts_of, time_parts
from gilscope.report.charts import View
from gilscope.report.columns import Column, columns_of
from gilscope.report.figures import NONE, seconds
from gilscope.report.sentences.findings import sentence
from gilscope.report.svg import linear
from gilscope.stats import Estimate

MAX_BYTES = 1_200_000  # of an embedded analysis: the page with its charts and texts stays below 3 MB
MAX_ROUNDS = 60_000  # rounds carried one by one, for the panel of a case: more would double the page
STRIP_HEIGHT = 110  # height of the picture of a case's rounds; pixels
_TIP = ("rate", "vs best serial", "speed-up", "efficiency", "blocks", "findings")  # facts in a case's tooltip
_DIGITS = 5  # of a large analysis: a part in a hundred thousand is far below any interval's width
_LEVEL = 6  # of gzip: 9 takes twice as long for 1 % less
_INSIDE = 10  # pixels of a strip that stay free above and below


@dataclass(slots=True)
class _Store:
    """Columns, a value per case; equal ones are stored once and referred to by their place."""

    columns: list[Sequence[Any]] = field(default_factory=list)
    _places: dict[tuple[Hashable, ...], int] = field(default_factory=dict)

    def add(self, values: Sequence[Hashable]) -> int:
        key = tuple(values)
        if key not in self._places:
            self._places[key] = len(self.columns)
            self.columns.append(values)
        return self._places[key]


def texts_of(view: View) -> dict[str, Any]:
    """Return everything the script shows of the cases of a result.

    ``store`` has columns; what refers to one has its place there: ``ids``; ``columns`` of the table (title, help,
    whether it is flush left, texts, ranks), ``filters`` (name, texts), ``facts`` of a case and those of its ``tips``
    (name, texts), its ``shares`` (name, label, texts, widths of the bars in percent). ``seen``: by case (code,
    sentence) of its findings; ``fixes``: by code (fix, tone); ``details``, ``rounds``: by case.
    """
    rows, store = view.answer.rows, _Store()
    records = view.measured.cases if view.measured is not None else {}
    known = [facts_of(row, records.get(row.case.id)) for row in rows]
    names = dict.fromkeys(name for facts in known for name in facts)
    facts = {name: store.add([found.get(name, NONE) for found in known]) for name in names}
    trouble = store.add([NONE if is_measured(row) else found["status"] for row, found in zip(rows, known, strict=True)])
    return {
        "ids": store.add([row.case.id for row in rows]),
        "columns": [_column(store, column, rows) for column in columns_of("page")],
        "filters": {
            "kernel": store.add([row.case.kernel for row in rows]),
            "status": store.add([row.status.replace("_", " ") for row in rows]),
        },
        "facts": list(facts.items()),
        "tips": [("", trouble), *((name, facts[name]) for name in _TIP if name in facts)],
        "shares": list(_shares(store, rows)),
        "seen": {
            number: [(found.code, sentence(found, row)) for found in row.findings]
            for number, row in enumerate(rows)
            if row.findings
        },
        "fixes": {group.code: (group.cure, tone(group)) for group in view.answer.findings},
        "details": {number: row.detail for number, row in enumerate(rows) if row.detail},
        "rounds": _rounds(view),
        "store": store.columns,
    }


def tone(group: FindingGroup) -> str:
    """Return how a finding is coloured: only what certainly scales is good; what says nothing is neither."""
    if group.code == "scales":
        return "good"
    return "plain" if group.code == "too_noisy" or group.severity == "info" else "warn"


def _column(store: _Store, column: Column, rows: Sequence[CaseRow]) -> tuple[str, str, bool, int, int]:
    texts, ranks = [column.cell(row) for row in rows], _ranks([column.sort_key(row) for row in rows])
    return column.heading, column.help, column.left, store.add(texts), store.add(ranks)


def _ranks(keys: Sequence[float | int | str | None]) -> list[int | None]:
    """Return the place of each key among those that differ, in ascending order; None where there is no key."""
    distinct: list[Any] = sorted({key for key in keys if key is not None and key != ""})
    places = {key: place for place, key in enumerate(distinct)}
    return [places.get(key) for key in keys]


def _shares(store: _Store, rows: Sequence[CaseRow]) -> Iterator[tuple[str, str, int, int]]:
    found = [{part.name: part for part in time_parts(row)} for row in rows]
    for name, label in {part.name: part.label for parts in found for part in parts.values()}.items():
        parts = [each.get(name) for each in found]
        widths = [round(min(100.0, max(0.0, 100 * part.value)), 1) if part else 0 for part in parts]
        yield name, label, store.add([part.text if part else NONE for part in parts]), store.add(widths)


def _rounds(view: View) -> dict[int, dict[str, Any]]:
    """Return the strip of each case's rounds; nothing where the page would grow too much."""
    if view.measured is None or len(view.measured.blocks) * len(view.index) > MAX_ROUNDS * len(view.kernels):
        return {}
    walls_s: dict[int, list[float]] = {}
    for block in view.measured.blocks:
        for case, timed in block.rounds.items():
            if case in view.index:
                walls_s.setdefault(view.index[case], []).append(timed.wall_ns / timed.repeats / NS_PER_S)
    known = ((number, walls, view.answer.rows[number].wall_s) for number, walls in walls_s.items())
    return {number: _strip(walls, wall) for number, walls, wall in known if wall is not None}


def _strip(walls_s: Sequence[float], found: Estimate) -> dict[str, Any]:
    """Lay out rounds from the shortest at the bottom to the longest: places from above, and what each says."""
    ends = (found.low, found.high) if found.has_interval else ()
    span = min((*walls_s, *ends)), max((*walls_s, *ends))
    y = linear(span, (STRIP_HEIGHT - _INSIDE, _INSIDE))
    return {
        "alt": f"{len(walls_s)} rounds between {seconds(min(walls_s))} and {seconds(max(walls_s))}",
        "places": [round(y(wall)) for wall in walls_s],
        "texts": [seconds(wall) for wall in walls_s],
        "median": round(y(found.value), 1),
        "band": [round(y(end), 1) for end in reversed(ends)],
    }


class Packed(NamedTuple):
    """A document for download: ``text`` is empty where it is too large; ``exact``: numbers have all their digits."""

    text: str
    exact: bool


def packed(value: Any) -> Packed:
    """Compress a JSON-able document for download; a large one loses digits, one too large even then is left out."""
    text = compressed(value)
    if len(text) <= MAX_BYTES:
        return Packed(text, exact=True)
    text = compressed(_rounded(value))
    return Packed(text if len(text) <= MAX_BYTES else "", exact=False)


def compressed(value: Any) -> str:
    """Return base64 of gzip of JSON: base64 has no character that could end a script element."""
    plain = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(plain.encode("utf-8", "replace"), _LEVEL, mtime=0)).decode("ascii")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else value
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value
