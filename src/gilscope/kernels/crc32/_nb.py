"""crc32 in Numba: eight independent blocks at once, as in Cython.

Two bytes are loaded at once where blocks have an even number of them: LLVM keeps the addresses of the blocks on the
stack.
"""

import sys
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
def _next(crc: Any, table: Any) -> Any:
    """Return the register, uint32, after its lowest byte."""
    return table[crc & _BYTE] ^ (crc >> _EIGHT)


@inlined
def _group(data: Any, pairs: Any, table: Any, crcs: Any, first: int, hi: int, nbytes: int) -> None:
    """Checksums of blocks [first, min(first + _LANES, hi)), each of nbytes bytes; ``pairs`` has them two by two."""
    crc = np.full(_LANES, _ONES, np.uint32)
    start = np.empty(_LANES, np.uint64)  # unsigned: an index that may be negative is wrapped around, at a price
    width = _TWO if len(pairs) else _ONE
    for lane in range(_LANES):
        # Spare lanes of the last group repeat its last block.
        start[lane] = np.uint64(min(first + lane, hi - 1) * nbytes) // width
    if len(pairs):
        for k in range(np.uint64(nbytes) // _TWO):
            for lane in range(_LANES):
                crc[lane] = _next(_next(crc[lane] ^ pairs[start[lane] + k], table), table)
    else:
        for k in range(np.uint64(nbytes)):
            for lane in range(_LANES):
                crc[lane] = _next(crc[lane] ^ data[start[lane] + k], table)
    for lane in range(min(_LANES, hi - first)):
        crcs[first + lane] = crc[lane] ^ _ONES


@inlined
def _blocks(data: Any, pairs: Any, table: Any, crcs: Any, nbytes: int, lo: int, hi: int) -> None:
    """Checksums of blocks [lo, hi)."""
    for first in range(lo, hi, _LANES):
        _group(data, pairs, table, crcs, first, hi, nbytes)


def _arguments(phase: int, params: Params, buffers: Buffers) -> tuple[Any, ...]:
    blocks, nbytes = params["blocks"], params["block_bytes"]
    return (
        view(buffers, "data", np.uint8, blocks * nbytes),
        view(buffers, "data", np.uint16, blocks * nbytes // 2 if nbytes % 2 == 0 and sys.byteorder == "little" else 0),
        view(buffers, "table", np.uint32, 256),
        view(buffers, "crcs", np.uint32, blocks),
        nbytes,
    )


nb_gil, nb_nogil = chunked(_blocks, _arguments, lambda params: params["blocks"])


@own_threads(_arguments)
def nb_prange(data: Any, pairs: Any, table: Any, crcs: Any, nbytes: int, workers: int) -> None:
    """All checksums, group by group."""
    blocks = len(crcs)
    for group in numba.prange((blocks + _LANES - 1) // _LANES):
        _group(data, pairs, table, crcs, group * _LANES, blocks, nbytes)
