"""Programs that know themselves how long each of their functions held the GIL; run as one, or in threads of a test.

As a program, ``python loads.py NAME``: runs until its input ends, then writes what each function knows, as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from gilscope.telemetry._gilprobe import duty

Known = dict[str, float]  # seconds held, by function
MS = 1e-3


def hold(known: Known, name: str, seconds: float) -> int:
    """Hold the GIL in C for so long, and write it down for the function that did."""
    known[name] = known.get(name, 0.0) + duty(seconds, 0.0, seconds)[0] * 1e-9
    return 0


def spin(loops: int) -> int:
    total = 0
    for i in range(loops):
        total += i
    return total


def twice(known: Known) -> None:
    began = time.thread_time()
    total = 0
    for i in range(40_000):
        total += i
    known["twice"] = known.get("twice", 0.0) + time.thread_time() - began


def once(known: Known) -> None:
    began = time.thread_time()
    total = 0
    for i in range(20_000):
        total += i
    known["once"] = known.get("once", 0.0) + time.thread_time() - began


def phases(known: Known) -> None:
    """Byte code, 2:1."""
    twice(known)
    once(known)


def call_in_c(known: Known) -> None:
    hold(known, "call_in_c", 20 * MS)


def code(known: Known) -> None:
    for _ in range(100):
        hold(known, "code", 0.05 * MS)


def code_and_c(known: Known) -> None:
    """A call that keeps it for 20 ms, and byte code with calls so short that others can have it at any time."""
    call_in_c(known)
    code(known)


def one_line_in_ten(known: Known) -> None:
    """Nearly all of it in one line; the function's first line is in ``SLOW_LINE``."""
    a = 1
    a += 1
    a += 2
    a += 3
    a += 4
    hold(known, "one_line_in_ten", 2 * MS)
    a += 5
    a += 6
    a += 7
    a += 8


SLOW_LINE = one_line_in_ten.__code__.co_firstlineno + 7


def inner(known: Known) -> None:
    hold(known, "inner", 3 * MS)


def outer(known: Known) -> None:
    hold(known, "outer", 1 * MS)
    inner(known)


def generates(known: Known) -> Iterator[int]:
    for _ in range(3):
        yield hold(known, "generates", 1 * MS)


def from_generator(known: Known) -> None:
    for _ in generates(known):
        hold(known, "from_generator", 1 * MS)


def in_comprehension(known: Known) -> None:
    [hold(known, "in_comprehension", 1 * MS) for _ in range(2)]


def by_lambda(known: Known) -> None:
    (lambda: hold(known, "by_lambda", 2 * MS))()


def key(known: Known) -> int:
    return hold(known, "key", 1 * MS)


def sorts(known: Known) -> None:
    """C code that calls Python back."""
    sorted(range(4), key=lambda _: key(known))


def everything(known: Known) -> None:
    """Nested calls, a generator, a comprehension, a lambda, a callback from C."""
    outer(known)
    from_generator(known)
    in_comprehension(known)
    by_lambda(known)
    sorts(known)


LOADS: dict[str, Callable[[Known], None]] = {
    load.__name__: load for load in (phases, code_and_c, one_line_in_ten, everything)
}


class Running:
    """A load in a thread, and byte code in another one that wants the GIL all the time."""

    def __init__(self, name: str) -> None:
        self.known: Known = {}
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(LOADS[name], self.known), name="load"),
            threading.Thread(target=self._repeat, args=(twice, {}), name="rival"),
        ]

    def _repeat(self, load: Callable[[Known], None], known: Known) -> None:
        while not self._stop.is_set():
            load(known)

    def __enter__(self) -> Running:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


if __name__ == "__main__":
    with Running(sys.argv[1]) as running:
        print("ready", flush=True)
        sys.stdin.read()
        known = dict(running.known)
    print(json.dumps(known))
