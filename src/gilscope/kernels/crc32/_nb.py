"""crc32 in Numba: eight independent blocks at once, as in Cython."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, carries, check_range, flat, gil, inlined, nogil, parallel, use_threads

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_LANES = 8
_ONES = np.uint32(0xFFFFFFFF)
_BYTE = np.uint32(0xFF)
_EIGHT = np.uint32(8)


@inlined
def _next(crc: Any, byte: Any, table: Any) -> Any:
    """Return the register after one more byte, uint32."""
    return table[(crc ^ byte) & _BYTE] ^ (crc >> _EIGHT)


@inlined
def _group(data: Any, table: Any, crcs: Any, first: int, hi: int, nbytes: int) -> None:
    """Checksums of blocks [first, min(first + _LANES, hi)), each of nbytes bytes."""
    crc = np.full(_LANES, _ONES, np.uint32)
    start = np.empty(_LANES, np.uint64)  # unsigned: an index that may be negative is wrapped around, at a price
    for lane in range(_LANES):
        start[lane] = np.uint64(
            min(first + lane, hi - 1) * nbytes
        )  # spare lanes of the last group repeat its last block
    for k in range(np.uint64(nbytes)):
        for lane in range(_LANES):
            crc[lane] = _next(crc[lane], data[start[lane] + k], table)
    for lane in range(min(_LANES, hi - first)):
        crcs[first + lane] = crc[lane] ^ _ONES


@gil
def _nb_gil(data: Any, table: Any, crcs: Any, nbytes: int, lo: int, hi: int) -> None:
    for first in range(lo, hi, _LANES):
        _group(data, table, crcs, first, hi, nbytes)


@nogil
def _nb_nogil(data: Any, table: Any, crcs: Any, nbytes: int, lo: int, hi: int) -> None:
    for first in range(lo, hi, _LANES):
        _group(data, table, crcs, first, hi, nbytes)


@parallel
def _nb_prange(data: Any, table: Any, crcs: Any, nbytes: int) -> None:
    blocks = len(crcs)
    for group in numba.prange((blocks + _LANES - 1) // _LANES):
        _group(data, table, crcs, group * _LANES, blocks, nbytes)


def _arguments(params: Params, buffers: Buffers) -> tuple[Any, Any, Any, int]:
    blocks, nbytes = params["blocks"], params["block_bytes"]
    data = flat(buffers, "data", np.uint8, blocks * nbytes)
    return data, flat(buffers, "table", np.uint32, 256), flat(buffers, "crcs", np.uint32, blocks)[:blocks], nbytes


@carries(_nb_gil)
def nb_gil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute the checksums of blocks [lo, hi), holding the GIL."""
    check_range(lo, hi, params["blocks"])
    _nb_gil(*_arguments(params, buffers), lo, hi)


@carries(_nb_nogil)
def nb_nogil(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute the checksums of blocks [lo, hi), without the GIL."""
    check_range(lo, hi, params["blocks"])
    _nb_nogil(*_arguments(params, buffers), lo, hi)


@carries(_nb_prange)
def nb_prange(workers: int, params: Params, buffers: Buffers) -> None:
    """Compute all checksums on Numba's own threads."""
    use_threads(workers)
    _nb_prange(*_arguments(params, buffers))
