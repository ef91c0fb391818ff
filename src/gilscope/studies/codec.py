"""Dataclasses as JSON and back, and the JSON Schema of both: all from the annotations that `core.typed` understands."""

import collections.abc
import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from gilscope.core.typed import MIN_FLOAT, Bounds, Reader, fields_of
from gilscope.stats import Estimate

Json: TypeAlias = Any  # nothing more is known of it before it is decoded

Count: TypeAlias = Annotated[int, Bounds(0)]
Positive: TypeAlias = Annotated[int, Bounds(1)]
Seconds: TypeAlias = Annotated[float, Bounds(MIN_FLOAT)]
"""A duration that one may divide by."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _StoredEstimate:
    """A value with its interval over blocks; an end that lies beyond what was measured is null."""

    value: float
    low: float | None
    high: float | None
    confidence: Annotated[float, Bounds(0, below=1)]
    blocks: Positive


def _estimate(value: Json, name: str) -> Estimate:
    stored: _StoredEstimate = decode(_StoredEstimate, value, name)
    low = -math.inf if stored.low is None else stored.low
    high = math.inf if stored.high is None else stored.high
    return Estimate(value=stored.value, low=low, high=high, confidence=stored.confidence, n=stored.blocks)


decode = Reader(strict=True, special={Estimate: _estimate}).read


def encode(value: object) -> Json:
    """Return a value as JSON; an infinite end of an interval is null, and so is an estimate that is not finite."""
    if isinstance(value, Estimate):
        if not math.isfinite(value.value):
            return None
        low, high = (end if math.isfinite(end) else None for end in (value.low, value.high))
        return {"value": value.value, "low": low, "high": high, "confidence": value.confidence, "blocks": value.n}
    if dataclasses.is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [encode(inside) for inside in value]
    return value


_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", types.NoneType: "null"}


def schema_of(kind: Any, definitions: dict[str, Json]) -> Json:
    """Return the JSON Schema of a type; that of a class goes into ``definitions``, under its name."""
    origin, inside = get_origin(kind), get_args(kind)
    if kind is Any:
        return {}
    if origin is Annotated:
        bounds = inside[1]
        below = {} if math.isinf(bounds.below) else {"exclusiveMaximum": bounds.below}
        return {**schema_of(inside[0], definitions), "minimum": bounds.minimum, **below}
    if origin is Literal:
        return {"enum": list(inside)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(one, definitions) for one in inside]}
    if origin is tuple:
        return {"type": "array", "items": schema_of(inside[0], definitions)}
    if origin is collections.abc.Mapping:
        keys = {"required": list(get_args(inside[0]))} if get_origin(inside[0]) is Literal else {}
        return {"type": "object", "additionalProperties": schema_of(inside[1], definitions), **keys}
    if kind in _NAMES:
        return {"type": _NAMES[kind]}
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}  # a type may hold itself
        stored = _StoredEstimate if kind is Estimate else kind
        fields = fields_of(stored)
        definitions[kind.__name__] = {
            "description": (stored.__doc__ or "").partition("\n")[0],
            "type": "object",
            "required": [name for name, (_, required) in fields.items() if required],
            "properties": {name: schema_of(one, definitions) for name, (one, _) in fields.items()},
        }
    return {"$ref": f"#/$defs/{kind.__name__}"}
