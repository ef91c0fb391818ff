"""Records to JSON-able values and back. Nothing is trusted about what is read.

The decoders raise ``ValueError`` (``KeyError`` for a missing field) on anything but what the encoders write, except
that they ignore additional fields: later versions may add some.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any, TypeVar, get_args

from gilscope.core.cases import Case, Slot, Study
from gilscope.core.records import Block, CaseRecord, Pace, Round, Stamp, Status
from gilscope.core.registry import EXECUTORS, REFERENCES, is_engine
from gilscope.core.spec import GilUse, Work
from gilscope.core.typed import Reader
from gilscope.results.schema import MAX_STAMPS

T = TypeVar("T")

_MAX_INT = 2**63  # nanoseconds since boot fit for 292 years; longer numbers would not fit a float
_MAX_WORKERS = 1_000_000
_STATUSES = frozenset(get_args(Status))
_ROLES = ("spin", "isolated", "A/A")
_GIL_USES = get_args(GilUse)
_TEXT_FIELDS = ("reason", "cure", "detail", "isa", "family", "python", "gil_reason")
_PAGES = ("huge", "small")
_JIT_STATES = ("cold", "cached", "none")

# Fields of a case that are written unchanged unless empty.
_PLAIN_FIELDS = (
    *("reason", "cure", "detail", "repeats", "first_ns", "isa", "pss_bytes"),
    *("family", "python", "gil_enabled", "gil_reason", "gil", "pages"),
)

# The order of a stamp's numbers in the file; the first _ABSOLUTE count from the start of the block.
_STAMP_FIELDS = (
    *("submit_ns", "start_ns", "end_ns", "received_ns", "waiting_ns", "waking_ns", "cpu_ns", "run_queue_ns"),
    *("gathering_ns", "cpu"),  # added later: rows without them are read
)
_LEAST_FIELDS = 8
_MEASURED_SINCE = ("net_ns", "stolen_ns", "minor_faults", "system_ns", "switches")  # earlier files lack them
_ABSOLUTE = 4
_STRICT = Reader(strict=True)


def _as(kind: type[T], value: object, what: str) -> T:
    if type(value) is not kind:  # a bool is no int here
        raise ValueError(f"{what} must be {kind.__name__}, not {type(value).__name__}")
    return value


def _int(value: object, what: str, *, low: int = -_MAX_INT) -> int:
    number = _as(int, value, what)
    if not low <= number < _MAX_INT:
        raise ValueError(f"{what} is out of range")
    return number


def _int_or_none(value: object, what: str) -> int | None:
    return None if value is None else _int(value, what)


def _word(value: object, what: str, known: Sequence[str] | frozenset[str]) -> Any:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{what} is none of {', '.join(sorted(known))}")
    return value


@lru_cache(maxsize=65536)
def _parse_case(text: str) -> Case:
    case = Case.parse(text)
    if case.workers > _MAX_WORKERS or case.chunks_per_worker > _MAX_INT:
        raise ValueError("the number of workers is out of range")
    if case.executor not in (*EXECUTORS, *REFERENCES) and not is_engine(case.executor):
        raise ValueError(f"unknown executor {case.executor!r}")
    return case


@lru_cache(maxsize=65536)
def parse_slot(key: str) -> Slot:
    """Read the key of a slot: a case id, or a control's role and a case id, e.g. ``spin:spin/cy_nogil@threads*2#M``."""
    for role in _ROLES:
        if key.startswith(f"{role}:"):
            return Slot(case=_parse_case(key[len(role) + 1 :]), role=role)  # type: ignore[arg-type]
    return Slot(case=_parse_case(key))


def encode_study(study: Study) -> dict[str, Any]:
    """Return the fields of a study; tuples become lists."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(study).items()}


def decode_study(encoded: object) -> Study:
    """Return the study; missing fields get their defaults."""
    study: Study = _STRICT.fields(Study, _as(dict, encoded, "study"), "study")
    return study


def encode_case_record(record: CaseRecord) -> dict[str, Any]:
    """Return the fields of a record except those with their default value; the case becomes its id."""
    values: dict[str, Any] = {"id": record.case.id, "status": record.status}
    plain = {name: getattr(record, name) for name in _PLAIN_FIELDS}
    values |= {name: value for name, value in plain.items() if value or value is False}
    if record.work is not None:
        values["work"] = asdict(record.work)
    if record.one_time_ns:
        values["one_time_ns"] = dict(record.one_time_ns)
    if record.jit_cache != "none":
        values["jit_cache"] = record.jit_cache
    if record.placed:
        values["placed"] = [dict(place) for place in record.placed]
    return values


def decode_case_record(encoded: object) -> CaseRecord:
    """Return the record of a case."""
    values = _as(dict, encoded, "case")
    one_time = _as(dict, values.get("one_time_ns", {}), "one_time_ns")
    texts: dict[str, Any] = {name: _as(str, values.get(name, ""), name) for name in _TEXT_FIELDS}
    return CaseRecord(
        case=_parse_case(_as(str, values["id"], "id")),
        status=_word(values["status"], "status", _STATUSES),
        **texts,
        repeats=_int(values.get("repeats", 0), "repeats", low=0),
        first_ns=_int(values.get("first_ns", 0), "first_ns", low=0),
        work=_decode_work(values.get("work")),
        one_time_ns={name: _int(value, f"one_time_ns.{name}") for name, value in one_time.items()},
        jit_cache=_word(values.get("jit_cache", "none"), "jit_cache", _JIT_STATES),
        gil_enabled=_as(bool, values["gil_enabled"], "gil_enabled") if "gil_enabled" in values else None,
        pages=_word(values.get("pages", ""), "pages", ("", *_PAGES)),
        gil=_word(values["gil"], "gil", _GIL_USES) if "gil" in values else None,
        pss_bytes=_int(values["pss_bytes"], "pss_bytes", low=0) if "pss_bytes" in values else None,
        placed=tuple(_as(dict, place, "placed") for place in _as(list, values.get("placed", []), "placed")),
    )


def _decode_work(values: object) -> Work | None:
    if values is None:
        return None
    given = _as(dict, values, "work")
    return Work(
        units=_int(given["units"], "work.units", low=0),
        unit=_as(str, given["unit"], "work.unit"),
        flops=_int(given.get("flops", 0), "work.flops", low=0),
        bytes=_int(given.get("bytes", 0), "work.bytes", low=0),
    )


def encode_block(block: Block) -> dict[str, Any]:
    """Return the fields of a block; times in its rounds count from its start."""
    return {
        "kernel": block.kernel,
        "index": block.index,
        "started_ns": block.started_ns,
        "ended_ns": block.ended_ns,
        "rounds": {key: _encode_round(measured, block.started_ns) for key, measured in block.rounds.items()},
        **({"paces": _encode_paces(block)} if block.paces else {}),
    }


def _encode_paces(block: Block) -> dict[str, list[list[float]]]:
    """Return rows of CPU, time and CPU time by the id of the T(1)."""
    rows: dict[str, list[list[float]]] = {}
    for pace in block.paces:
        row = [pace.cpu, pace.at_ns - block.started_ns, round(pace.cpu_ns, 1)]
        rows.setdefault(pace.case.id, []).append(row)
    return rows


def _decode_paces(values: Mapping[str, object], origin: int) -> Iterator[Pace]:
    for case_id, rows in values.items():
        for row in _as(list, rows, "paces"):
            cpu, at, cpu_ns = _as(list, row, "pace")
            if type(cpu_ns) not in (int, float) or not 0 < cpu_ns < _MAX_INT:
                raise ValueError("the CPU time of a pace must be above zero")
            at_ns = _int(at, "pace") + origin
            yield Pace(case=_parse_case(case_id), cpu=_int(cpu, "pace", low=0), at_ns=at_ns, cpu_ns=float(cpu_ns))


def decode_block(encoded: object) -> Block:
    """Return the block."""
    values = _as(dict, encoded, "block")
    origin = _int(values["started_ns"], "started_ns")
    rounds: dict[str, Round] = {}
    for key, measured in _as(dict, values["rounds"], "rounds").items():
        slot = parse_slot(key)
        if key not in (slot.key, *slot.aliases):
            raise ValueError(f"slot {key[:80]!r} is not written as gilscope writes it")
        rounds[slot.key] = _decode_round(_as(dict, measured, "round"), origin)
    return Block(
        kernel=_as(str, values["kernel"], "kernel"),
        index=_int(values["index"], "index", low=0),
        started_ns=origin,
        ended_ns=_int(values["ended_ns"], "ended_ns"),
        rounds=rounds,
        paces=tuple(_decode_paces(_as(dict, values.get("paces", {}), "paces"), origin)),
    )


def _encode_round(measured: Round, origin: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "repeats": measured.repeats,
        "start": measured.start_ns - origin,
        "end": measured.end_ns - origin,
    }
    if measured.combine_ns:
        values["combine"] = measured.combine_ns
    optional = {"steal": measured.steal_ns, "throttled": measured.throttled_ns, "cpu": measured.process_cpu_ns}
    optional |= {name: getattr(measured, name) for name in _MEASURED_SINCE}
    values |= {name: value for name, value in optional.items() if value is not None}
    rows = [[getattr(stamp, name) for name in _STAMP_FIELDS] for stamp in measured.stamps]
    if len(rows) > MAX_STAMPS:
        values["workers"] = len(rows)
        rows = _quantiles(rows)
    values["stamps"] = [[n - origin for n in row[:_ABSOLUTE]] + row[_ABSOLUTE:] for row in rows]
    return values


def _quantiles(rows: Sequence[Sequence[int | None]]) -> list[list[int | None]]:
    """Return MAX_STAMPS quantiles of each column, from minimum to maximum; unknown where any value is."""
    last = len(rows) - 1
    picks = [round(i * last / (MAX_STAMPS - 1)) for i in range(MAX_STAMPS)]
    columns: list[list[int | None]] = []
    for column in zip(*rows, strict=True):
        known = sorted(value for value in column if value is not None)
        columns.append([known[pick] for pick in picks] if len(known) == len(column) else [None] * MAX_STAMPS)
    columns[_STAMP_FIELDS.index("cpu")] = [None] * MAX_STAMPS  # a number, not a quantity
    return [list(row) for row in zip(*columns, strict=True)]


def _decode_round(values: Mapping[str, Any], origin: int) -> Round:
    start, end = _int(values["start"], "start"), _int(values["end"], "end")
    if end <= start:
        raise ValueError("a round must end after its start")
    stamps = _as(list, values.get("stamps", []), "stamps")
    return Round(
        repeats=_int(values["repeats"], "repeats", low=1),
        start_ns=start + origin,
        end_ns=end + origin,
        combine_ns=_int(values.get("combine", 0), "combine"),
        stamps=tuple(_decode_stamp(_as(list, row, "stamp"), origin) for row in stamps),
        steal_ns=_int_or_none(values.get("steal"), "steal"),
        throttled_ns=_int_or_none(values.get("throttled"), "throttled"),
        process_cpu_ns=_int_or_none(values.get("cpu"), "cpu"),
        **_measured_since(values),
    )


def _measured_since(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _int_or_none(values.get(name), name) for name in _MEASURED_SINCE}


def _decode_stamp(row: Sequence[object], origin: int) -> Stamp:
    if len(row) < _LEAST_FIELDS:
        raise ValueError(f"a stamp must have {_LEAST_FIELDS} numbers")
    submit, start, end, received, waiting, waking, cpu = (_int(value, "stamp") for value in row[:7])
    return Stamp(
        submit_ns=submit + origin,
        start_ns=start + origin,
        end_ns=end + origin,
        received_ns=received + origin,
        waiting_ns=waiting,
        waking_ns=waking,
        cpu_ns=cpu,
        run_queue_ns=_int_or_none(row[7], "stamp"),
        gathering_ns=_int(row[8], "stamp") if len(row) > _LEAST_FIELDS else 0,
        cpu=_int_or_none(row[9], "stamp") if len(row) > _LEAST_FIELDS + 1 else None,
    )


def decode_diagnostic(encoded: object) -> dict[str, Any]:
    """Return a diagnostic round as it was written, with the present id of its case."""
    values = _as(dict, encoded, "diagnostic")
    try:
        return {**values, "case": _parse_case(values["case"]).id}
    except (KeyError, TypeError, ValueError):  # its readers report that it is malformed
        return values


def encode_watched(measured: Round, holds: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return a diagnostic round and who held the GIL in it: rows of thread name, start and end in ns."""
    origin = measured.start_ns
    return {
        "started_ns": origin,
        "round": _encode_round(measured, origin),
        "holds": [[name, start - origin, end - origin] for name, start, end in holds],
    }


def kept_round(diagnostics: Iterable[Mapping[str, Any]], case: str) -> tuple[Round, list[tuple[str, int, int]]] | None:
    """Return the diagnostic round of a case and its holds; None where none was kept."""
    kept = next((line["trace"] for line in diagnostics if line.get("case") == case and "trace" in line), None)
    return None if kept is None else decode_watched(kept)


def decode_watched(encoded: object) -> tuple[Round, list[tuple[str, int, int]]]:
    """Return the round and the holds."""
    values = _as(dict, encoded, "trace")
    origin = _int(values["started_ns"], "started_ns")
    holds = []
    for row in _as(list, values["holds"], "holds"):
        name, start, end = _as(list, row, "hold")
        begin = _int(start, "hold") + origin
        holds.append((_as(str, name, "hold"), begin, max(begin, _int(end, "hold") + origin)))
    return _decode_round(_as(dict, values["round"], "round"), origin), holds
