"""crc32 in Numba: eight independent blocks at once, as in Cython.

LLVM keeps the addresses of the blocks on the stack, so two bytes are taken at each.
"""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, inlined, own_threads, view

__all__ = ["ISA", "nb_gil", "nb_nogil", "nb_prange"]

_LANES = 8
_ONES = np.uint32(0xFFFFFFFF)
_BYTE = np.uint32(0xFF)
_EIGHT = np.uint32(8)
_ONE = np.uint64(1)
_TWO = np.uint64(2)


@inlined
def _next(crc: Any, byte: Any, table: Any) -> Any:
    """Return the register after one more byte, uint32."""
    return table[(crc ^ byte) & _BYTE] ^ (crc >> _EIGHT)


@inlined
def _group(data: Any, table: Any, crcs: Any, first: int, hi: int, nbytes: int) -> None:
    """Checksums of blocks [first, min(first + _LANES, hi)), each of nbytes bytes."""
    crc = np.full(_LANES, _ONES, np.uint32)
    start = np.empty(_LANES, np.uint64)  # unsigned: an index that may be negative is wrapped around, at a price
    even = np.uint64(nbytes) // _TWO * _TWO
    for lane in range(_LANES):
        # Spare lanes of the last group repeat its last block.
        start[lane] = np.uint64(min(first + lane, hi - 1) * nbytes)
    for k in range(np.uint64(0), even, _TWO):
        for lane in range(_LANES):
            at = start[lane] + k
            crc[lane] = _next(_next(crc[lane], data[at], table), data[at + _ONE], table)
    if even < nbytes:
        for lane in range(_LANES):
            crc[lane] = _next(crc[lane], data[start[lane] + even], table)
    for lane in range(min(_LANES, hi - first)):
        crcs[first + lane] = crc[lane] ^ _ONES


@inlined
def _blocks(data: Any, table: Any, crcs: Any, nbytes: int, lo: int, hi: int) -> None:
    """Checksums of blocks [lo, hi)."""
    for first in range(lo, hi, _LANES):
        _group(data, table, crcs, first, hi, nbytes)


def _arguments(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    blocks, nbytes = params["blocks"], params["block_bytes"]
    data = view(buffers, "data", np.uint8, blocks * nbytes)
    return data, view(buffers, "table", np.uint32, 256), view(buffers, "crcs", np.uint32, blocks), nbytes


nb_gil, nb_nogil = chunked(_blocks, _arguments, lambda params: params["blocks"])


@own_threads(_arguments)
def nb_prange(data: Any, table: Any, crcs: Any, nbytes: int, workers: int) -> None:
    """All checksums, group by group."""
    blocks = len(crcs)
    for group in numba.prange((blocks + _LANES - 1) // _LANES):
        _group(data, table, crcs, group * _LANES, blocks, nbytes)
