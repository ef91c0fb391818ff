"""Chapter: the same loop, compiled."""

from __future__ import annotations

import functools
import timeit
from collections.abc import Callable
from typing import Any

from gilscope import kernels
from gilscope.core import clocks, targets
from gilscope.core.spec import Availability, Impl
from gilscope.core.trace import Recorder, Trace, duration
from gilscope.env.interpreter import gil_enabled
from gilscope.tour._light import metered
from gilscope.tour._model import Chapter, Experiment, Judgement, seconds
from gilscope.tour._work import cores_experiment, run_in_threads, with_two_cpus

KERNEL, SIZE = "mandelbrot", "S"
LENGTH_NS = 60_000_000
_LABELS = {
    "py_loop": "Python",
    "cy_gil": "Cython, holding the GIL",
    "cy_nogil": "Cython, without the GIL",
    "nb_nogil": "Numba, without the GIL",
}


def loop_of(implementation: str) -> Callable[[], Any]:
    """Return a call of the kernel's loop over the whole image, on memory of its own, compiled if need be."""
    spec = kernels.load(KERNEL)
    function, params = kernels.resolve(KERNEL, _impl(implementation)), spec.sizes[SIZE]
    layout = kernels.buffer_layout(spec, params)
    buffers = targets.views(bytearray(layout[0]), layout)
    call = functools.partial(function, 0, 0, spec.extent(params), params, buffers)
    call()
    return call


def time_of(call: Callable[[], Any]) -> int:
    """Return how long a call takes, in ns: the shortest of three."""
    return int(min(timeit.repeat(call, timer=clocks.wall_ns, repeat=3, number=1)))


def speeds(log: Recorder) -> dict[str, int]:
    """Run the loop once in each form, in one thread."""
    found = {}
    for implementation in _LABELS:
        if _available(implementation).ok:
            call = loop_of(implementation)
            with log.span("main", _LABELS[implementation]):
                found[implementation] = time_of(call)
    return found


def in_two_threads(log: Recorder, implementation: str) -> None:
    """Run the loop in two threads, each on its own image."""
    calls = {name: loop_of(implementation) for name in ("image1", "image2")}
    repeats = max(1, LENGTH_NS // time_of(calls["image1"]))

    def work(log: Recorder, me: str) -> None:
        with metered(log, me, "computing"):
            for _ in range(repeats):
                calls[me]()
        log.tell(me, "main", "done")

    run_in_threads(log, work, ("image1", "image2"))


def python(log: Recorder) -> None:
    """Run the Python loop in two threads."""
    in_two_threads(log, "py_loop")


def cython_gil(log: Recorder) -> None:
    """Run the Cython loop that keeps the GIL in two threads."""
    in_two_threads(log, "cy_gil")


def cython_nogil(log: Recorder) -> None:
    """Run the same Cython loop under ``with nogil`` in two threads."""
    in_two_threads(log, "cy_nogil")


def numba_nogil(log: Recorder) -> None:
    """Run the loop compiled by Numba with ``nogil=True`` in two threads."""
    in_two_threads(log, "nb_nogil")


def _impl(name: str) -> Impl:
    impl = kernels.load(KERNEL).impl(name)
    assert impl is not None
    return impl


def _available(implementation: str) -> Availability:
    return kernels.availability(kernels.load(KERNEL), _impl(implementation))


def _judge_speeds(trace: Trace, result: Any) -> Judgement:
    python, compiled = result["py_loop"], {name: ns for name, ns in result.items() if name != "py_loop"}
    slowest = max(compiled.values(), default=python)
    others = "; ".join(
        f"{_LABELS[name]} {duration(ns)}, {python / ns:.0f} times as fast" for name, ns in compiled.items()
    )
    figures = tuple(seconds(_LABELS[name], ns) for name, ns in result.items())
    return Judgement(bool(compiled) and slowest * 5 < python, f"Python took {duration(python)}; {others}.", figures)


def _compiled_here() -> Availability:
    cython, numba = _available("cy_nogil"), _available("nb_nogil")
    return numba if numba.ok else cython


def _parallel(title: str, text: str, program: Callable[[Recorder], None], implementation: str) -> Experiment:
    """Return the experiment of one implementation in two threads."""
    together = not gil_enabled() or _impl(implementation).gil != "held"
    return cores_experiment(
        title=title,
        text=text,
        shown=(loop_of, in_two_threads) if implementation == "py_loop" else (),
        program=program,
        claim="Both threads run at the same time." if together else "Two threads use no more than one core.",
        together=together,
        spans="computing",
        available=lambda: with_two_cpus(_available(implementation)),
    )


CHAPTER = Chapter(
    name="native",
    title="The same loop in Python, Cython and Numba",
    text="The loop over the points of the Mandelbrot set, written three times with the same operations in the same "
    "order. Compiling makes it faster; releasing the GIL lets it run in several threads. These are two things.",
    experiments=(
        Experiment(
            title="How fast is each",
            text="One thread, the same image. Numba had compiled its loop before.",
            shown=(loop_of, time_of),
            program=speeds,
            claim="Compiled, the loop is more than five times as fast.",
            judge=_judge_speeds,
            available=_compiled_here,
        ),
        _parallel("Python in two threads", "Byte code needs the GIL.", python, "py_loop"),
        _parallel(
            "Cython that keeps the GIL",
            "Compiled, but nobody said that the loop can do without the GIL.",
            cython_gil,
            "cy_gil",
        ),
        _parallel(
            "Cython that releases the GIL",
            "The same loop under with nogil: it touches no Python object.",
            cython_nogil,
            "cy_nogil",
        ),
        _parallel("Numba that releases the GIL", "jit(nogil=True) around the Python loop.", numba_nogil, "nb_nogil"),
    ),
    remember="Compile the loop first, then release the GIL around it: the first makes it fast, the second makes "
    "threads worth while.",
)
