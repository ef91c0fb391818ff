"""The kernels in plain C + OpenMP, compiled on demand, called by ctypes on the buffers of the other implementations.

Folder ``simd`` has some of them once more, in vectors by hand and serial only: ``threads`` is ignored there. Each
``c/<kernel>.c`` has one function, the whole kernel with all its phases::

    int64_t <kernel>(int threads, void **buffers, const int64_t *params, int64_t *result)

``threads`` 0 is the serial loop without OpenMP. Buffers come in the order of the kernel's layout, parameters in the
order of its sizes. It returns how many numbers it has put into ``result``: none, the answer, or a list of them.

``YARDSTICK_CFLAGS`` adds flags (remove ``build/`` after changing it). GCC 12 vectorises even ordered sums; with
``-fno-tree-vectorize`` the yardstick is scalar code.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gilscope.core.spec import Buffers, KernelSpec, Params

HERE = Path(__file__).parent
MAX_ANSWER = 256  # numbers in the longest answer: the bins of histogram
# The flags of setup.py, so that the comparison is about the texts.
FLAGS = [
    "-O3",
    "-falign-loops=64",
    "-march=native",
    "-mtune=generic",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fopenmp",
    "-shared",
    "-fPIC",
    "-Wno-psabi",  # GCC's note that vectors were once passed in another way
]


def build(folder: str = "c") -> Path:
    """Compile the yardstick in a folder if it is older than a source; return the library's path."""
    sources = sorted((HERE / folder).glob("*.c"))
    library = HERE / "build" / f"{folder}.so"
    newest = max(source.stat().st_mtime for source in (*(HERE / folder).iterdir(), Path(__file__)))
    if not library.exists() or library.stat().st_mtime < newest:
        library.parent.mkdir(exist_ok=True)
        compiler = os.environ.get("CC", "gcc")
        extra = os.environ.get("YARDSTICK_CFLAGS", "").split()
        subprocess.run([compiler, *FLAGS, *extra, "-Wall", "-Wextra", "-o", library, *sources, "-lm"], check=True)
    return library


def kernels_in_c(folder: str = "c") -> list[str]:
    """Names of the kernels there is a yardstick for."""
    return sorted(source.stem for source in (HERE / folder).glob("*.c"))


def function_of(spec: KernelSpec, folder: str = "c") -> Callable[[int, Params, Buffers], Any]:
    """Return ``f(threads, params, buffers) -> result`` of a kernel in C."""
    function = getattr(ctypes.CDLL(str(build(folder))), spec.name)
    function.restype = ctypes.c_int64
    answer = (ctypes.c_int64 * MAX_ANSWER)()

    def call(threads: int, params: Params, buffers: Buffers) -> Any:
        names = [buffer.name for buffer in spec.layout(params)]
        pins = [(ctypes.c_char * buffers[name].nbytes).from_buffer(buffers[name]) for name in names]
        pointers = (ctypes.c_void_p * max(1, len(pins)))(*(ctypes.addressof(pin) for pin in pins))
        numbers = (ctypes.c_int64 * len(params))(*params.values())
        count = function(threads, pointers, numbers, answer)
        return (None, answer[0], answer[:count])[min(count, 2)]

    return call


if __name__ == "__main__":
    build()
