"""The Cython kernels under AddressSanitizer: no access outside of a buffer at the awkward sizes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def sanitizer_library() -> str:
    """Return the path of the compiler's AddressSanitizer runtime; skip where there is none."""
    compiler = shutil.which(os.environ.get("CC", "gcc"))
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs GCC on Linux")
    asked = subprocess.run([compiler, "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
    path = Path(asked.stdout.strip())
    if not path.is_absolute():  # the compiler repeats the name of a file it does not have
        pytest.skip("this compiler has no AddressSanitizer")
    return str(path)


@pytest.mark.slow
def test_no_cython_kernel_reaches_outside_of_its_buffers(tmp_path: Path) -> None:
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("free-threaded builds allocate with mimalloc only, which the sanitizer cannot look into")
    library = sanitizer_library()
    pytest.importorskip("Cython", reason="builds the extensions anew")
    for name in ("ext", "src"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    generated = REPOSITORY / "build/cython"
    if generated.is_dir():  # what Cython has made of these sources already; it makes anew what is older than they are
        shutil.copytree(generated, tmp_path / "build/cython")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, tmp_path)
    flags = "-fsanitize=address -fno-omit-frame-pointer"
    building = {**os.environ, "CFLAGS": flags, "LDFLAGS": flags, "GILSCOPE_OPTIMIZE": "0"}
    command = [sys.executable, "setup.py", "build_ext", "--inplace"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=building)
    running = {
        **os.environ,
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter keeps what it allocated
        "PYTHONMALLOC": "malloc",  # every allocation with red zones around it
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "src"), str(REPOSITORY)]),
        "OMP_NUM_THREADS": "3",
    }
    script = "import gilscope, tests.kernels.awkward as a; print(gilscope.__file__, a.run_all())"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, env=running)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.startswith(str(tmp_path))
