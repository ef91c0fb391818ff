"""What the hardware gives to so many threads: memory bandwidth and peak arithmetic, measured in compiled code of ours.

The bandwidth is that of the best kernel of STREAM in the best width of vectors, which need not be the widest. It is
counted as our kernels count: loads and stores, without the lines that a store reads first (McCalpin 1995). Peak
arithmetic is multiplying and adding doubles in registers, in the widest vectors of the CPU, with and without fused
operations (FMA).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from gilscope.core import clocks, pages
from gilscope.core.memory import available_bytes

_BYTES_OF = {"scale": 16, "add": 24, "triad": 24}  # moved per item, by name in the order of ``_roof.stream``
_MOST_ITEMS = 12_000_000  # 96 MB an array, beyond the caches of most machines
_SHARE_OF_FREE = 8  # no more of the free memory than one part in so many
_WIDTHS = 128, 256, 512  # bits of vectors; the first stands for those that every CPU has
_TRIES = 5  # short ones, and the best counts: whatever disturbs takes away
_STEPS = 2_000_000  # of multiplying and adding: some 8 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """What so many threads reach together; what is unknown is None, with the reason."""

    workers: int
    stream: str  # name of the best kernel
    bytes_per_s: float
    vector_bits: int = 0
    flops_per_s: float | None = None  # multiplying and adding apart
    fma_flops_per_s: float | None = None
    reason: str = ""


def roofs(counts: Sequence[int]) -> tuple[Roof, ...]:
    """Measure the roof of each number of threads, in about half a second each; empty where nothing is compiled."""
    try:
        from gilscope.telemetry import _roof  # noqa: F401  (asked for)
    except ImportError:
        return ()
    return tuple(_measured(count) for count in counts)


def _measured(workers: int) -> Roof:
    from gilscope.telemetry import _roof

    free = available_bytes()
    items = _MOST_ITEMS if free is None else min(_MOST_ITEMS, free // (24 * _SHARE_OF_FREE))
    part = max(1, items // workers)
    arrays = [_arrays(part) for _ in range(workers)]

    def write(index: int) -> None:  # what was never written is one page of zeros, which stays in the caches
        for address in arrays[index][1]:
            ctypes.memset(address, 1, 8 * part)

    def stream(width: int, number: int, index: int) -> None:
        a, b, c = arrays[index][1]
        _roof.stream(width, number, a, b, c, part)

    bits = _roof.widest()
    ways = [(width, number) for width in _WIDTHS if width <= max(bits, _WIDTHS[0]) for number in range(len(_BYTES_OF))]
    spent_s = _best_s(workers, [partial(stream, *way) for way in ways], first=write)
    moved = list(_BYTES_OF.items())
    bytes_per_s, best = max(
        (moved[number][1] * part * workers / spent, moved[number][0])
        for (_, number), spent in zip(ways, spent_s, strict=True)
    )
    if not bits:
        reason = "peak arithmetic is measured on x86-64 only"
        return Roof(workers=workers, stream=best, bytes_per_s=bytes_per_s, reason=reason)

    def flops_per_s(fma: bool) -> float:
        flops = _roof.peak(bits, fma, 1) * _STEPS
        return workers * flops / _best_s(workers, [lambda index: _roof.peak(bits, fma, _STEPS)])[0]

    return Roof(
        workers=workers,
        stream=best,
        bytes_per_s=bytes_per_s,
        vector_bits=bits,
        flops_per_s=flops_per_s(False),
        fma_flops_per_s=flops_per_s(True) if bits > 128 else None,
        reason="" if bits > 128 else "this CPU has no FMA",
    )


def _arrays(items: int) -> tuple[list[object], list[int]]:
    """Return three arrays of doubles, kept alive by the first list, and their addresses."""
    kept = [ctypes.c_char.from_buffer(pages.private(8 * items)) for _ in range(3)]
    return list(kept), [ctypes.addressof(one) for one in kept]


def _best_s(
    workers: int, works: Sequence[Callable[[int], object]], *, first: Callable[[int], object] = lambda index: None
) -> list[float]:
    """Return the shortest time in which all threads do their part of each work, in seconds.

    The same threads do all of it: ``first``, which writes their memory where they run, then each work, once to warm up.
    """
    meeting = threading.Barrier(workers)
    spans: list[list[list[tuple[int, int]]]] = [[[] for _ in range(workers)] for _ in works]

    def run(index: int) -> None:
        first(index)
        for work, mine in zip(works, spans, strict=True):
            work(index)
            for _ in range(_TRIES):
                meeting.wait()
                start_ns = clocks.wall_ns()
                work(index)
                mine[index].append((start_ns, clocks.wall_ns()))

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tries = ([list(one) for one in zip(*each, strict=True)] for each in spans)
    return [min(max(end for _, end in one) - min(start for start, _ in one) for one in each) / 1e9 for each in tries]
