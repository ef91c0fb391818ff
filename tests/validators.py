"""Documents against their schemas: a schema is itself checked once, which takes ten times as long as a document."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from jsonschema.validators import validator_for

__all__ = ["keeps_to"]


@functools.cache
def _validator(schema: Callable[[], Mapping[str, Any]]) -> Any:
    made = schema()
    kind = validator_for(made)
    kind.check_schema(made)
    return kind(made)


def keeps_to(document: Any, schema: Callable[[], Mapping[str, Any]]) -> None:
    """Raise ``jsonschema.ValidationError`` where a document is not as the schema that ``schema`` returns wants it."""
    _validator(schema).validate(document)
