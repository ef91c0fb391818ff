"""crc32 in Numba: eight independent blocks at once, as in Cython."""

from typing import Any

import numba
import numpy as np

from gilscope.core.spec import Buffers, Params
from gilscope.kernels._numba import ISA, chunked, flat, inlined, own_threads

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
        # Spare lanes of the last group repeat its last block.
        start[lane] = np.uint64(min(first + lane, hi - 1) * nbytes)
    for k in range(np.uint64(nbytes)):
        for lane in range(_LANES):
            crc[lane] = _next(crc[lane], data[start[lane] + k], table)
    for lane in range(min(_LANES, hi - first)):
        crcs[first + lane] = crc[lane] ^ _ONES


@inlined
def _blocks(data: Any, table: Any, crcs: Any, nbytes: int, lo: int, hi: int) -> None:
    """Checksums of blocks [lo, hi)."""
    for first in range(lo, hi, _LANES):
        _group(data, table, crcs, first, hi, nbytes)


def _arguments(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    blocks, nbytes = params["blocks"], params["block_bytes"]
    data = flat(buffers, "data", np.uint8, blocks * nbytes)
    return data, flat(buffers, "table", np.uint32, 256), flat(buffers, "crcs", np.uint32, blocks), nbytes


nb_gil, nb_nogil = chunked(_blocks, _arguments, lambda params: params["blocks"])


@own_threads(_arguments)
def nb_prange(data: Any, table: Any, crcs: Any, nbytes: int, workers: int) -> None:
    """All checksums, group by group."""
    blocks = len(crcs)
    for group in numba.prange((blocks + _LANES - 1) // _LANES):
        _group(data, table, crcs, group * _LANES, blocks, nbytes)
