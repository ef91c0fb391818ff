"""Kernels and their implementations.

A *kernel* is a CPU-bound problem with fixed inputs and a checkable result. An *implementation* is one way to
write it.

The contract of a chunked implementation is ``f(phase, lo, hi, params, buffers) -> partial | None``: do the items
``[lo, hi)`` of one phase. ``buffers`` maps each buffer's name to a flat one-dimensional ``memoryview`` in the buffer's
format over memory shared by all workers; each worker has its own memoryview objects. One with its own threads is
``f(workers, params, buffers) -> result`` and loops over the phases itself.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

__all__ = [
    "Availability",
    "BufferSpec",
    "Buffers",
    "GilUse",
    "Impl",
    "KernelSpec",
    "Params",
    "Slice",
    "Work",
    "chunk_bounds",
]

Params: TypeAlias = Mapping[str, int]
Buffers: TypeAlias = "Mapping[str, memoryview[Any]]"  # a text: memoryview takes no parameter at run time before 3.14
GilUse: TypeAlias = Literal["held", "released", "own_threads"]
Slice: TypeAlias = tuple[str, int, int]  # buffer name, first item, one past the last item


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Whether something can be used here, and if not, why and what to do."""

    ok: bool
    reason: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferSpec:
    """One buffer of a kernel: a flat array in shared memory.

    Parameters
    ----------
    name : str
    format : str
        One letter of the struct module in native size: ``d`` double, ``i`` int32, ``q`` int64, ``Q`` uint64, ``I``
        uint32, ``B`` byte.
    length : int
        Number of items.
    role : {"input", "output", "state"}
        ``input`` is written once by ``make_inputs`` and only read afterwards; ``output`` is written by the kernel;
        ``state`` is both and is restored by ``reset`` before every round.
    """

    name: str
    format: Literal["d", "i", "q", "Q", "I", "B"]
    length: int
    role: Literal["input", "output", "state"]

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.length * struct.calcsize(self.format)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one execution does: ``units`` of ``unit`` (for rates), flops and bytes moved (0: not counted)."""

    units: int
    unit: str
    flops: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Impl:
    """One way to write a kernel.

    Parameters
    ----------
    name : str
        A word of ``registry.IMPLEMENTATIONS``.
    target : str
        ``module:function``; a module that starts with a dot is relative to the kernel's package.
    definition : mapping of str to str, optional
        If given, ``target`` makes the function from it: one of the user's own. JSON-able.
    gil : {"held", "released", "own_threads"}
        What it does with the GIL while it computes; nothing else tells. ``own_threads`` implementations bring their
        own threads.
    needs : tuple of str
        Packages that must be importable, e.g. ``("numba",)``.
    size : str
        The size it is measured at unless the user asks for another: ``S`` for pure Python, else ``M``.
    sizes : tuple of str
        The sizes it may run at; empty means all. Pure Python leaves out those that would take minutes.
    unavailable : str
        If not empty, the reason why this kernel has no such implementation (shown as n/a).
    """

    name: str
    target: str
    gil: GilUse
    needs: tuple[str, ...] = ()
    size: str = "M"
    sizes: tuple[str, ...] = ()
    unavailable: str = ""
    definition: Mapping[str, str] | None = field(default=None, hash=False)


def _nothing(params: Params, buffers: Buffers) -> None:
    """Make or restore nothing: the default ``make_inputs`` and ``reset``."""


def _no_partials(params: Params, partials: Sequence[Any]) -> None:
    """Combine nothing: the default ``combine``."""


def _whole(params: Params, phase: int, lo: int, hi: int) -> tuple[Slice, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSpec:
    """A kernel: its inputs, its decomposition and how its result is checked.

    All functions take the parameters of one size first. None of them may import anything but the standard library
    and the compiled input generator, because workers, runners and sub-interpreters use them.

    Parameters
    ----------
    name, summary, regime : str
        ``regime`` is one or two words for what limits it, e.g. ``compute, uneven rows``.
    kind : {"kernel", "probe"}
    sizes : mapping of str to params
        Parameters per size word.
    layout : callable (params) -> tuple of BufferSpec
        The buffers, in the order in which the kernel's definition names its arrays; without it none.
    make_inputs : callable (params, buffers) -> None
        Fill the ``input`` buffers (and whatever ``reset`` restores from) in place; without it nothing.
    phases : callable (params) -> int
        Number of phases of one execution; phases are separated by a barrier.
    extent : callable (params) -> int
        Number of items of each phase; chunks are ranges of items and are independent within a phase.
    reads, writes : callable (params, phase, lo, hi) -> tuple of Slice
        What a chunk reads from and writes to the buffers; the ``pickle`` transport and the ``isolated`` control use it.
    reset : callable (params, buffers) -> None
        Restore the ``state`` buffers; runs untimed before every round.
    combine : callable (params, partials) -> result
        Reduce the partials, given in chunk order; inside the timed round. The result is None or made of ints, floats,
        strings and lists (it travels as JSON).
    outputs : callable (params) -> tuple of Slice
        The parts of the buffers that, with ``result``, are the answer; without it the result alone.
    check : callable (params, buffers, result) -> str or None
        Independent knowledge about the answer (conservation laws, known counts): None, or what is wrong with it.
    work : callable (params, result) -> Work
    digests : mapping of str to str
        Digest of the answer (``kernels.answer_digest``) per size, made by ``gilscope kernels digest``.
    impls : tuple of Impl
    size_for : callable (implementation, workers) -> str, or None
        The size word of a case where it depends on the workers (weak scaling; of those with threads of its own each
        has the size of the most); None: what the study asks for.
    """

    name: str
    summary: str
    regime: str
    sizes: Mapping[str, Params]
    extent: Callable[[Params], int]
    work: Callable[[Params, Any], Work]
    impls: tuple[Impl, ...]
    kind: Literal["kernel", "probe"] = "kernel"
    layout: Callable[[Params], tuple[BufferSpec, ...]] = lambda params: ()
    make_inputs: Callable[[Params, Buffers], None] = _nothing
    outputs: Callable[[Params], tuple[Slice, ...]] = lambda params: ()
    phases: Callable[[Params], int] = lambda params: 1
    reads: Callable[[Params, int, int, int], tuple[Slice, ...]] = _whole
    writes: Callable[[Params, int, int, int], tuple[Slice, ...]] = _whole
    reset: Callable[[Params, Buffers], None] = _nothing
    combine: Callable[[Params, Sequence[Any]], Any] = _no_partials
    check: Callable[[Params, Buffers, Any], str | None] = lambda params, buffers, result: None
    digests: Mapping[str, str] = field(default_factory=dict)
    size_for: Callable[[str, int], str] | None = None

    def impl(self, name: str, executor: str = "") -> Impl | None:
        """Return the implementation called ``name``, or None.

        A user's function may be there twice, with threads of its own and without: then the one for the executor.
        """
        named = [impl for impl in self.impls if impl.name == name]
        fitting = (impl for impl in named if (impl.gil == "own_threads") == (executor == "native"))
        return next(fitting, named[0] if named else None)


def chunk_bounds(extent: int, chunks: int) -> tuple[tuple[int, int], ...]:
    """Cut ``[0, extent)`` into at most ``chunks`` ranges that differ by one item at most; empty ranges are left out."""
    bounds = [extent * c // chunks for c in range(chunks + 1)]
    return tuple((lo, hi) for lo, hi in itertools.pairwise(bounds) if lo < hi)
