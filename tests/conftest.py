"""Fixtures shared by the whole suite."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from gilscope.measure.host import SupervisedHost

from . import planted

# How long an example takes is the machine's business, and nothing here may fail for that.
hypothesis.settings.register_profile("gilscope", deadline=None)
hypothesis.settings.load_profile("gilscope")

# Tables are laid out for the width of a pipe, whatever terminal this is; workers of xdist are given a narrow one.
os.environ.pop("COLUMNS", None)

# A shell that starts programs in the background lets them ignore Ctrl-C, and so whatever the tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Under nohup they would ignore the end of their terminal too; a handler is not inherited, and this one ignores it here.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)


@pytest.fixture(scope="session")
def host() -> Iterator[SupervisedHost]:
    """A real supervisor with its runners, shared by all tests that only need correct answers."""
    families = {"threads": 3, "processes": 3, "native*1": 1, "native*2": 2, "native*3": 3}
    with SupervisedHost(families, cpus=2) as shared:
        yield shared


@pytest.fixture
def planted_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Bring the planted kernels into this process and into every process it starts."""
    folder = tmp_path / "brought"
    environment = planted.plant(folder)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(folder))
    return folder
