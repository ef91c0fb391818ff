"""What an implementation says about the GIL is what it does, with cold and with warm Numba caches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gilscope import kernels
from gilscope.core.registry import KERNELS
from tests.kernels.gil_ticks import shows

REPOSITORY = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.measuring,
    pytest.mark.skipif(
        not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="this interpreter runs without a GIL"
    ),
]


def usable(name: str, gil: str) -> list[str]:
    spec = kernels.load(name)
    return [
        impl.name
        for impl in spec.impls
        if impl.gil == gil and "M" in (impl.sizes or "M") and kernels.availability(spec, impl).ok
    ]


def ticks(words: list[str], cache: Path) -> dict[str, Any]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "tests.kernels.gil_ticks", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="module")
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What all kernels that are to be tested do, with a cold cache in one process and with a warm one in another."""
    selected = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    names = [item.callspec.params["name"] for item in selected]
    words = [f"{name}/{word}" for name in names for gil in ("held", "released") for word in usable(name, gil)]
    cache = tmp_path_factory.mktemp("cache")
    return {state: ticks(words, cache) for state in ("cold", "cached")}


@pytest.mark.parametrize("name", KERNELS)
def test_the_gil_is_held_or_released_as_declared_from_cold_and_warm_caches(
    name: str, reports: dict[str, dict[str, Any]]
) -> None:
    assert usable(name, "held")
    for cache, report in reports.items():
        seen = report[name]
        states = {word: found["jit_cache"] for word, found in seen.items() if word.startswith("nb_")}
        assert set(states.values()) <= {cache}, states
        for gil in ("held", "released"):
            for word in usable(name, gil):
                assert shows(gil, seen[word]["ticks"][-1]), (cache, word, seen)
