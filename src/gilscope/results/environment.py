"""The shape of a result's environment, which analysis and reports rely on. Fields may be missing or additional."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeAlias

MAX_CPUS = 1 << 20
MAX_DEPTH = 20  # of nested objects and lists: printing an environment recurses into each

Shape: TypeAlias = "tuple[type, ...] | dict[str, Shape] | list[Shape]"

_TEXT: tuple[type, ...] = (str, NoneType)
_NUMBER: tuple[type, ...] = (int, float, NoneType)
_FLAG: tuple[type, ...] = (bool, NoneType)
_EACH = "*"  # every other key of an object

_INTERPRETER: Shape = {
    **dict.fromkeys(("label", "implementation", "version", "executable", "compiler", "gil_asked"), _TEXT),
    **dict.fromkeys(("free_threaded", "gil_enabled"), _FLAG),
    "switch_interval_s": _NUMBER,
    "libraries": {_EACH: _TEXT},
}

_ENVIRONMENT: Shape = {
    "machine": {
        **dict.fromkeys(("identity", "system", "release", "architecture", "cpu_model"), _TEXT),
        "virtual": _FLAG,
        "memory_bytes": _NUMBER,
        "caches_bytes": {_EACH: _NUMBER},
    },
    "cpus": {
        **dict.fromkeys(("limit", "detail"), _TEXT),
        **dict.fromkeys(("count", "logical", "physical", "quota_cpus"), _NUMBER),
    },
    "interpreter": _INTERPRETER,
    "interpreters": [_INTERPRETER],
    "libraries": {_EACH: _TEXT},
    "checks": [dict.fromkeys(("name", "status", "message", "cure"), _TEXT)],
    "hand_over_s": {_EACH: (int, float)},
    "hand_over_most_s": {_EACH: (int, float)},
    "hand_over_more_s": {_EACH: (int, float)},
    "hand_off": [dict.fromkeys(("hold_s", "waiting", "low_s", "value_s", "high_s"), (int, float))],
    "roofs": [
        {
            **dict.fromkeys(("workers", "bytes_per_s", "vector_bits"), (int, float)),
            **dict.fromkeys(("flops_per_s", "fma_flops_per_s"), _NUMBER),
            **dict.fromkeys(("stream", "reason"), _TEXT),
        }
    ],
    "functions": {
        _EACH: {
            **dict.fromkeys(("call_s", "empty_s", "held", "items", "fresh", "growth"), _NUMBER),
            **dict.fromkeys(("faults", "fault_share"), _NUMBER),
            "own_threads": _FLAG,
            "pools": [_TEXT],
        }
    },
    "commit": dict.fromkeys(("id", "time_utc"), _TEXT),
    "started_utc": _TEXT,
}


def check_environment(environment: Mapping[str, Any]) -> None:
    """Check the known fields; raise ValueError naming the first that is not as gilscope writes it."""
    _check_depth(environment)
    _check(environment, _ENVIRONMENT, "environment")
    count = environment.get("cpus", {}).get("count", 1)
    if type(count) is not int or not 1 <= count < MAX_CPUS:
        raise ValueError("environment.cpus.count must be a number of CPUs")


def _check_depth(environment: Mapping[str, Any]) -> None:
    level: list[Any] = [environment]
    for _ in range(MAX_DEPTH):
        inside = (value.values() if isinstance(value, dict) else value for value in level)
        level = [item for items in inside for item in items if isinstance(item, dict | list)]
    if level:
        raise ValueError("environment is nested too deeply")


def _check(value: object, shape: Shape, what: str) -> None:
    if isinstance(shape, tuple):
        if type(value) not in shape:  # a bool is no number here
            raise ValueError(f"{what} must not be {type(value).__name__}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise ValueError(f"{what} must be a list")
        for number, entry in enumerate(value):
            _check(entry, shape[0], f"{what}[{number}]")
    else:
        if not isinstance(value, dict):
            raise ValueError(f"{what} must be an object")
        for name, entry in value.items():
            known = shape.get(name, shape.get(_EACH))
            if known is not None:
                _check(entry, known, f"{what}.{name[:40]}")
