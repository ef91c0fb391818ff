"""``pytest`` runs the tests, ``pytest --benchmark-only`` the benchmarks: where no path is given, the words choose."""

from __future__ import annotations

import pytest

BENCHMARKS = "benchmarks"


def pytest_configure(config: pytest.Config) -> None:
    """Collect the benchmarks instead of ``testpaths`` when nothing else is to run.

    With both in ``testpaths`` plain ``pytest`` would measure too, and this would collect every test to skip it.
    """
    # Without its plugin there is no such option, and pytest refuses the word.
    only = config.getoption("benchmark_only", default=False)
    if only and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        config.args[:] = [BENCHMARKS]
