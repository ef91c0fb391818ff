"""Versions of the libraries involved, read from their metadata: importing NumPy would start its threads."""

import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "numba", "llvmlite", "cython", "psutil", "threadpoolctl", "scipy", "dask", "distributed", "loky",
             "joblib", "rich", "typer", "pytest-benchmark")  # fmt: skip

_BLAS_NAMES = ("openblas", "mkl", "blis", "accelerate")


def describe() -> dict[str, Any]:
    """Return the version of each library, None where it is not installed, and the BLAS bundled with NumPy."""
    versions: dict[str, Any] = {name: version_of(name) for name in LIBRARIES}
    versions["numpy_blas"] = _bundled_blas()
    return versions


def version_of(name: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _bundled_blas() -> str | None:
    """Return the file name of the BLAS in NumPy's wheel; None without one.

    Wheels have their shared libraries in ``numpy.libs`` beside the package (Linux, Windows) or in ``.dylibs`` (macOS).
    """
    try:
        spec = importlib.util.find_spec("numpy")
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    folders = (package.parent / "numpy.libs", package / ".dylibs")
    names = (path.name for folder in folders for path in sorted(folder.glob("*")))
    return next((name for name in names if any(blas in name.lower() for blas in _BLAS_NAMES)), None)
