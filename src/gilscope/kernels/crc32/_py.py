"""crc32 in plain Python."""

from gilscope.core.spec import Buffers, Params


def py_loop(phase: int, lo: int, hi: int, params: Params, buffers: Buffers) -> None:
    """Compute the checksums of blocks [lo, hi)."""
    nbytes, data, crcs = params["block_bytes"], buffers["data"], buffers["crcs"]
    table = buffers["table"].tolist()
    for block in range(lo, hi):
        crc = 0xFFFFFFFF
        for byte in data[block * nbytes : (block + 1) * nbytes].tobytes():
            crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
        crcs[block] = crc ^ 0xFFFFFFFF
