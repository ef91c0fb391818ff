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
from gilscope.registry import KERNELS
from tests.kernels.gil_ticks import shows

REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="this interpreter runs without a GIL"
)


def usable(name: str, gil: str) -> list[str]:
    spec = kernels.load(name)
    return [
        impl.name
        for impl in spec.impls
        if impl.gil == gil and "M" in (impl.sizes or "M") and kernels.availability(spec, impl).ok
    ]


def ticks(name: str, words: list[str], cache: Path) -> dict[str, Any]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "tests.kernels.gil_ticks", name, *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("name", KERNELS)
def test_the_gil_is_held_or_released_as_declared_from_cold_and_warm_caches(name: str, tmp_path: Path) -> None:
    held, released = usable(name, "held"), usable(name, "released")
    assert held
    for cache in ("cold", "cached"):
        report = ticks(name, held + released, tmp_path)
        states = {word: seen["jit_cache"] for word, seen in report.items() if word.startswith("nb_")}
        assert set(states.values()) <= {cache}, states
        for word in held:
            assert shows("held", report[word]["ticks"][-1]), (cache, word, report)
        for word in released:
            assert shows("released", report[word]["ticks"][-1]), (cache, word, report)
