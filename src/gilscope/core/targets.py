"""What a worker needs to run an implementation: import its function, and see the shared memory as buffers.

Standard library only: workers start fast, and sub-interpreters import this where they cannot import NumPy.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, Literal, Protocol, TypeAlias

__all__ = ["PAGE_BYTES", "Format", "Layout", "isa_of", "jit_cache_of", "layout", "resolve", "shifted", "views"]

PAGE_BYTES = 4096  # offsets are whole pages, so that no two buffers share a page or a cache line

Format: TypeAlias = Literal["d", "i", "q", "Q", "I", "B"]
Layout: TypeAlias = tuple[int, tuple[tuple[str, Format, int, int], ...]]
"""Size of the segment in bytes, and (name, format, offset in bytes, length in items) of each buffer."""


class _Buffer(Protocol):
    """What ``layout`` wants to know of a ``spec.BufferSpec``."""

    @property
    def name(self) -> str: ...
    @property
    def format(self) -> Format: ...
    @property
    def length(self) -> int: ...


def layout(buffers: Iterable[_Buffer]) -> Layout:
    """Place buffers one after the other in a single segment, each on a page boundary.

    Returns
    -------
    Layout
        Plain numbers and strings, so it travels to workers as it is. The size is at least one page.
    """
    offset = 0
    places: list[tuple[str, Format, int, int]] = []
    for buffer in buffers:
        places.append((buffer.name, buffer.format, offset, buffer.length))
        nbytes = buffer.length * struct.calcsize(buffer.format)
        offset += -(-nbytes // PAGE_BYTES) * PAGE_BYTES
    return max(offset, PAGE_BYTES), tuple(places)


def shifted(placed: Layout, copy: int, copies: int) -> Layout:
    """Place the same buffers once more: those of copy number ``copy`` in a segment that holds ``copies``."""
    size, places = placed
    return copies * size, tuple((name, form, copy * size + offset, length) for name, form, offset, length in places)


def views(memory: Any, placed: Layout) -> dict[str, memoryview[Any]]:
    """See a segment as its buffers: flat memoryviews cast to their formats.

    Parameters
    ----------
    memory : buffer of bytes, shape (size,)
        ``mmap``, ``SharedMemory.buf``, ``bytearray`` ...

    Notes
    -----
    Every call makes new objects straight from ``memory``: threads of a free-threaded build that share a buffer
    object contend for its reference and export counts.
    """
    made: dict[str, memoryview[Any]] = {}
    for name, form, offset, length in placed[1]:
        nbytes = length * struct.calcsize(form)
        made[name] = memoryview(memory)[offset : offset + nbytes].cast("B").cast(form)
    return made


def _module(name: str) -> ModuleType:
    """Import a module; of a compiled kernel the AVX2 twin, where there is one and this CPU has AVX2."""
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
    """Import what ``package.module:function`` names; with a definition return what that makes of it.

    Raises
    ------
    ImportError, AttributeError
        As the import system has it.
    """
    module, _, function = target.partition(":")
    found: Callable[..., Any] = getattr(_module(module), function)
    return found if definition is None else found(definition)


def isa_of(target: str) -> str:
    """Return the instruction set the target's module is compiled for, or an empty text where it is not compiled.

    Notes
    -----
    A module tells it in its constant ``ISA``. Imports the module.
    """
    return str(getattr(_module(target.partition(":")[0]), "ISA", ""))


def jit_cache_of(function: Callable[..., Any]) -> Literal["cold", "cached", "none"]:
    """Tell whether a just-in-time compiler compiled the function or loaded it from its cache.

    Returns
    -------
    {"cold", "cached", "none"}
        ``none`` for functions that are not compiled just in time, or were not called yet.

    Notes
    -----
    Wrappers carry their Numba dispatcher as attribute ``dispatcher``; its ``stats`` count loads and compilations.
    """
    stats = getattr(getattr(function, "dispatcher", function), "stats", None)
    if stats is None:
        return "none"
    if sum(stats.cache_misses.values()):
        return "cold"
    return "cached" if sum(stats.cache_hits.values()) else "none"
