"""Whether a document has the shape a JSON Schema of ours describes: the keywords these use, no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = ["misshapen"]

Schema: TypeAlias = Mapping[str, Any]

MAX_INT = 2**63
"""Longer integers are none of ours, and would not fit a float."""

MIN_FLOAT = 1e-100
"""Of numbers that are not zero: the least ones become zero when they are halved, and no scale has a place for them."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}


def misshapen(value: object, schema: Schema) -> str:
    """Say what in a document is not as the schema says, or nothing.

    Parameters
    ----------
    value : object
        From ``json.loads``, with finite numbers only.

    Notes
    -----
    Additional fields are ignored, as everywhere: later versions may add some.
    """
    return _wrong(value, schema, schema, "it")


def _wrong(value: object, schema: Schema, root: Schema, what: str) -> str:
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    found = _wrong_itself(value, schema, what)
    if not found and isinstance(value, dict):
        found = _wrong_fields(value, schema, root, what)
    if not found and isinstance(value, list) and "items" in schema:
        rows = (_wrong(item, schema["items"], root, f"{what}[{n}]") for n, item in enumerate(value))
        found = next(filter(None, rows), "")
    return found or next(filter(None, (_wrong(value, part, root, what) for part in _parts(value, schema, root))), "")


def _wrong_itself(value: object, schema: Schema, what: str) -> str:
    """Check what needs no look inside."""
    words = schema.get("type", [])
    kinds = [kind for word in ([words] if isinstance(words, str) else words) for kind in _TYPES[word]]
    if kinds and type(value) not in kinds:  # a bool is no number here
        return f"{what} must not be {type(value).__name__}"
    if "const" in schema and (value != schema["const"] or type(value) is not type(schema["const"])):
        return f"{what} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{what} is none of {', '.join(map(repr, schema['enum']))}"
    most = schema.get("exclusiveMaximum", MAX_INT)
    if isinstance(value, int | float) and not schema.get("minimum", -MAX_INT) <= value < most:
        return f"{what} is out of range"
    if isinstance(value, float) and 0 < abs(value) < MIN_FLOAT:
        return f"{what} is out of range"
    return ""


def _wrong_fields(value: Mapping[str, object], schema: Schema, root: Schema, what: str) -> str:
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        return f"{what} has no {missing[0]}"
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    # Only what is described is looked into: the rest may be nested as deeply as it likes.
    described = {name: part for name in value if (part := known.get(name, others))}
    inside = (_wrong(value[name], part, root, f"{what}.{name[:40]}") for name, part in described.items())
    return next(filter(None, inside), "")


def _parts(value: object, schema: Schema, root: Schema) -> list[Schema]:
    """Return the further schemas that a value must satisfy."""
    parts = [*schema.get("allOf", ())]
    if "if" in schema and not _wrong(value, schema["if"], root, ""):
        parts.append(schema["then"])
    choices = schema.get("anyOf", ())
    if choices and all(_wrong(value, choice, root, "") for choice in choices):
        parts.append(choices[0])  # whose complaint is as good as the others'
    return parts
