"""The check of studies without a library says what the library says."""

from __future__ import annotations

import copy
import random
from typing import Any

import jsonschema
import pytest

from gilscope.studies.document import document, json_schema
from gilscope.studies.shape import misshapen
from tests.faults.mutations import WORDS, places
from tests.studies.test_document import JOB, METG, STARTUP, TRANSFER

WHOLE = [
    document("metg", environment={}, asked={}, blocks=9, rows=[METG], controls={"spin": METG["task_s"]}),
    document("startup", environment={}, asked={}, blocks=9, rows=[STARTUP]),
    document("ipc", environment={}, asked={}, blocks=9, rows=[TRANSFER, JOB], notes=["a note"]),
]


@pytest.mark.parametrize("whole", WHOLE, ids=lambda whole: str(whole["study"]))
def test_a_document_that_is_whole_has_its_shape(whole: dict[str, Any]) -> None:
    assert misshapen(whole, json_schema()) == ""


@pytest.mark.parametrize("whole", WHOLE, ids=lambda whole: str(whole["study"]))
def test_what_the_library_refuses_is_refused_in_one_line(whole: dict[str, Any]) -> None:
    generator, schema = random.Random(1), json_schema()
    validator = jsonschema.Draft202012Validator(schema)
    refused = 0
    for _ in range(100):
        changed = copy.deepcopy(whole)
        holder, key = generator.choice(places(changed))
        holder[key] = generator.choice(WORDS)
        said = misshapen(changed, schema)
        assert "\n" not in said
        if not validator.is_valid(changed):
            assert said, changed
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 1e300, 5e-324])
def test_a_number_that_nothing_could_draw_is_out_of_range(number: float) -> None:
    changed = copy.deepcopy(WHOLE[0])
    changed["rows"][0]["task_s"] = {**METG["task_s"], "value": number}
    assert misshapen(changed, json_schema()) == "it.rows[0].task_s.value is out of range"
