"""What a worker needs to run an implementation: import its function, and view the shared memory as buffers.

Standard library only: workers start fast, and sub-interpreters cannot import NumPy.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from gilscope.core.spec import BufferSpec, ItemFormat

PAGE_BYTES = 4096  # offsets are whole pages, so that no two buffers share a page or a cache line

Layout: TypeAlias = "tuple[int, tuple[tuple[str, ItemFormat, int, int], ...]]"
"""Size of the segment in bytes, and (name, format, offset in bytes, length in items) of each buffer."""


def layout(buffers: Iterable[BufferSpec]) -> Layout:
    """Place buffers one after the other in a single segment of at least one page, each on a page boundary."""
    offset = 0
    places: list[tuple[str, ItemFormat, int, int]] = []
    for buffer in buffers:
        places.append((buffer.name, buffer.format, offset, buffer.length))
        offset += -(-buffer.nbytes // PAGE_BYTES) * PAGE_BYTES
    return max(offset, PAGE_BYTES), tuple(places)


def shifted(placed: Layout, copy: int, copies: int) -> Layout:
    """Return the layout of copy number ``copy`` in a segment that holds ``copies``."""
    size, places = placed
    return copies * size, tuple((name, form, copy * size + offset, length) for name, form, offset, length in places)


def views(memory: Any, placed: Layout) -> dict[str, memoryview[Any]]:
    """View a segment (``mmap``, ``SharedMemory.buf``, ``bytearray``) as flat memoryviews cast to their formats.

    Every call makes new objects straight from ``memory``: threads of a free-threaded build that share a buffer object
    contend for its reference and export counts.
    """
    return {
        name: memoryview(memory)[offset : offset + length * struct.calcsize(form)].cast("B").cast(form)
        for name, form, offset, length in placed[1]
    }


def _module(name: str) -> ModuleType:
    """Import a module; of a compiled kernel the AVX2 twin, if it exists and this CPU has AVX2."""
    module = importlib.import_module(name)
    if getattr(module, "ISA", "") == "x86-64" and getattr(module, "CPU_HAS_V3", False):
        twin = f"{name}_v3"
        try:
            return importlib.import_module(twin)
        except ModuleNotFoundError as error:
            if error.name != twin:
                raise
    return module


def resolve(target: str, definition: Mapping[str, str] | None = None) -> Callable[..., Any]:
    """Import what ``package.module:function`` names; with a definition, return what that makes of it.

    Raises ImportError or AttributeError as the import system does.
    """
    module, _, function = target.partition(":")
    found: Callable[..., Any] = getattr(_module(module), function)
    return found if definition is None else found(definition)


def isa_of(target: str) -> str:
    """Return the instruction set the target's module is compiled for (its ``ISA``); empty where not compiled."""
    return str(getattr(_module(target.partition(":")[0]), "ISA", ""))


def jit_cache_of(function: Callable[..., Any]) -> Literal["cold", "cached", "none"]:
    """Tell whether a just-in-time compiler compiled the function or loaded it from its cache.

    ``none``: not compiled just in time, or not called yet. Wrappers carry their Numba dispatcher as attribute
    ``dispatcher``; its ``stats`` count loads and compilations.
    """
    stats = getattr(getattr(function, "dispatcher", function), "stats", None)
    if stats is None:
        return "none"
    if sum(stats.cache_misses.values()):
        return "cold"
    return "cached" if sum(stats.cache_hits.values()) else "none"
