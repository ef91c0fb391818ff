"""What the hardware gives, beside C written for this comparison alone."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gilscope.telemetry.roof import Roof, roofs

SOURCE = Path(__file__).with_name("roof.c")
ITEMS, STEPS, C_TRIES = 12_000_000, 2_000_000, 8
CLOSE = 0.05
ATTEMPTS = 12  # of both in turn: the best of all counts, because other programs only ever take away

pytestmark = [
    pytest.mark.measuring,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc to compile the comparison"),
]


def measured() -> Roof:
    found = roofs([1])
    if not found:
        pytest.skip("the roof is not compiled here")
    return found[0]


def compiled(folder: Path, march: str, bits: int) -> ctypes.CDLL:
    library = folder / f"{march}.so"
    flags = ["-O3", f"-march={march}", "-ffp-contract=fast", f"-DBITS={bits}", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, SOURCE, "-o", library], check=True)
    loaded = ctypes.CDLL(str(library))
    for function in (loaded.stream, loaded.fused):
        function.restype, function.argtypes = ctypes.c_double, (ctypes.c_long, ctypes.c_int)
    return loaded


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> list[ctypes.CDLL]:
    """The C of the comparison for each width of vectors that the CPU has, the widest last."""
    roof = measured()
    if not roof.vector_bits:
        pytest.skip(roof.reason)
    folder = tmp_path_factory.mktemp("c")
    marches = {"x86-64": 128, "haswell": 256, "native": roof.vector_bits}
    return [compiled(folder, march, bits) for march, bits in marches.items() if bits <= roof.vector_bits]


def alike(ours: Callable[[], float], theirs: Callable[[], float]) -> None:
    """Fail where the best of each differ by more than ``CLOSE``, unless one's worst is below the other's best."""
    mine, c = [], []
    for _ in range(ATTEMPTS):
        mine.append(ours() / 1e9)
        c.append(theirs() / 1e9)
        if abs(max(mine) / max(c) - 1.0) <= CLOSE:
            return
    found = f"{min(mine):.2f} to {max(mine):.2f} G/s beside {min(c):.2f} to {max(c):.2f} in C"
    assert max(min(mine), min(c)) <= min(max(mine), max(c)), found
    pytest.skip(f"this machine cannot decide it: {found}")


def test_the_bandwidth_is_that_of_stream_in_c(in_c: list[ctypes.CDLL]) -> None:
    alike(lambda: measured().bytes_per_s, lambda: max(one.stream(ITEMS, C_TRIES) for one in in_c))


def test_peak_arithmetic_is_that_of_fused_operations_in_c(in_c: list[ctypes.CDLL]) -> None:
    if measured().fma_flops_per_s is None:
        pytest.skip(measured().reason)
    alike(lambda: measured().fma_flops_per_s or 0.0, lambda: float(in_c[-1].fused(STEPS, C_TRIES)))
