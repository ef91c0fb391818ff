"""What the hardware gives, beside C written for this comparison alone."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
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


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    roof = measured()
    if not roof.vector_bits:
        pytest.skip(roof.reason)
    library = tmp_path_factory.mktemp("c") / "roof.so"
    flags = ["-O3", "-march=native", "-ffp-contract=fast", f"-DBITS={roof.vector_bits}", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, SOURCE, "-o", library], check=True)
    loaded = ctypes.CDLL(str(library))
    for function in (loaded.stream, loaded.fused):
        function.restype, function.argtypes = ctypes.c_double, (ctypes.c_long, ctypes.c_int)
    return loaded


def test_the_bandwidth_is_that_of_stream_in_c(in_c: ctypes.CDLL) -> None:
    ours, theirs = 0.0, 0.0
    for _ in range(ATTEMPTS):
        ours, theirs = max(ours, measured().bytes_per_s), max(theirs, in_c.stream(ITEMS, C_TRIES))
        if abs(ours / theirs - 1.0) <= CLOSE:
            return
    raise AssertionError(f"{ours / 1e9:.2f} GB/s beside {theirs / 1e9:.2f}")


def test_peak_arithmetic_is_that_of_fused_operations_in_c(in_c: ctypes.CDLL) -> None:
    ours, theirs = 0.0, 0.0
    for _ in range(ATTEMPTS):
        roof = measured()
        if roof.fma_flops_per_s is None:
            pytest.skip(roof.reason)
        ours, theirs = max(ours, roof.fma_flops_per_s), max(theirs, in_c.fused(STEPS, C_TRIES))
        if abs(ours / theirs - 1.0) <= CLOSE:
            return
    raise AssertionError(f"{ours / 1e9:.2f} GFLOP/s beside {theirs / 1e9:.2f}")
