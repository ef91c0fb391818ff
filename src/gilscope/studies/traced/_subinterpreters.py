"""Sub-interpreters wherever CPython has them, even before the public module."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from gilscope.core import clocks
from gilscope.core.spec import Availability
from gilscope.core.trace import Recorder
from gilscope.env.interpreter import gil_enabled

# Private names of what became the public concurrent.interpreters of 3.14 (PEP 734).
_MODULES = ("_interpreters", "_xxsubinterpreters")


def interpreter_module() -> Any:
    """Return the module of this CPython's sub-interpreters, or None."""
    for name in _MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def available() -> Availability:
    """Return whether this Python has them: CPython does."""
    if interpreter_module() is not None:
        return Availability(ok=True)
    return Availability(ok=False, reason="this Python has no sub-interpreters", cure="use CPython")


def own_gil() -> bool:
    """Whether interpreters of this Python run at the same time: a GIL each (PEP 684), or none at all."""
    return sys.version_info >= (3, 12) or not gil_enabled()


def run_codes(log: Recorder, lanes: Sequence[str], code_of: Callable[[str, dict[str, int]], str]) -> None:
    """Make an interpreter for each lane, let them begin together, and wait for all.

    Parameters
    ----------
    code_of : callable (lane, facts) -> str
        What an interpreter runs. It writes a byte to the descriptor ``there`` when it is ready and reads one from
        ``go`` before it begins; ``started_ns`` is when it was asked for.
    """
    api = interpreter_module()
    (arrivals, there), (go, begin) = os.pipe(), os.pipe()
    made, threads = [], []
    for lane in lanes:
        log.tell("main", lane, "start")
        facts = {"started_ns": clocks.wall_ns(), "there": there, "go": go}
        made.append(api.create())
        threads.append(threading.Thread(target=api.run_string, args=(made[-1], code_of(lane, facts)), name=lane))
        threads[-1].start()
    for _ in lanes:
        os.read(arrivals, 1)
    os.write(begin, b"." * len(lanes))
    with log.span("main", "join", "wait"):
        for thread in threads:
            thread.join()
    for number in made:
        api.destroy(number)
    for descriptor in (arrivals, there, go, begin):
        os.close(descriptor)
