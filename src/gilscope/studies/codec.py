"""Dataclasses as JSON and back, and the JSON Schema of both, all three from the annotations.

Understood are ``str``, ``int``, ``float``, ``bool``, ``None``, ``Any``, ``Literal``, unions, ``tuple[X, ...]``,
``Mapping`` (with keys that are words, whole numbers or a ``Literal``, of which all must be there), ``Estimate``,
dataclasses, and ``Annotated`` numbers with a least value.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, Union

from gilscope.stats import Estimate

__all__ = ["Count", "Json", "Positive", "Seconds", "decode", "encode", "schema_of"]

Json: TypeAlias = Any  # nothing more is known of it before it is decoded

MAX_NUMBER = 2**63
"""Longer integers are none of ours, and would not fit a float."""

MIN_FLOAT = 1e-100
"""Of numbers that are not zero: the least ones become zero when they are halved, and no scale has a place for them."""


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The least value of a number."""

    minimum: float


Count: TypeAlias = Annotated[int, AtLeast(0)]
Positive: TypeAlias = Annotated[int, AtLeast(1)]
Seconds: TypeAlias = Annotated[float, AtLeast(MIN_FLOAT)]
"""Of something that was timed, so that one may divide by it."""

_PLAIN: Mapping[Any, tuple[str, tuple[type, ...]]] = {
    str: ("string", (str,)),
    bool: ("boolean", (bool,)),
    int: ("integer", (int,)),
    float: ("number", (int, float)),
    types.NoneType: ("null", (types.NoneType,)),
}


@cache
def _fields(kind: type) -> Mapping[str, tuple[Any, bool]]:
    """Return the annotation of each field of a dataclass, and whether it must be there."""
    hints = typing.get_type_hints(kind, include_extras=True)
    found = {}
    for field in dataclasses.fields(kind):
        required = field.default is MISSING and field.default_factory is MISSING
        found[field.name] = (hints[field.name], required)
    return found


# Writing --------------------------------------------------------------------------------------------------------------


def encode(value: object) -> Json:
    """Return a value as JSON.

    JSON has no infinity: an end of an interval that lies beyond what was measured is null, and so is an estimate
    without a finite value.
    """
    if isinstance(value, Estimate):
        return _encoded_estimate(value)
    if dataclasses.is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [encode(inside) for inside in value]
    return value


def _encoded_estimate(estimate: Estimate) -> Json:
    if not math.isfinite(estimate.value):
        return None
    low, high = (end if math.isfinite(end) else None for end in (estimate.low, estimate.high))
    fields = {"value": estimate.value, "low": low, "high": high}
    return {**fields, "confidence": estimate.confidence, "blocks": estimate.n}


# Reading --------------------------------------------------------------------------------------------------------------


def decode(kind: Any, value: Json, what: str = "it") -> Any:
    """Return JSON as a value of a type; fields that are not known are ignored, as later versions may add some.

    Raises
    ------
    ValueError
        With what is not as the type says.
    """
    origin = typing.get_origin(kind)
    if kind is Any:
        return value
    if kind is Estimate:
        return _decoded_estimate(value, what)
    if origin is Annotated:
        return _at_least(kind, value, what)
    if origin is Literal:
        if not any(value == word and type(value) is type(word) for word in typing.get_args(kind)):
            raise ValueError(f"{what} is none of {', '.join(map(repr, typing.get_args(kind)))}")
        return value
    if origin in (Union, types.UnionType):
        return _one_of(typing.get_args(kind), value, what)
    if origin is tuple:
        _expect(value, list, what)
        return tuple(decode(typing.get_args(kind)[0], inside, f"{what}[{n}]") for n, inside in enumerate(value))
    if origin is collections.abc.Mapping:
        key, inside = typing.get_args(kind)
        return _mapping(key, inside, value, what)
    if dataclasses.is_dataclass(kind):
        return _object(typing.cast(type, kind), value, what)
    return _plain(kind, value, what)


def _expect(value: Json, kind: type, what: str) -> None:
    if not isinstance(value, kind):
        raise ValueError(f"{what} must not be {type(value).__name__}")


def _plain(kind: Any, value: Json, what: str) -> Any:
    if type(value) not in _PLAIN[kind][1]:  # a bool is no number here
        raise ValueError(f"{what} must not be {type(value).__name__}")
    if isinstance(value, int | float) and not -MAX_NUMBER <= value < MAX_NUMBER:
        raise ValueError(f"{what} is out of range")
    if isinstance(value, float) and 0 < abs(value) < MIN_FLOAT:
        raise ValueError(f"{what} is out of range")
    return float(value) if kind is float else value


def _at_least(kind: Any, value: Json, what: str) -> Any:
    plain, bound = typing.get_args(kind)
    found = _plain(plain, value, what)
    if found < bound.minimum:
        raise ValueError(f"{what} is out of range")
    return found


def _one_of(kinds: tuple[Any, ...], value: Json, what: str) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    wanted = [kind for kind in kinds if kind is not types.NoneType]
    for kind in wanted[:-1]:
        try:
            return decode(kind, value, what)
        except ValueError:
            continue
    return decode(wanted[-1], value, what)  # whose complaint is as good as the others'


def _mapping(key: Any, inside: Any, value: Json, what: str) -> Any:
    _expect(value, dict, what)
    names = typing.get_args(key) if typing.get_origin(key) is Literal else tuple(value)
    if missing := [name for name in names if name not in value]:
        raise ValueError(f"{what} has no {missing[0]}")
    make = int if key is int else str
    return {make(name): decode(inside, value[name], f"{what}.{name[:40]}") for name in names}


def _object(kind: type, value: Json, what: str) -> Any:
    _expect(value, dict, what)
    found = {}
    for name, (inside, required) in _fields(kind).items():
        if name in value:
            found[name] = decode(inside, value[name], f"{what}.{name}")
        elif required:
            raise ValueError(f"{what} has no {name}")
    return kind(**found)


def _decoded_estimate(value: Json, what: str) -> Estimate:
    _expect(value, dict, what)
    if missing := [name for name in _ESTIMATE if name not in value]:
        raise ValueError(f"{what} has no {missing[0]}")
    found = {name: decode(kind, value[name], f"{what}.{name}") for name, kind in _ESTIMATE.items()}
    if not 0 <= found["confidence"] < 1:
        raise ValueError(f"{what}.confidence is out of range")
    return Estimate(
        value=found["value"],
        low=-math.inf if found["low"] is None else found["low"],
        high=math.inf if found["high"] is None else found["high"],
        confidence=found["confidence"],
        n=found["blocks"],
    )


_ESTIMATE: Mapping[str, Any] = {
    "value": float,
    "low": float | None,
    "high": float | None,
    "confidence": float,
    "blocks": Positive,
}


# Describing -----------------------------------------------------------------------------------------------------------


def schema_of(kind: Any, definitions: dict[str, Json]) -> Json:
    """Return the JSON Schema of a type; that of classes goes into ``definitions``, by their names."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return {}
    if kind is Estimate:
        return _named("Estimate", lambda: _estimate_schema(definitions), definitions)
    if origin is Annotated:
        return {**schema_of(inside[0], definitions), "minimum": inside[1].minimum}
    if origin is Literal:
        return {"enum": list(inside)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(one, definitions) for one in inside]}
    if origin is tuple:
        return {"type": "array", "items": schema_of(inside[0], definitions)}
    if origin is collections.abc.Mapping:
        found = {"type": "object", "additionalProperties": schema_of(inside[1], definitions)}
        named = typing.get_origin(inside[0]) is Literal
        return {**found, "required": list(typing.get_args(inside[0]))} if named else found
    if dataclasses.is_dataclass(kind):
        described = typing.cast(type, kind)
        return _named(described.__name__, lambda: _object_schema(described, definitions), definitions)
    return {"type": _PLAIN[kind][0]}


def _named(name: str, make: collections.abc.Callable[[], Json], definitions: dict[str, Json]) -> Json:
    if name not in definitions:
        definitions[name] = {}  # so that what names itself comes to an end
        definitions[name] = make()
    return {"$ref": f"#/$defs/{name}"}


def _object_schema(kind: type, definitions: dict[str, Json]) -> Json:
    return {
        "description": (kind.__doc__ or "").partition("\n")[0],
        "type": "object",
        "required": [name for name, (_, required) in _fields(kind).items() if required],
        "properties": {name: schema_of(inside, definitions) for name, (inside, _) in _fields(kind).items()},
    }


def _estimate_schema(definitions: dict[str, Json]) -> Json:
    properties = {name: schema_of(kind, definitions) for name, kind in _ESTIMATE.items()}
    properties["confidence"] |= {"minimum": 0, "exclusiveMaximum": 1}
    return {
        "description": "A value with its interval over blocks; an end that lies beyond what was measured is null.",
        "type": "object",
        "required": list(_ESTIMATE),
        "properties": properties,
    }
