"""The file of a study: append-only JSON lines, so that whatever ends the program costs one block.

After a header there is a line per *item* (a row without its figures, and how it is measured; the last one counts), a
line per block, and one at the end of the study. The document is made from this alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeAlias, TypeVar

from gilscope import __version__
from gilscope.core.records import Environment
from gilscope.results.appending import AppendOnlyFile
from gilscope.results.environment import check_environment
from gilscope.results.reader import MALFORMED, damaged, left_out, read_file, read_header, read_lines
from gilscope.results.schema import Format, Line
from gilscope.stats import Estimate, estimate_or_none
from gilscope.studies.codec import Json, decode, encode
from gilscope.studies.document import Envelope, RowStatus, StudyRow

RequestT = TypeVar("RequestT")
RowT = TypeVar("RowT", bound=StudyRow)
PlanT = TypeVar("PlanT")
SampleT = TypeVar("SampleT")

# History
# 1   header, item, block, resumed and ended lines
FORMAT = Format(schema="gilscope.study.lines", version=1)

_Controls: TypeAlias = Mapping[str, Estimate | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyItem(Generic[RowT, PlanT]):
    """What has a sample in every block: its row without figures, and how it is measured, to be resumed with."""

    row: RowT
    plan: PlanT | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyBlock(Generic[SampleT]):
    """One sample of every item that did not fail, taken in the same seconds, and controls by name."""

    started_ns: int
    ended_ns: int
    samples: Mapping[str, SampleT]
    controls: Mapping[str, float] = field(default_factory=dict)

    @property
    def wall_s(self) -> float:
        """Its length in seconds."""
        return (self.ended_ns - self.started_ns) / 1e9


@dataclass(slots=True, kw_only=True)
class StudyRecord(Generic[RequestT, RowT, PlanT, SampleT]):
    """All that a study has measured so far; grows while it is measured."""

    path: str
    asked: RequestT
    environment: Environment
    tool_version: str = __version__
    notes: tuple[str, ...] = ()
    items: dict[str, StudyItem[RowT, PlanT]] = field(default_factory=dict)
    blocks: list[StudyBlock[SampleT]] = field(default_factory=list)
    ended: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def spent_s(self) -> float:
        """What the blocks took, in seconds."""
        return sum(block.ended_ns - block.started_ns for block in self.blocks) / 1e9

    def samples(self, key: str) -> list[SampleT]:
        """Return what was measured of an item, block by block."""
        return [block.samples[key] for block in self.blocks if key in block.samples]

    def controls(self) -> _Controls:
        """Estimate the median of each control over blocks."""
        names = dict.fromkeys(name for block in self.blocks for name in block.controls)
        found = {name: [b.controls[name] for b in self.blocks if name in b.controls] for name in names}
        return {name: estimate_or_none(values) for name, values in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[RequestT, RowT, PlanT, SampleT]):
    """One study: the types of what is in its file (dataclasses, or unions of some), and how its document is made."""

    name: str
    request: type[RequestT]
    row: Any
    plan: Any
    sample: Any
    document_type: type[Envelope]
    measured: Callable[[RowT, Sequence[SampleT], _Controls], RowT]  # returns a row with its figures
    notes: Callable[[RequestT], tuple[str, ...]] = lambda _: ()  # what holds for every measurement

    def document(self, record: StudyRecord[RequestT, RowT, PlanT, SampleT]) -> Envelope:
        """Return the document of a record."""
        controls = record.controls()
        make: Callable[..., Envelope] = self.document_type  # its request is a field that Envelope lacks
        return make(
            tool_version=record.tool_version,
            environment=record.environment,
            asked=record.asked,
            blocks=len(record.blocks),
            interrupted=not record.ended,
            rows=tuple(self.measured(item.row, record.samples(key), controls) for key, item in record.items.items()),
            controls=controls,
            notes=(*record.notes, *record.warnings),
        )

    @property
    def file_name(self) -> str:
        """Name of its file in a folder."""
        return f"{self.name}.jsonl"


AnyKind: TypeAlias = Kind[Any, Any, Any, Any]
_AnyRecord: TypeAlias = StudyRecord[Any, Any, Any, Any]


class StudyLog(Generic[RequestT, RowT, PlanT, SampleT]):
    """A record (empty, or to be resumed) with its file: what is added to one is written to the other."""

    def __init__(
        self,
        kind: Kind[RequestT, RowT, PlanT, SampleT],
        record: StudyRecord[RequestT, RowT, PlanT, SampleT],
        *,
        resume: bool = False,
    ) -> None:
        self.record = record
        record.ended = False
        self._file = AppendOnlyFile(Path(record.path), FORMAT.schema, resume=resume)
        shared = {
            "tool_version": record.tool_version,
            "environment": record.environment,
            "asked": encode(record.asked),
            "notes": encode(record.notes),
        }
        head = {"schema": FORMAT.schema, "schema_version": FORMAT.version, "study": kind.name, **shared}
        self._file.append({"resumed": shared} if resume else head)

    def __enter__(self) -> StudyLog[RequestT, RowT, PlanT, SampleT]:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, key: str, row: RowT, plan: PlanT | None = None) -> None:
        """Add or replace an item; nothing is written if it has not changed."""
        item = StudyItem(row=row, plan=plan)
        if self.record.items.get(key) != item:
            self.record.items[key] = item
            self._file.append({"item": {"key": key, **encode(item)}})

    def note(self, key: str, status: RowStatus, reason: str = "", cure: str = "") -> None:
        """Set the status of an item that is there."""
        item = self.record.items[key]
        self.put(key, replace(item.row, status=status, reason=reason, cure=cure), item.plan)

    def block(self, block: StudyBlock[SampleT]) -> None:
        """Add a block that has come to its end."""
        self.record.blocks.append(block)
        self._file.append({"block": encode(block)})

    def end(self) -> None:
        """Mark the study as complete."""
        self.record.ended = True
        self._file.append({"ended": {"blocks": len(self.record.blocks)}})


def read_record(path: Path, kinds: Mapping[str, AnyKind]) -> tuple[AnyKind, Any]:
    """Return the kind and the record of a study's file; ForeignFileError, NewerSchemaError or ResultFileError."""
    return read_file(path, lambda file: _read(file, str(path), kinds))


def _read(file: BinaryIO, path: str, kinds: Mapping[str, AnyKind]) -> tuple[AnyKind, _AnyRecord]:
    def check(header: Line) -> None:
        if str(header.get("study")) not in kinds:
            raise ValueError(f"study is none of {', '.join(kinds)}")
        _shared(header, kinds[header["study"]])

    header = read_header(file, path, FORMAT, check)
    kind = kinds[header["study"]]
    record: _AnyRecord = StudyRecord(path=path, **_shared(header, kind))
    unknown: dict[str, None] = {}
    for number, line in read_lines(file, path, FORMAT, header["schema_version"], record.warnings):
        try:
            unknown.update(dict.fromkeys(_take(line, record, kind)))
        except MALFORMED as error:
            raise damaged(path, f"line {number}", error) from None
    record.warnings += left_out(unknown)
    return kind, record


def _shared(line: Line, kind: AnyKind) -> dict[str, Any]:
    """Return what a header and a line about resuming have in common."""
    environment = decode(Mapping[str, Any], line["environment"], "environment")
    check_environment(environment)
    return {
        "tool_version": decode(str, line["tool_version"], "tool_version"),
        "environment": environment,
        "asked": decode(kind.request, line["asked"], "asked"),
        "notes": decode(tuple[str, ...], line["notes"], "notes"),
    }


def _take(line: Line, record: _AnyRecord, kind: AnyKind) -> Iterator[str]:
    """Add a line to a record; yield the keys of a line of unknown kind."""
    if "item" in line:
        found = line["item"]
        plan = None if found["plan"] is None else decode(kind.plan, found["plan"], "plan")
        key = decode(str, found["key"], "key")
        record.items[key] = StudyItem(row=decode(kind.row, found["row"], "row"), plan=plan)
    elif "block" in line:
        record.blocks.append(_block(line["block"], record, kind))
    elif "resumed" in line:
        record.asked, record.ended = _shared(line["resumed"], kind)["asked"], False
    elif "ended" in line:
        record.ended = True
    else:
        yield from line


def _block(found: Json, record: _AnyRecord, kind: AnyKind) -> StudyBlock[Any]:
    named = decode(Mapping[str, Any], found["samples"], "samples").items()
    samples = {key: decode(kind.sample, sample, f"sample {key[:40]}") for key, sample in named}
    if strange := samples.keys() - record.items.keys():
        raise ValueError(f"nothing is known of {min(strange)[:40]}")
    return StudyBlock(
        started_ns=decode(int, found["started_ns"], "started_ns"),
        ended_ns=decode(int, found["ended_ns"], "ended_ns"),
        samples=samples,
        controls=decode(Mapping[str, float], found["controls"], "controls"),
    )
