"""Which extensions an install may go without."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import setuptools

ROOT = Path(__file__).parent.parent


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return setup.py as a module; nothing is built."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(setuptools, "setup", lambda **_: None)
    spec = importlib.util.spec_from_file_location("gilscope_setup", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_probe_is_optional_because_it_reads_what_a_new_python_may_have_moved(build: ModuleType) -> None:
    optional = {extension.name for extension in build.extensions() if extension.optional}
    assert "gilscope.telemetry._gilprobe" in optional
    assert not any(name.endswith("._cy") for name in optional)


def test_openmp_is_optional_only_where_compilers_may_lack_it(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert build.is_optional("gilscope.kernels.nbody._cy_omp") is (build.sys.platform != "linux")
    monkeypatch.setattr(build.sys, "platform", "darwin")
    assert build.is_optional("gilscope.kernels.nbody._cy_omp")
    assert not build.is_optional("gilscope.kernels.nbody._cy")
