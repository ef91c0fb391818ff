"""Name, version and history of the result file's format (described in docs/schema.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Line: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A kind of JSON lines file: the name in its first line, the present version, and the migrations to it."""

    schema: str
    version: int
    migrations: Mapping[int, Callable[[Line], Line]] = field(default_factory=dict)


SCHEMA = "gilscope.result"

# History
# 1   header, case, block and diagnostic lines
SCHEMA_VERSION = 1

MIGRATIONS: Mapping[int, Callable[[Line], Line]] = {}
"""Version -> function from its lines to the next version's. Added fields alone need no new version."""

RESULT_NAME = "result.jsonl"

MAX_STAMPS = 16  # of more workers a round keeps this many quantiles, so that files stay small
MAX_LINE_BYTES = 64 << 20  # a block of ten thousand slots with sixteen stamps each has 20 MB
