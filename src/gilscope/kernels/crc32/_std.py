"""crc32 by the standard library: C code that releases the GIL."""

from zlib import crc32

from gilscope.core.spec import Buffers, Params


def std_c(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute the checksums of blocks [lo, hi), without the GIL."""
    nbytes, data, crcs = params["block_bytes"], buffers["data"], buffers["crcs"]
    for block in range(lo, hi):
        crcs[block] = crc32(data[block * nbytes : (block + 1) * nbytes])
