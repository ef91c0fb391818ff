"""Kernels and their implementations.

A *kernel* is a CPU-bound problem with fixed inputs and a checkable result. An *implementation* is one way to
write it.

The contract of a chunked implementation is ``f(phase, lo, hi, params, buffers) -> partial | None``: do the items
``[lo, hi)`` of one phase. ``buffers`` maps each buffer's name to a flat one-dimensional ``memoryview`` in the buffer's
format over memory shared by all workers; each worker has its own memoryview objects. One with its own threads is
``f(workers, params, buffers) -> result`` and loops over the phases itself.
"""

import itertools
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Params: TypeAlias = Mapping[str, int]
Buffers: TypeAlias = "Mapping[str, memoryview[Any]]"  # a text: memoryview takes no parameter at run time before 3.14
GilUse: TypeAlias = Literal["held", "released", "own_threads"]
ItemFormat: TypeAlias = Literal["d", "i", "q", "Q", "I", "B"]
Role: TypeAlias = Literal["input", "output", "state"]
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

    ``format`` is one letter of the struct module in native size: ``d`` double, ``i`` int32, ``q`` int64, ``Q`` uint64,
    ``I`` uint32, ``B`` byte; ``length`` counts items. An ``input`` is written once by ``make_inputs`` and only read
    afterwards; an ``output`` is written by the kernel; ``state`` is both, and ``reset`` restores it before every round.
    """

    name: str
    format: ItemFormat
    length: int
    role: Role

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
    """One way to write a kernel: one of ``registry.IMPLEMENTATIONS``.

    ``target`` is ``module:function``; a leading dot means relative to the kernel's package. With a ``definition``
    (JSON-able) it makes the function from that: one of the user's own.
    """

    name: str
    target: str
    gil: GilUse  # while it computes; own_threads: it brings its own threads
    needs: tuple[str, ...] = ()  # packages that must be importable
    size: str = "M"  # the default size: S for pure Python
    sizes: tuple[str, ...] = ()  # permitted ones; empty: all. Pure Python leaves out those that would take minutes
    unavailable: str = ""  # why this kernel has no such implementation (shown as n/a)
    definition: Mapping[str, str] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSpec:
    """A kernel: its inputs, its decomposition and how its result is checked.

    All functions take the parameters of one size first. They may import only the standard library and the compiled
    input generator, because workers, runners and sub-interpreters use them.

    ``layout`` returns the buffers, in the order in which the kernel's definition names its arrays. ``make_inputs``
    fills the ``input`` buffers (and whatever ``reset`` restores from) in place; ``reset`` restores the ``state``
    buffers, untimed, before every round. An execution has ``phases``, separated by barriers, of ``extent`` items each;
    chunks are ranges of items, independent within a phase. ``reads`` and ``writes`` return the slices that the chunk
    (phase, lo, hi) reads and writes, for the ``pickle`` transport and the ``isolated`` control.

    ``combine`` reduces the partials, in chunk order, inside the timed round; the result travels as JSON: None, or ints,
    floats, strings and lists. ``outputs`` are the slices that, with the result, are the answer. ``check`` returns what
    is wrong with it by independent knowledge (conservation laws, known counts), or None. ``size_for`` returns the size
    for an implementation and a number of workers where that matters (weak scaling; implementations with their own
    threads use the size of the largest count); None: what the study requests.
    """

    name: str
    summary: str
    regime: str  # one or two words for what limits it, e.g. "compute, uneven rows"
    sizes: Mapping[str, Params]
    extent: Callable[[Params], int]
    work: Callable[[Params, Any], Work]
    impls: tuple[Impl, ...]
    kind: Literal["kernel", "probe"] = "kernel"
    layout: Callable[[Params], tuple[BufferSpec, ...]] = lambda params: ()
    make_inputs: Callable[[Params, Buffers], None] = lambda params, buffers: None
    outputs: Callable[[Params], tuple[Slice, ...]] = lambda params: ()
    phases: Callable[[Params], int] = lambda params: 1
    reads: Callable[[Params, int, int, int], tuple[Slice, ...]] = lambda params, phase, lo, hi: ()
    writes: Callable[[Params, int, int, int], tuple[Slice, ...]] = lambda params, phase, lo, hi: ()
    reset: Callable[[Params, Buffers], None] = lambda params, buffers: None
    combine: Callable[[Params, Sequence[Any]], Any] = lambda params, partials: None
    check: Callable[[Params, Buffers, Any], str | None] = lambda params, buffers, result: None
    digests: Mapping[str, str] = field(default_factory=dict)  # of the answer, per size: gilscope kernels digest
    size_for: Callable[[str, int], str] | None = None

    def impl(self, name: str, executor: str = "") -> Impl | None:
        """Return the implementation called ``name``, or None.

        A user's function may be listed twice, with its own threads and without: then the one for the executor.
        """
        named = [impl for impl in self.impls if impl.name == name]
        fitting = (impl for impl in named if (impl.gil == "own_threads") == (executor == "native"))
        return next(fitting, named[0] if named else None)


def chunk_bounds(extent: int, chunks: int) -> tuple[tuple[int, int], ...]:
    """Cut ``[0, extent)`` into at most ``chunks`` ranges that differ by one item at most; empty ranges are left out."""
    bounds = [extent * c // chunks for c in range(chunks + 1)]
    return tuple((lo, hi) for lo, hi in itertools.pairwise(bounds) if lo < hi)
