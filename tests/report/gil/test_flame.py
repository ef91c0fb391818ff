"""The file for speedscope: as its format says, root first, weighed by blame and by held time."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jsonschema
import pytest

from gilscope.analysis.program import ProcessReport
from gilscope.report.gil.flame import SCHEMA, speedscope
from tests.made_stacks import server, stacks
from tests.report.gil.test_text import blamed, report, seen
from tests.validators import keeps_to


def file_format() -> dict[str, Any]:
    """Return what speedscope's file-format-spec.ts asks of a file with sampled profiles."""
    number, text, place = {"type": "number"}, {"type": "string"}, {"type": "integer", "minimum": 0}
    frame = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": text, "file": text, "line": number, "col": number},
        "additionalProperties": False,
    }
    profile = {
        "type": "object",
        "required": ["type", "name", "unit", "startValue", "endValue", "samples", "weights"],
        "properties": {
            "type": {"const": "sampled"},
            "name": text,
            "unit": {"enum": ["none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"]},
            "startValue": number,
            "endValue": number,
            "samples": {"type": "array", "items": {"type": "array", "items": place}},
            "weights": {"type": "array", "items": number},
        },
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["$schema", "shared", "profiles"],
        "properties": {
            "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
            "name": text,
            "exporter": text,
            "activeProfileIndex": place,
            "shared": {
                "type": "object",
                "required": ["frames"],
                "properties": {"frames": {"type": "array", "items": frame}},
            },
            "profiles": {"type": "array", "items": profile},
        },
        "additionalProperties": False,
    }


@pytest.mark.parametrize("made", [server(), stacks(), None], ids=["server", "empty", "none"])
def test_the_file_is_as_speedscope_wants_it(made: Any) -> None:
    found = json.loads(json.dumps(speedscope(report(blamed(seen(0.9), stacks=made))), allow_nan=False))
    keeps_to(found, file_format)
    for profile in found["profiles"]:
        assert len(profile["samples"]) == len(profile["weights"])
        assert profile["endValue"] == pytest.approx(sum(profile["weights"]))
        assert max((max(path) for path in profile["samples"]), default=-1) < len(found["shared"]["frames"])


def test_the_check_of_the_format_can_fail() -> None:
    with pytest.raises(jsonschema.ValidationError):
        keeps_to({"$schema": SCHEMA, "shared": {"frames": [{"file": "a.py"}]}, "profiles": []}, file_format)


def test_a_profile_weighs_by_blame_and_one_by_held_time_from_the_root_on() -> None:
    found = speedscope(report(blamed(seen(0.9))))
    blame, held = found["profiles"]
    assert (blame["weights"], held["weights"]) == ([14.2, 2.0], [5.0, 1.0])
    names = [found["shared"]["frames"][place]["name"] for place in blame["samples"][0]]
    assert names == ["Thread.run", "Handler.do_POST", "loads", "JSONDecoder.raw_decode"]


def test_child_processes_have_profiles_of_their_own() -> None:
    gil = blamed(seen(0.9))
    child = ProcessReport(pid=7, command="w", wall_s=1.0, cpu_s=1.0, gil=gil, verdict=report(gil).verdict)
    names = [profile["name"] for profile in speedscope(dataclasses.replace(report(gil), children=(child,)))["profiles"]]
    assert names[2:] == ["blame: thread-seconds waited, process 7", "held: seconds, process 7"]
