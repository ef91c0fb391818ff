"""Facts that keep two measurements apart."""

from __future__ import annotations

import pytest

from gilscope.results.surroundings import differences

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
