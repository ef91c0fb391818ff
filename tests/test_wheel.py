"""What users install is looked into before it is let through; ``make wheels-local`` builds, installs and tests it."""

from __future__ import annotations

import runpy
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
METADATA = (
    "Metadata-Version: 2.4\nName: gilscope\nRequires-Python: >=3.11\nLicense-Expression: MIT\n"
    "Provides-Extra: all\nProvides-Extra: numba\nProvides-Extra: report\nProvides-Extra: dask\n"
)


@pytest.fixture(scope="module")
def wheels() -> Any:
    """The program behind ``make wheels-local``."""
    return SimpleNamespace(**runpy.run_path(str(ROOT / ".ci" / "wheels.py")))


# The checks themselves, on wheels of empty files ----------------------------------------------------------------------


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheels: Any) -> Callable[..., Path]:
    """Make a wheel of empty files that passes, but for what is left out, added or replaced."""
    monkeypatch.setitem(wheels.check.__globals__, "_vectors", lambda wheel: ())

    def packed(*added: str, without: str = "", metadata: str = METADATA) -> Path:
        kept = (path for path in (ROOT / "src" / "gilscope").rglob("*") if path.suffix not in wheels.MADE)
        names = [path.relative_to(ROOT / "src").as_posix() for path in kept if path.is_file()]
        for source in (ROOT / "ext").rglob("*.pyx"):
            module = source.relative_to(ROOT / "ext").with_suffix("")
            names += [f"{module}.cpython-314-x86_64-linux-gnu.so", f"{module}_v3.cpython-314-x86_64-linux-gnu.so"]
        names += ["gilscope-1.0.dist-info/licenses/LICENSE", *added]
        file = tmp_path / "gilscope-1.0-cp314-cp314-linux_x86_64.whl"
        with zipfile.ZipFile(file, "w") as archive:
            for name in names:
                if name != without:
                    archive.writestr(name, b"")
            archive.writestr("gilscope-1.0.dist-info/METADATA", metadata)
        return file

    return packed


def test_a_complete_wheel_passes(wheels: Any, pack: Callable[..., Path]) -> None:
    wheels.check(pack())


@pytest.mark.parametrize(
    "missing",
    [
        "gilscope/kernels/spin/_cy.cpython-314-x86_64-linux-gnu.so",
        "gilscope/telemetry/_gilprobe.pyi",
        "gilscope/py.typed",
        "gilscope-1.0.dist-info/licenses/LICENSE",
    ],
)
def test_a_wheel_that_lacks_something_fails(wheels: Any, pack: Callable[..., Path], missing: str) -> None:
    with pytest.raises(SystemExit, match=r"is missing|is not compiled"):
        wheels.check(pack(without=missing))


@pytest.mark.parametrize("added", ["gilscope/kernels/spin/_cy.pyx", "tests/test_wheel.py", "gilscope/x.nbi"])
def test_a_wheel_with_something_foreign_fails(wheels: Any, pack: Callable[..., Path], added: str) -> None:
    with pytest.raises(SystemExit, match=r"does not belong into it|is outside of the package"):
        wheels.check(pack(added))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("License-Expression: MIT\n", "licence"),
        ("Provides-Extra: numba\n", "extras"),
        ("Requires-Python: >=3.11\n", "Requires-Python"),
    ],
)
def test_a_wheel_with_wrong_metadata_fails(wheels: Any, pack: Callable[..., Path], line: str, complaint: str) -> None:
    with pytest.raises(SystemExit, match=complaint):
        wheels.check(pack(metadata=METADATA.replace(line, "")))


def test_this_interpreter_is_one_to_build_for(wheels: Any) -> None:
    [(label, path)] = wheels.interpreters([sys.executable]).items()
    assert label.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert path == sys.executable


def test_what_is_no_interpreter_is_refused(wheels: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"is no CPython 3\.11 or later"):
        wheels.interpreters([str(tmp_path)])


# What they are built from ---------------------------------------------------------------------------------------------


def test_the_sdist_has_every_source(wheels: Any, tmp_path: Path) -> None:
    pytest.importorskip("build", reason="builds the sdist")
    tree = wheels.unpack(wheels.build_sdist(tmp_path), tmp_path)
    wanted = [ROOT / name for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE")]
    wanted += [
        path for path in (ROOT / "src" / "gilscope").rglob("*") if path.is_file() and path.suffix not in wheels.MADE
    ]
    assert [path for path in wanted if not (tree / path.relative_to(ROOT)).is_file()] == []
