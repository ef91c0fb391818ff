"""Results written by version 0.1.0 say what they said then, key by key; new keys may come, none goes."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gilscope.analysis import analyse
from gilscope.analysis.to_json import json_schema, to_json
from gilscope.report.sentences import verdict
from gilscope.results import load

STORED = Path(__file__).parent / "stored"
KINDS = ("run", "profile", "interpreters", "failed", "old")
"""A comparison of kernels, the user's functions, three interpreters, functions that fail, and a file of an earlier
format with fewer fields."""

NEW = {
    "verdicts",
    "cases.aliases",
    "cases.factors",
    "cases.predict",
    "cases.gil.culprit",
    "cases.gil.shared",
    "cases.hardware",
    "cases.holds_gil",
    "cases.kept_memory_speedup",
    "cases.libraries",
    "cases.memory",
    "cases.pages",
    "cases.pss_bytes",
    "controls.aliases",
    "controls.libraries",
    "controls.memory",
    "cases.basis",
    "cases.net_",
    "controls.net_",
    "cases.gil.waiting_reason",
    "cases.ceiling.inflation_machine",
    "cases.ceiling.inflation_memory",
    "cases.ceiling.inflation_software",
}


BETTER = re.compile(
    r"\.gil\.(held|waiting|overdue)\.confidence is|\.losses\.(gil_wait|blocked)\.(low|high|confidence) is"
    r"|\.evidence\..*\.(lost|gil_wait|held|waiting|overdue|blocked)\.(low|high|confidence) is|\.precision_reached is"
)
"""What earlier versions claimed and could not know: that the looks of one round say what other rounds show, that the
number of waiting threads is exact, and that an interval is as narrow as its mean side."""

WORDS = re.compile(r"\.(cure|reason) is '")
"""Texts are for people, and are said better; keys and codes stay."""


def stored(name: str) -> bytes:
    return gzip.decompress((STORED / f"{name}.gz").read_bytes())


@pytest.fixture(params=KINDS)
def documents(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any]:
    """Return what the earlier version printed, and what this one does."""
    path = tmp_path / "result.jsonl"
    path.write_bytes(stored(f"{request.param}.jsonl"))
    made = to_json(analyse(load(path)), verdict)
    return json.loads(stored(f"{request.param}.json")), json.loads(json.dumps({**made, "result": ""}))


def renamed(document: Any, names: Mapping[str, str]) -> Any:
    """Return a document with the ids of cases as they are today, and the name of the implementation beside each."""
    if isinstance(document, str):
        return names.get(document, document)
    if isinstance(document, list):
        return [renamed(entry, names) for entry in document]
    if not isinstance(document, dict):
        return document
    made = {names.get(key, key): renamed(value, names) for key, value in document.items()}
    if document.get("case") in names:
        made["implementation"] = made["case"].partition("/")[2].partition("@")[0]
    return made


def lost(old: Any, new: Any, at: str = "") -> Iterator[str]:
    """Yield where ``new`` says something else than ``old``, or nothing."""
    if isinstance(old, dict):
        for key, value in old.items():
            yield from lost(value, new[key], f"{at}.{key}") if key in new else [f"{at}.{key} is missing"]
    elif isinstance(old, list):
        if len(old) != len(new):
            yield f"{at} has {len(new)} entries, not {len(old)}"
        for number, (one, other) in enumerate(zip(old, new, strict=False)):
            yield from lost(one, other, f"{at}[{number}]")
    elif old != new:
        yield f"{at} is {new!r}, not {old!r}"


def keys(document: Any, at: str = "") -> Iterator[str]:
    """Yield the path of each key, without numbers of entries."""
    if isinstance(document, dict):
        for key, value in document.items():
            path = f"{at}.{key}".removeprefix(".")
            yield path
            yield from keys(value, path)
    elif isinstance(document, list):
        for value in document:
            yield from keys(value, at)


def judged_as_timed(old: Any) -> Any:
    """Leave out what a control beside other programs was judged by: rounds of today know their net length, those of
    before are judged as timed."""
    for found in old["findings"]:
        found["evidence"] = {
            case: seen for case, seen in found["evidence"].items() if "queueing" not in str(seen.get("basis"))
        }
    return old


def test_what_it_said_it_still_says(documents: tuple[Any, Any]) -> None:
    old, new = documents
    names = {alias: row["case"] for row in new["cases"] for alias in row["aliases"]}
    assert [
        change
        for change in lost(renamed(judged_as_timed(old), names), new)
        if not (BETTER.search(change) or WORDS.search(change))
    ] == []


@pytest.mark.parametrize("documents", ["profile"], indirect=True)
def test_only_cases_on_threads_of_libraries_are_renamed(documents: tuple[Any, Any]) -> None:
    old, new = documents
    renamed = {alias: row["case"] for row in new["cases"] for alias in row["aliases"]}
    assert {row["case"] for row in old["cases"]} - {row["case"] for row in new["cases"]} == set(renamed)
    kernel = "users.py:loops-users.py:hashes-users.py:multiplies"
    assert renamed == {
        f"{kernel}/multiplies_own_threads@native*1#1336": f"{kernel}/multiplies@native*1#1336",
        f"{kernel}/multiplies_own_threads@native*2#1336": f"{kernel}/multiplies@native*2#1336",
        f"{kernel}/multiplies_nested@serial#1336~c8": f"{kernel}/multiplies@serial.all#1336~c8",
        f"{kernel}/multiplies_nested@threads*2#1336": f"{kernel}/multiplies@threads.all*2#1336",
    }


def test_it_says_nothing_new_but_what_is_listed(documents: tuple[Any, Any]) -> None:
    old, new = documents
    more = {key for key in set(keys(new)) - set(keys(old)) if not key.startswith("findings.evidence")}
    assert {key for key in more if not key.startswith(tuple(NEW))} == set()
    assert {"verdicts", "cases.basis"} <= more


def test_it_keeps_to_the_schema(documents: tuple[Any, Any]) -> None:
    jsonschema.Draft202012Validator(json_schema()).validate(documents[1])


def test_the_comparison_finds_what_differs() -> None:
    assert list(lost({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]})) == [".a[1].b is 3, not 2"]
    assert list(lost({"a": 1, "c": 2}, {"a": 1})) == [".c is missing"]
    assert list(lost([1], [])) == [" has 0 entries, not 1"]
