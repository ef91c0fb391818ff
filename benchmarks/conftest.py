"""pytest-benchmark over the same sessions as ``gilscope run``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gilscope import env
from gilscope.measure.host import SupervisedHost


@pytest.fixture(scope="session")
def host() -> Iterator[SupervisedHost]:
    """Supervisor and runners for the whole suite."""
    count = env.usable_cpus().count
    with SupervisedHost({"threads": count, "processes": count}, count) as shared:
        yield shared


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Put gilscope's facts about machine and interpreter beside pytest-benchmark's own."""
    machine_info["gilscope"] = dict(env.capture())
