"""Name, version and history of the result file's format (described in docs/schema.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

__all__ = ["MAX_LINE_BYTES", "MAX_STAMPS", "MIGRATIONS", "RESULT_NAME", "SCHEMA", "SCHEMA_VERSION", "Line"]

Line: TypeAlias = dict[str, Any]

SCHEMA = "gilscope.result"

# History
# 1   header, case, block and diagnostic lines
SCHEMA_VERSION = 1

MIGRATIONS: Mapping[int, Callable[[Line], Line]] = {}
"""Version -> function from its lines to those of the next. Added fields alone need no new version."""

RESULT_NAME = "result.jsonl"

MAX_STAMPS = 16
"""Workers stamped one by one; of more workers a round keeps this many quantiles, so that files stay small."""

# A block of ten thousand slots with sixteen stamps each has 20 MB. Longer lines are not ours.
MAX_LINE_BYTES = 64 << 20
