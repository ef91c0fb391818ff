"""Writing a result: the study, then a line per case, block and diagnostic round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gilscope.core.cases import Study
from gilscope.core.records import Block, CaseRecord, Environment
from gilscope.results.appending import AppendOnlyFile
from gilscope.results.codec import encode_block, encode_case_record, encode_study
from gilscope.results.schema import SCHEMA, SCHEMA_VERSION


class ResultWriter(AppendOnlyFile):
    """Append a study's cases and blocks to a result file; one writer at a time.

    ``environment`` is from ``env.capture``. With ``resume``, a line says with what this part was measured; the caller
    has checked that it is the same study on the same machine. Raises what ``AppendOnlyFile`` does.
    """

    def __init__(
        self,
        path: Path,
        study: Study,
        environment: Environment,
        tool_version: str,
        *,
        resume: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(path, SCHEMA, resume=resume, clock=clock)
        part = {"tool_version": tool_version, "study": encode_study(study), "environment": environment}
        head = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, **part}
        self.append({"resumed": part} if resume else head)

    def case(self, record: CaseRecord) -> None:
        """Append the record of a case; a later line about the same case replaces it."""
        self.append({"case": encode_case_record(record)})

    def block(self, block: Block) -> None:
        """Append a block."""
        self.append({"block": encode_block(block)})

    def diagnostic(self, values: Mapping[str, Any]) -> None:
        """Append a diagnostic round: any JSON-able mapping."""
        self.append({"diagnostic": values})
