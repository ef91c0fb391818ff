"""The same function with several values of an argument: which way is best with each, and from which on it pays."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gilscope.analysis import Answer
from gilscope.report.figures import NONE, gain, joined, seconds
from gilscope.report.labels import way
from gilscope.report.terminal.painted import painted, plain_table
from gilscope.stats import Estimate

VARIED_NAME = "varied"
VARIED_SCHEMA = "gilscope.varied"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariedRow:
    """What was found with one value; ``way`` and ``speedup`` are of the best way, or of the first there is."""

    value: Any
    gains: bool | None  # whether anything certainly does; None where that is open
    way: str
    speedup: Estimate | None
    shown: str
    causes: tuple[str, ...]
    call_s: float | None
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """A function with several values of the argument ``name``, in the order they were given."""

    name: str
    function: str
    rows: tuple[VariedRow, ...]

    @classmethod
    def of(cls, name: str, values: Sequence[Any], answers: Sequence[Answer], folder: Path) -> Varied:
        """Take from each answer what decides."""
        rows, function = [], ""
        for value, answer in zip(values, answers, strict=False):
            for found in answer.verdict(answer.kernels[0].kernel).functions[:1] if answer.kernels else ():
                function, serial = found.function, found.serial
                top = (*found.best, *found.ways)[:1]
                rows.append(
                    VariedRow(
                        value=value,
                        gains=found.gains,
                        way=way(top[0]) if top else "",
                        speedup=top[0].judged if top else None,
                        shown=gain(top[0]) if top else NONE,
                        causes=tuple(top[0].causes) if top else (),
                        call_s=1.0 / serial.rate.value if serial is not None and serial.rate is not None else None,
                        folder=str(folder),
                    )
                )
        return cls(name=name, function=function, rows=tuple(rows))

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``gilscope profile --vary --json``."""
        return {"schema": VARIED_SCHEMA, "schema_version": 1, **asdict(self), "pays": pays(self)}


def pays(found: Varied) -> str:
    """Say from which value on it pays to run in parallel."""
    rows = found.rows
    decided = [row for row in rows if row.gains is not None]
    if not decided:
        return f"{found.function}: undecided with every {found.name}"
    unclear = [repr(row.value) for row in rows if row.gains is None]
    more = f"; undecided with {found.name} = {joined(unclear)}" if unclear else ""
    changes = [(one, two) for one, two in itertools.pairwise(decided) if one.gains != two.gains]
    if not changes:
        does = "pays" if decided[0].gains else "does not pay"
        values = joined(repr(row.value) for row in decided)
        return f"{found.function}: to run in parallel {does} with {found.name} = {values}{more}"
    said = [
        f"{'pays' if two.gains else 'no longer pays'} from some {found.name} between {one.value!r} and {two.value!r} on"
        for one, two in changes
    ]
    return f"{found.function}: to run in parallel {', then '.join(said)}{more}"


def render_varied(found: Varied, *, width: int, color: bool = False) -> str:
    """Lay out a row per value, and the sentence."""
    table = plain_table([found.name, "one call", "best way", "speed-up", "causes"])
    for row in found.rows:
        took = NONE if row.call_s is None else seconds(row.call_s)
        best = row.way if row.gains else f"none ({row.way})" if row.gains is False else f"? ({row.way})"
        table.add_row(repr(row.value), took, best, row.shown, ", ".join(row.causes) or NONE)
    folders = f"Results   {found.rows[0].folder}\n" if found.rows else ""
    return f"{painted(table, width, color=color)}\n{pays(found)}.\n{folders}"
