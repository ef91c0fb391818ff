"""What surrounded a measurement, and facts that keep two apart."""

from __future__ import annotations

import pytest

from gilscope.env import capture
from gilscope.results.surroundings import Cpus, Machine, Python, Surroundings, differences

GIB = 1 << 30
HERE = {
    "machine": {"identity": "f00", "cpu_model": "fast", "memory_bytes": 16 * GIB},
    "cpus": {"count": 2, "quota_cpus": None},
    "interpreter": {"version": "3.13.1", "gil_enabled": True},
    "interpreters": [{"label": "3.13t", "version": "3.13.0"}],
}


def told(now: dict[str, object]) -> list[str]:
    return [str(difference) for difference in differences(HERE, {**HERE, **now})]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"machine": {"identity": "ba5"}}, "machine identity: f00 before, ba5 now"),
        ({"machine": {"memory_bytes": 8 * GIB}}, f"machine memory_bytes: {16 * GIB} before, {8 * GIB} now"),
        ({"cpus": {"count": 2, "quota_cpus": 1.5}}, "cpus quota_cpus: None before, 1.5 now"),
        ({"interpreter": {"gil_enabled": False}}, "interpreter gil_enabled: True before, False now"),
        (
            {"interpreters": [{"label": "3.13t", "version": "3.13.1"}]},
            "interpreter 3.13t version: 3.13.0 before, 3.13.1 now",
        ),
    ],
)
def test_each_difference_is_named_with_both_values(now, said) -> None:
    assert told(now) == [said]


@pytest.mark.parametrize(
    "now",
    [
        {"started_utc": "later", "libraries": {"numpy": "2"}},
        {"machine": {"memory_bytes": 16 * GIB - GIB // 2}},  # another kernel reserves more of it
        {"machine": {}, "interpreters": []},  # facts that are not told say nothing
        {"machine": None},
        {"machine": {"identity": None, "memory_bytes": None}},  # could not be read
    ],
)
def test_the_same_place_is_recognized(now) -> None:
    assert told(now) == []


def test_huge_numbers_of_damaged_files_are_differences_too() -> None:
    assert len(told({"machine": {"memory_bytes": 10**400}})) == 1
    assert len(told({"machine": {"memory_bytes": 1e300}})) == 1


def test_an_environment_is_read_as_it_was_captured() -> None:
    captured = capture()
    around = Surroundings.of(captured)
    assert around.cpus.count == captured["cpus"]["count"]
    assert around.machine.caches_bytes == captured["machine"]["caches_bytes"]
    assert around.interpreter.label == captured["interpreter"]["label"]
    assert around.libraries == captured["libraries"]
    assert [check.name for check in around.checks] == [check["name"] for check in captured["checks"]]
    assert around.started_utc == captured["started_utc"]


def test_of_functions_and_interpreters_all_is_kept() -> None:
    around = Surroundings.of(
        {
            "interpreters": [{"label": "3.13t+gil", "gil_enabled": True, "gil_asked": "on"}],
            "functions": {"work": {"call_s": 0.5, "held": 1, "own_threads": False, "pools": ["openblas"]}},
            "hand_over_s": {"threads": 1e-5},
        }
    )
    assert around.interpreters == (Python(label="3.13t+gil", gil_enabled=True, gil_asked="on"),)
    assert around.functions["work"].held == 1
    assert around.functions["work"].pools == ("openblas",)
    assert around.hand_over_s == {"threads": 1e-5}


@pytest.mark.parametrize("environment", [None, {}, {"machine": None, "cpus": 3, "checks": ["load"]}])
def test_what_is_missing_counts_as_unknown(environment) -> None:
    around = Surroundings.of(environment)
    assert around == Surroundings()
    assert not around.machine.known
    assert around.cpus == Cpus()
    assert around.machine == Machine()
