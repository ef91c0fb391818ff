"""What the documents of all studies have in common: the envelope, and the first fields of a row (docs/schema.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from gilscope.core.records import Environment
from gilscope.results.environment import check_environment
from gilscope.stats import Estimate
from gilscope.studies.codec import Count, Json, encode

# History of the version: 1 is the first.
SCHEMA: Final = "gilscope.study"
SCHEMA_VERSION: Final = 1

RowStatus: TypeAlias = Literal[
    "ok", "not_reached", "below_sweep", "unavailable", "wrong_result", "failed", "timeout", "left_out"
]
StartMethod: TypeAlias = Literal["", "fork", "forkserver", "spawn"]

_BEFORE_ROWS = ("schema", "schema_version", "study", "tool_version", "environment", "asked", "blocks", "interrupted")
_ORDER = (*_BEFORE_ROWS, "rows", "controls", "notes")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """What was measured, whether that succeeded, and why not; ``start_method`` is empty unless it is processes."""

    label: str
    executor: str
    start_method: StartMethod = ""
    status: RowStatus = "ok"
    reason: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A study; its document adds the request, and the rows."""

    schema: Literal["gilscope.study"] = SCHEMA
    schema_version: Literal[1] = SCHEMA_VERSION
    study: str
    tool_version: str
    environment: Environment
    blocks: Count  # completed ones
    interrupted: bool  # it has not reached its end, or not yet
    rows: tuple[StudyRow, ...]
    controls: Mapping[str, Estimate | None] = field(default_factory=dict)  # measured beside the rows, to judge them by
    notes: tuple[str, ...] = ()  # what was left out or changed, with the reason, in one sentence each

    def __post_init__(self) -> None:
        check_environment(self.environment)


def to_json(document: Envelope) -> Json:
    """Return a document as JSON; its first keys say what it is."""
    fields = encode(document)
    return {name: fields[name] for name in _ORDER}
