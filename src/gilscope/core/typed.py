"""Frozen dataclasses from stored JSON: leniently, where the rest is of use without what does not fit, or strictly."""

import dataclasses
import math
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

MIN_FLOAT = 1e-100
"""Smaller numbers other than zero become zero when halved, and no scale has a place for them."""

_MAX_NUMBER = 2**63  # longer integers are none of ours, and may not fit a float
_UNFIT = object()
_SCALARS = {str: (str,), bool: (bool,), int: (int,), float: (int, float), types.NoneType: (types.NoneType,)}
_UNIONS = (Union, types.UnionType)


@dataclasses.dataclass(frozen=True, slots=True)
class Bounds:
    """The least value of an ``Annotated`` number, and what it stays below."""

    minimum: float
    below: float = math.inf


class _UnfitError(ValueError):
    """A value is not of its type."""


class Reader:
    """Reads JSON as a type.

    Understood are ``str``, ``int``, ``float``, ``bool``, ``None``, ``Any``, ``Literal``, unions, ``tuple[X, ...]``,
    mappings (with keys that are texts, whole numbers or a ``Literal``, of which all must be there), dataclasses whose
    module knows the types of their fields at run time, and numbers ``Annotated`` with `Bounds`. Unknown fields are
    ignored, as later versions may add some.

    ``strict``: whether a value of another type is an error, and numbers must be in range. Otherwise a field has its
    default instead, and an entry of a tuple or mapping is left out. ``special`` has by type what reads those that are
    stored in another form, as (value, name) -> object.
    """

    def __init__(self, *, strict: bool, special: Mapping[Any, Callable[[Any, str], Any]] | None = None) -> None:
        self._strict, self._special = strict, special or {}

    def read(self, kind: Any, value: Any, name: str = "it") -> Any:
        """Return JSON as a value of a type; ValueError says what in ``name`` does not fit or is missing."""
        origin, inner = get_origin(kind), get_args(kind)
        if kind is Any:
            return value
        if kind in self._special:
            return self._special[kind](value, name)
        if kind in _SCALARS:
            return self._scalar(kind, value, name)
        if origin is Annotated:
            found, bounds = self._scalar(inner[0], value, name), inner[1]
            if not bounds.minimum <= found < bounds.below:
                raise _UnfitError(f"{name} is out of range")
            return found
        if origin is Literal:
            if not any(value == one and type(value) is type(one) for one in inner):
                raise _UnfitError(f"{name} is none of {', '.join(map(repr, inner))}")
            return value
        if origin in _UNIONS:
            return self._one_of(inner, value, name)
        if origin is tuple and isinstance(value, list | tuple):
            entries = (self._entry(inner[0], entry, f"{name}[{n}]") for n, entry in enumerate(value))
            return tuple(entry for entry in entries if entry is not _UNFIT)
        if origin is tuple or not isinstance(value, Mapping):
            raise _UnfitError(f"{name} must not be {type(value).__name__}")
        return self.fields(kind, value, name) if dataclasses.is_dataclass(kind) else self._mapping(inner, value, name)

    def fields(self, kind: Any, value: Mapping[str, Any], name: str) -> Any:
        """Return a JSON object as a dataclass."""
        found = {}
        for field, (hint, required) in fields_of(kind).items():
            entry = self._entry(hint, value[field], f"{name}.{field}") if field in value else _UNFIT
            if entry is not _UNFIT:
                found[field] = entry
            elif required and self._strict:
                raise ValueError(f"{name} has no {field}")
            elif required:
                raise ValueError(f"{kind.__name__}.{field} is missing or not as it should be")
        return kind(**found)

    def _entry(self, kind: Any, value: Any, name: str) -> Any:
        """Return part of a value, or ``_UNFIT`` where one may be left out."""
        try:
            return self.read(kind, value, name)
        except _UnfitError:
            if self._strict:
                raise
            return _UNFIT

    def _scalar(self, kind: Any, value: Any, name: str) -> Any:
        if type(value) not in _SCALARS[kind]:  # a bool is not a number
            raise _UnfitError(f"{name} must not be {type(value).__name__}")
        if not self._strict:
            return value  # whole numbers stay as they were written
        tiny = isinstance(value, float) and 0 < abs(value) < MIN_FLOAT
        if isinstance(value, int | float) and (tiny or not -_MAX_NUMBER <= value < _MAX_NUMBER):
            raise _UnfitError(f"{name} is out of range")
        return float(value) if kind is float else value

    def _one_of(self, kinds: tuple[Any, ...], value: Any, name: str) -> Any:
        if value is None and types.NoneType in kinds:
            return None
        *others, last = [kind for kind in kinds if kind is not types.NoneType]
        for kind in others:
            try:
                return self.read(kind, value, name)
            except ValueError as error:
                if not self._strict and not isinstance(error, _UnfitError):
                    raise
        return self.read(last, value, name)  # its complaint is as good as the others'

    def _mapping(self, inner: tuple[Any, ...], value: Mapping[Any, Any], name: str) -> dict[Any, Any]:
        keys = get_args(inner[0]) if get_origin(inner[0]) is Literal else tuple(value)
        if missing := [key for key in keys if key not in value]:
            raise _UnfitError(f"{name} has no {missing[0]}")
        of_text = int if inner[0] is int else str
        entries = ((key, self._entry(inner[1], value[key], f"{name}.{str(key)[:40]}")) for key in keys)
        return {of_text(key): entry for key, entry in entries if entry is not _UNFIT}


@cache
def fields_of(kind: Any) -> Mapping[str, tuple[Any, bool]]:
    """Return the type of each field of a dataclass, and whether it has no default."""
    hints, none = get_type_hints(kind, include_extras=True), dataclasses.MISSING
    return {
        field.name: (hints[field.name], field.default is none and field.default_factory is none)
        for field in dataclasses.fields(kind)
        if field.init
    }


_LENIENT = Reader(strict=False)


def read(kind: type[T], document: object) -> T:
    """Read a JSON object leniently into a dataclass.

    ValueError if a field without a default is missing, as in what is no object, or has another type.
    """
    found: T = _LENIENT.fields(kind, document if isinstance(document, Mapping) else {}, kind.__name__)
    return found
