"""crc32 in NumPy: the registers of many short segments side by side, then put together.

The register is linear over GF(2): after two segments it is the register of the first, advanced by the zero bytes of
the second, exclusive-or the register of the second. So segments are computed from zero all at once, one byte position
after the other, and joined pair by pair.
"""

from typing import Any

import numpy as np

from gilscope.core.spec import Buffers, Params

_SEGMENT_BYTES = 64
_BATCH_BYTES = 1 << 20  # blocks per batch: state and bytes of a batch stay in the second-level cache


def np_vec(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute the checksums of blocks [lo, hi)."""
    nbytes = params["block_bytes"]
    data = np.frombuffer(buffers["data"], dtype=np.uint8)[: params["blocks"] * nbytes].reshape(params["blocks"], nbytes)
    crcs = np.frombuffer(buffers["crcs"], dtype=np.uint32)
    table = np.frombuffer(buffers["table"], dtype=np.uint32)
    segments = _segments_of(nbytes)
    step = max(1, _BATCH_BYTES // max(1, nbytes))
    for first in range(lo, hi, step):
        last = min(first + step, hi)
        crcs[first:last] = _checksums(data[first:last], segments, table)


def _segments_of(nbytes: int) -> int:
    """Return the largest power of two that cuts a block into equal segments of at least _SEGMENT_BYTES bytes."""
    segments = 1
    while nbytes % (2 * segments) == 0 and nbytes // (2 * segments) >= _SEGMENT_BYTES:
        segments *= 2
    return segments


def _checksums(data: Any, segments: int, table: Any) -> Any:
    """Return the checksums of blocks, uint8 of shape (blocks, nbytes)."""
    blocks, nbytes = data.shape
    length = nbytes // segments
    columns = np.ascontiguousarray(data.reshape(blocks * segments, length).T)
    registers = np.zeros(blocks * segments, dtype=np.uint32)
    registers[::segments] = 0xFFFFFFFF  # the first segment of each block carries the start value
    for column in columns:
        registers = table[(registers ^ column) & 0xFF] ^ (registers >> 8)
    advance = _advance_tables(length, table)
    while segments > 1:
        pairs = registers.reshape(-1, 2)
        registers = _advanced(pairs[:, 0], advance) ^ pairs[:, 1]
        advance = _advanced(advance, advance)
        segments //= 2
    return registers ^ 0xFFFFFFFF


def _advance_tables(length: int, table: Any) -> Any:
    """Return what `length` zero bytes make of a register, shape (4, 256): one row per byte of the register."""
    registers = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], dtype=np.uint32)
    for _ in range(length):
        registers = table[registers & 0xFF] ^ (registers >> 8)
    return registers


def _advanced(registers: Any, advance: Any) -> Any:
    """Return registers advanced by the zero bytes of the tables."""
    parts = [advance[byte][registers >> (8 * byte) & 0xFF] for byte in range(4)]
    return parts[0] ^ parts[1] ^ parts[2] ^ parts[3]
