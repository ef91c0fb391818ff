"""The answer as JSON, and the JSON Schema of it: both follow from the types of `answer`, field by field.

What differs from the fields is in ``_shapes``: a case is written as its id and its parts, a finding of a row as its
code, a verdict as a flat record. Descriptions in the schema are those of the docstrings.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
import types
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, Literal, NamedTuple, TypeAlias, Union, get_args, get_origin, get_type_hints

from gilscope.analysis.answer import Answer, FindingGroup, KernelRow
from gilscope.analysis.evidence import Evidence
from gilscope.analysis.findings import FINDINGS
from gilscope.analysis.gil import GilActivity
from gilscope.analysis.interpreters import Price
from gilscope.analysis.predict.model import Limit, Prediction
from gilscope.analysis.predict.outlook import Outlook
from gilscope.analysis.rows import CaseRow, ControlRow, MeasuredRow, Placement, Rate, Role
from gilscope.analysis.verdict import FunctionVerdict, KernelVerdict
from gilscope.core.cases import Case
from gilscope.stats import Estimate

SCHEMA = "gilscope.analysis"

# History
# 1   cases, controls, kernels, losses, ceilings, findings; later verdicts, basis and the rest of the ceilings
SCHEMA_VERSION = 1

Json: TypeAlias = dict[str, Any]


class VerdictEntry(NamedTuple):
    """One entry of ``verdicts``: of a kernel, or of a function of the user's."""

    of: KernelVerdict
    function: FunctionVerdict | None
    sentence: str

    @property
    def best(self) -> tuple[CaseRow, ...]:
        """The ways that tie."""
        return self.of.fastest if self.function is None else self.function.best


class Key(NamedTuple):
    """One key of a JSON object: its type, how it is read, and whether a value of None leaves it out."""

    name: str
    kind: Any
    read: Callable[[Any], Any]
    optional: bool = False
    text: str = ""


def to_json(answer: Answer, sentence: Callable[[Answer, KernelVerdict, FunctionVerdict | None], str]) -> Json:
    """Return the document of ``--json``, as ``json_schema`` describes it; time linear in the number of rows.

    ``sentence`` puts the verdict on a kernel, or on one of the user's functions, into words.
    """
    # What there is a verdict about: each function, or else each kernel.
    decided = [(found, one) for found in answer.verdicts for one in found.functions or (None,)]
    entries = [VerdictEntry(*entry, sentence(answer, *entry)) for entry in decided]
    document: Json = _plain(answer)
    return {**document, "verdicts": [_plain(entry) for entry in entries]}


def part_to_json(part: MeasuredRow | Estimate | Outlook | None) -> Any:
    """Return a row, an estimate or an outlook as the document has it."""
    return _plain(part)


_CASE = ("kernel", "implementation", "executor", "start_method", "transport", "scaling", "schedule", "libraries",
         "memory", "workers", "chunks_per_worker", "size")  # fmt: skip

_PRICED = ("kernel", "implementation", "executor", "size", "interpreter")

_CHOICES: Mapping[str, Any] = {
    "start_method": Literal["", "fork", "forkserver", "spawn"],
    "transport": Literal["", "shm", "pickle"],
    "scaling": Literal["", "weak"],
    "schedule": Literal["", "dynamic"],
    "libraries": Literal["", "all", "native"],
    "memory": Literal["", "kept", "onearena"],
}


@cache
def _shapes() -> Mapping[type, tuple[Key, ...]]:
    """Return the keys of what is not written field by field."""
    hints = get_type_hints(Case)
    parts = tuple(Key(name, _CHOICES.get(name, hints[name]), attrgetter(f"case.{name}")) for name in _CASE)
    aliases = Key(
        "aliases", tuple[str, ...], attrgetter("case.aliases"), text="Its ids in earlier versions, if they differ."
    )
    blocks = Key("blocks", int, attrgetter("n"), text="Size of the sample.")
    case = (Key("case", str, attrgetter("case.id")), *parts, aliases)
    return {
        Estimate: _fields(Estimate, n=blocks),
        Rate: _fields(Rate, n=blocks),
        CaseRow: (
            *case,
            *_fields(
                CaseRow,
                "case",
                demands=Key(
                    "predictions",
                    tuple[Prediction, ...] | None,
                    attrgetter("predictions"),
                    text="Speed-ups that more workers would reach, at most; null where that is not known.",
                ),
                findings=Key("findings", tuple[str, ...], attrgetter("codes")),
            ),
            Key("prediction_reason", str, attrgetter("prediction_reason"), text="Why nothing is predicted, or empty."),
        ),
        ControlRow: (case[0], Key("kernel", Role, attrgetter("role")), *case[2:], *_fields(ControlRow, "case", "role")),
        Price: (
            *(Key(name, str, attrgetter(f"case.{name}")) for name in _PRICED),
            Key("versus", str, attrgetter("versus.interpreter"), text="The interpreter it is compared with."),
            Key("case", str, attrgetter("case.id")),
            Key("versus_case", str, attrgetter("versus.id")),
            Key("time_ratio", Estimate, attrgetter("time_ratio"), text="Serial time over that of versus."),
        ),
        FindingGroup: _finding_group(),
        VerdictEntry: _verdict(),
        Answer: (
            Key("schema", Literal["gilscope.analysis"], lambda answer: SCHEMA),
            Key("schema_version", Literal[1], lambda answer: SCHEMA_VERSION),
            *_fields(
                Answer,
                "verdicts",
                rows=Key("cases", tuple[CaseRow, ...], attrgetter("rows")),
                interrupted=Key("interrupted", bool, attrgetter("interrupted"), optional=True),
            ),
        ),
    }


def _finding_group() -> tuple[Key, ...]:
    def evidence(group: FindingGroup) -> Json:
        return {row.case.id: {"share": found.share, **_known(found.evidence)} for row, found in group.found}

    text = "By case: share (the fraction of workers x wall it accounts for), and estimates, numbers and texts by name."
    return (
        Key("code", Literal[FINDINGS], attrgetter("code")),
        *_fields(FindingGroup, "code", "cure", "found"),
        Key("cases", tuple[str, ...], lambda group: [row.case.id for row, _ in group.found]),
        Key("evidence", Mapping[str, Mapping[str, Any]], evidence, text=text),
        Key("cure", str, attrgetter("cure"), text="The fix; empty where there is nothing to fix."),
    )


def _known(evidence: Evidence) -> Json:
    values = {one.name: getattr(evidence, one.name) for one in dataclasses.fields(evidence)}
    return {name: _plain(value) for name, value in values.items() if value not in (None, "")}


def _limit(verdict: VerdictEntry) -> Limit | None:
    return next((row.limit for row in (verdict.function or verdict.of).limited), None)


def _verdict() -> tuple[Key, ...]:
    def top(path: str) -> Callable[[VerdictEntry], Any]:
        return lambda verdict: attrgetter(path)(verdict.best[0]) if verdict.best else ""

    def function(verdict: VerdictEntry) -> str:
        return verdict.function.function if verdict.function is not None else ""

    return (
        Key("kernel", str, attrgetter("of.kernel")),
        Key("function", str, function, text="The user's function; empty for kernels."),
        Key("workers", int | None, lambda verdict: verdict.of.workers or None,
            text="Worker count of the cases that are compared; null where none was measured."),
        Key("size", str, top("case.size"), text="Of the best case."),
        Key("interpreter", str, top("interpreter"), text="Of the best case."),
        Key("best", tuple[str, ...], lambda verdict: [row.case.id for row in verdict.best],
            text="Cases that tie for fastest, the fastest first; of a function only those that certainly gain."),
        Key("gains", bool | None, lambda verdict: (verdict.function or verdict.of).gains,
            text="Whether more workers help; null where that is open."),
        Key("provisional", bool, attrgetter("of.provisional"), text="Whether confidence is below 95 %."),
        Key("limit", Limit | None, _limit,
            text="What no number of workers exceeds, of threads before processes; null where that is not known."),
        Key("sentence", str, attrgetter("sentence")),
    )  # fmt: skip


@cache
def _keys(kind: Any) -> tuple[Key, ...]:
    return _shapes().get(kind) or _fields(kind)


def _fields(kind: type, *without: str, **instead: Key) -> tuple[Key, ...]:
    """Return the fields of a dataclass as keys, some left out and some replaced; None of `Placement` is left out."""
    hints = get_type_hints(kind, localns={"KernelVerdict": KernelVerdict})
    texts = _described(kind)
    optional = kind is Placement
    return tuple(
        instead.get(one.name) or Key(one.name, hints[one.name], attrgetter(one.name), optional, texts.get(one.name, ""))
        for one in dataclasses.fields(kind)
        if one.name not in without
    )


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Case):
        return value.id
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if dataclasses.is_dataclass(value) or isinstance(value, VerdictEntry):
        kind: Any = type(value)
        pairs = ((key, key.read(value)) for key in _keys(kind))
        return {key.name: _plain(entry) for key, entry in pairs if not (key.optional and entry is None)}
    return [_plain(entry) for entry in value]


# The schema

_NAMES: Mapping[type, str] = {
    GilActivity: "gilseen",
    VerdictEntry: "verdict",
    CaseRow: "case",
    ControlRow: "control",
    KernelRow: "kernel",
    FindingGroup: "finding",
}
_BOUNDS: Mapping[str, Json] = {
    "workers": {"minimum": 1},
    "chunks_per_worker": {"minimum": 1},
    "confidence": {"minimum": 0, "exclusiveMaximum": 1},
}
_SCALARS: Mapping[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number", types.NoneType: "null"}


def json_schema() -> Json:
    """Return the JSON Schema of the document, made from the types."""
    defs: dict[str, Json] = {}
    made = _object(Answer, defs)
    made["properties"]["verdicts"] = _schema(tuple[VerdictEntry, ...], defs)
    made["required"].append("verdicts")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{SCHEMA}, version {SCHEMA_VERSION}",
        "description": "What a result means; printed by --json and described in docs/schema.md. "
        "Later versions of gilscope may add keys.",
        **made,
        "$defs": defs,
    }


def _object(kind: type, defs: dict[str, Json]) -> Json:
    properties = {}
    for key in _keys(kind):
        made = {**_schema(key.kind, defs), **_BOUNDS.get(key.name, {})}
        properties[key.name] = {**made, "description": key.text} if key.text else made
    required = [key.name for key in _keys(kind) if not key.optional]
    return {"type": "object", "required": required, "properties": properties}


def _schema(kind: Any, defs: dict[str, Json]) -> Json:
    """Return the schema of a type; dataclasses go to ``defs``."""
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    if kind is Any:
        return {}
    if kind is Case:
        return {"type": "string"}
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(each, defs) for each in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": _schema(inner[0], defs)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(inner[1], defs)}
    name = _NAMES.get(kind, kind.__name__.lower())
    if name not in defs:
        defs[name] = {}  # a type may hold itself
        defs[name] = {**_object(kind, defs), "description": (inspect.getdoc(kind) or "").partition("\n")[0]}
    return {"$ref": f"#/$defs/{name}"}


_ENTRY = re.compile(r"^(?P<names>\w+(?:, \w+)*) : .*(?P<text>(?:\n[ ]{4,}.*)*)", re.MULTILINE)


def _described(kind: type) -> dict[str, str]:
    """Return the descriptions of parameters in the docstrings of a dataclass and its bases."""
    texts: dict[str, str] = {}
    for each in reversed(kind.__mro__[:-1]):
        for found in _ENTRY.finditer(inspect.cleandoc(each.__doc__ or "")):
            text = " ".join(found["text"].split())
            texts |= dict.fromkeys(found["names"].split(", "), text) if text else {}
    return texts
