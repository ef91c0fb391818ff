"""Chapter: the same loop, compiled."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gilscope import kernels
from gilscope.core import clocks, targets
from gilscope.core.spec import Availability
from gilscope.core.trace import Recorder, Trace, duration
from gilscope.tour._light import metered
from gilscope.tour._model import Chapter, Experiment, Figure, Verdict
from gilscope.tour._work import one_core_or_two, run_in_threads, threads_run_together, two_cpus

__all__ = ["CHAPTER"]

KERNEL, SIZE = "mandelbrot", "S"
LENGTH_NS = 60_000_000
_WORDS = {
    "py_loop": "Python",
    "cy_gil": "Cython, holding the GIL",
    "cy_nogil": "Cython, without the GIL",
    "nb_nogil": "Numba, without the GIL",
}


def loop_of(implementation: str) -> Callable[[], Any]:
    """Return a call of the kernel's loop over the whole image, on memory of its own, compiled if need be."""
    spec = kernels.load(KERNEL)
    impl = spec.impl(implementation)
    assert impl is not None
    function, params = kernels.resolve(KERNEL, impl), spec.sizes[SIZE]
    layout = kernels.buffer_layout(spec, params)
    buffers = targets.views(bytearray(layout[0]), layout)
    call = functools.partial(function, 0, 0, spec.extent(params), params, buffers)
    call()
    return call


def time_of(call: Callable[[], Any]) -> int:
    """Return how long a call takes, in ns: the shortest of three."""
    spent = []
    for _ in range(3):
        begun = clocks.wall_ns()
        call()
        spent.append(clocks.wall_ns() - begun)
    return min(spent)


def speeds(log: Recorder) -> dict[str, int]:
    """Run the loop once in each form, in one thread."""
    found = {}
    for implementation in _WORDS:
        if _available(implementation).ok:
            call = loop_of(implementation)
            with log.span("main", _WORDS[implementation]):
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


def python_loop(log: Recorder) -> None:
    """Run the Python loop in two threads."""
    in_two_threads(log, "py_loop")


def cython_with_gil(log: Recorder) -> None:
    """Run the Cython loop that keeps the GIL in two threads."""
    in_two_threads(log, "cy_gil")


def cython_without_gil(log: Recorder) -> None:
    """Run the same Cython loop under ``with nogil`` in two threads."""
    in_two_threads(log, "cy_nogil")


def numba_without_gil(log: Recorder) -> None:
    """Run the loop compiled by Numba with ``nogil=True`` in two threads."""
    in_two_threads(log, "nb_nogil")


# Judging --------------------------------------------------------------------------------------------------------------


def _available(implementation: str) -> Availability:
    spec = kernels.load(KERNEL)
    impl = spec.impl(implementation)
    assert impl is not None
    return kernels.availability(spec, impl)


def _here_with_two_cpus(implementation: str) -> Availability:
    here = _available(implementation)
    return here if not here.ok else two_cpus()


def _judge_speeds(trace: Trace, facts: Any) -> Verdict:
    python, compiled = facts["py_loop"], {name: ns for name, ns in facts.items() if name != "py_loop"}
    slowest = max(compiled.values(), default=python)
    others = "; ".join(
        f"{_WORDS[name]} {duration(ns)}, {python / ns:.0f} times as fast" for name, ns in compiled.items()
    )
    return Verdict(
        holds=bool(compiled) and slowest * 5 < python,
        seen=f"Python took {duration(python)}; {others}.",
        figures=tuple(Figure(name=_WORDS[name], value=ns / 1e9, unit="s") for name, ns in facts.items()),
    )


def _judge_held(trace: Trace, facts: Any) -> Verdict:
    return one_core_or_two(trace, together=threads_run_together(), name="computing")


def _judge_released(trace: Trace, facts: Any) -> Verdict:
    return one_core_or_two(trace, together=True, name="computing")


def _compiled_here() -> Availability:
    cython, numba = _available("cy_nogil"), _available("nb_nogil")
    return cython if not cython.ok and not numba.ok else Availability(ok=True)


_ONE = "Both threads run at the same time." if threads_run_together() else "Two threads use no more than one core."
_TWO = "Both threads run at the same time."
_ORDER = ("main", "image1", "image2")


def _parallel(name: str, title: str, text: str, program: Callable[[Recorder], None], impl: str) -> Experiment:
    """Return the experiment of one implementation in two threads."""
    known = kernels.load(KERNEL).impl(impl)
    held = known is not None and known.gil == "held"
    return Experiment(
        name=name,
        title=title,
        text=text,
        shown=(loop_of, in_two_threads) if impl == "py_loop" else (),
        program=program,
        order=_ORDER,
        claim=_ONE if held else _TWO,
        judge=_judge_held if held else _judge_released,
        available=functools.partial(_here_with_two_cpus, impl),
        tries=1 if held and not threads_run_together() else 3,
    )


CHAPTER = Chapter(
    name="native",
    title="The same loop in Python, Cython and Numba",
    text="The loop over the points of the Mandelbrot set, written three times with the same operations in the same "
    "order. Compiling makes it faster; releasing the GIL lets it run in several threads. These are two things.",
    experiments=(
        Experiment(
            name="speeds",
            title="How fast is each",
            text="One thread, the same image. Numba had compiled its loop before.",
            shown=(loop_of, time_of),
            program=speeds,
            claim="Compiled, the loop is more than five times as fast.",
            judge=_judge_speeds,
            available=_compiled_here,
        ),
        _parallel("python", "Python in two threads", "Byte code needs the GIL.", python_loop, "py_loop"),
        _parallel(
            "cython-gil",
            "Cython that keeps the GIL",
            "Compiled, but nobody said that the loop can do without the GIL.",
            cython_with_gil,
            "cy_gil",
        ),
        _parallel(
            "cython-nogil",
            "Cython that releases the GIL",
            "The same loop under with nogil: it touches no Python object.",
            cython_without_gil,
            "cy_nogil",
        ),
        _parallel(
            "numba-nogil",
            "Numba that releases the GIL",
            "jit(nogil=True) around the Python loop.",
            numba_without_gil,
            "nb_nogil",
        ),
    ),
    remember="Compile the loop first, then release the GIL around it: the first makes it fast, the second makes "
    "threads worth while.",
)
