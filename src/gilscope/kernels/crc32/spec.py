"""CRC-32 of many blocks: table look-ups that wait for each other; ``std_c`` is C code that releases the GIL."""

import zlib
from typing import Any

from gilscope.core.spec import Buffers, BufferSpec, Impl, KernelSpec, Params, Slice
from gilscope.kernels._inputs import fill_words, seed_of
from gilscope.kernels._parts import CYTHON, NO_NP_BLAS, NP_VEC, NUMBA, PY_LOOP, counted, read_digests

_NUMBER = 11
_POLYNOMIAL = 0xEDB88320  # CRC-32 of ISO 3309, bit-reversed
# zlib releases the GIL for more than 5 KiB (zlibmodule.c), so at XS it holds it.
_STD_C = Impl(name="std_c", target="._std:std_c", gil="released")


def _layout(params: Params) -> tuple[BufferSpec, ...]:
    return (
        BufferSpec(name="data", format="B", length=params["blocks"] * params["block_bytes"], role="input"),
        BufferSpec(name="crcs", format="I", length=params["blocks"], role="output"),
        BufferSpec(name="table", format="I", length=256, role="input"),
    )


def _make_inputs(params: Params, buffers: Buffers) -> None:
    fill_words(buffers["data"].cast("Q"), seed_of(_NUMBER, 0))
    table = buffers["table"]
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        table[byte] = crc


def _reads(params: Params, phase: int, lo: int, hi: int) -> tuple[Slice, ...]:
    nbytes = params["block_bytes"]
    return (("data", lo * nbytes, hi * nbytes), ("table", 0, 256))


def _check(params: Params, buffers: Buffers, result: Any) -> str | None:
    nbytes, data = params["block_bytes"], buffers["data"]
    for block, crc in enumerate(buffers["crcs"]):
        expected = zlib.crc32(data[block * nbytes : (block + 1) * nbytes])
        if crc != expected:
            return f"checksum of block {block} is {crc:#010x}, zlib says {expected:#010x}"
    return None


KERNEL = KernelSpec(
    name="crc32",
    summary="CRC-32 of independent blocks",
    regime="look-ups, latency",
    sizes={
        "XS": {"blocks": 2, "block_bytes": 1 << 10},
        "S": {"blocks": 16, "block_bytes": 1 << 16},
        "M": {"blocks": 512, "block_bytes": 1 << 16},
        "L": {"blocks": 4096, "block_bytes": 1 << 16},
    },
    layout=_layout,
    make_inputs=_make_inputs,
    extent=lambda params: params["blocks"],
    reads=_reads,
    writes=lambda params, phase, lo, hi: (("crcs", lo, hi),),
    outputs=lambda params: (("crcs", 0, params["blocks"]),),
    check=_check,
    work=lambda params, result: counted(params["blocks"] * params["block_bytes"], "bytes", nbytes=1),
    digests=read_digests(__file__),
    impls=(PY_LOOP, NP_VEC, NO_NP_BLAS, _STD_C, *CYTHON, *NUMBA),
)
