"""What is right to say of 30 functions on two threads, and why: the table of `functions`.

An answer follows from what the function does, never from what gilscope says of it. Two things are timed, in processes
of their own and without gilscope, where they decide the answer: the share of a call during which the GIL is held, from
the two parts of the function; and what two plain threads gain from code that works on arrays, because machines differ
in that. ``python -m benchmarks.selfbench.known_answers share|plain MODULE:FUNCTION [SETUP]`` prints one of them.
"""

from __future__ import annotations

import importlib
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gilscope.analysis.verdict import GAIN
from gilscope.env.checks import THREAD_VARIABLES

ROOT = Path(__file__).resolve().parents[2]
"""Where targets are looked for."""

ONE_THREAD = dict.fromkeys(THREAD_VARIABLES, "1")
"""What libraries read when they are loaded: one thread per worker, as the answers have it."""

BY_GIL = frozenset({"gil_bound", "gil_held_in_c"})
LOCKED = frozenset({"lock_bound", "gil_or_lock"})  # the second where nobody can count who waits for the GIL
SCALES = frozenset({"scales"})

CLOSE = 0.07
"""How far from what is known a speed-up may certainly be: the known shares are timed to a few per cent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is right to say of two threads, and of processes.

    Parameters
    ----------
    findings : frozenset of str
        Codes that may be given; noise may always be.
    gains : bool or None
        Whether two threads gain; None where neither is wrong.
    low, high : float
        Limits of the speed-up where the machine gives two CPUs.
    processes : bool or None
        Whether two processes gain, so that there is a way that does.
    why : str
        The reason.
    """

    findings: frozenset[str]
    gains: bool | None
    low: float
    high: float
    why: str
    processes: bool | None = True

    def until(self, later: Answer) -> Answer:
        """Return what is right of a machine that changed from the one for which this is right to another."""
        if later == self:
            return self
        return Answer(
            findings=self.findings | later.findings,
            gains=self.gains if self.gains == later.gains else None,
            low=min(self.low, later.low),
            high=max(self.high, later.high),
            processes=self.processes if self.processes == later.processes else None,
            why=f"{self.why}; afterwards: {later.why.rpartition(': ')[2]}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A function: what ``gilscope profile`` is asked, its kind, and its answer or what it is derived from.

    Parameters
    ----------
    words : tuple of str
        The target and the options that make its arguments.
    answer : Answer or None
        None where it follows from something that is timed.
    timed : {"", "share", "plain"}
        What that is.
    why : str
        What the function does, where that is not all of the answer.
    needs : str
        A package it cannot do without.
    """

    words: tuple[str, ...]
    kind: str
    answer: Answer | None = None
    timed: str = ""
    why: str = ""
    needs: str = ""

    def resolved(self) -> Answer:
        """Return the answer; what it depends on is timed now."""
        if self.answer is not None:
            return self.answer
        figure = _timed(self.timed, self.words)
        if self.timed == "share":
            return partly_held(figure, self.why)
        return streaming(figure, self.why)


def partly_held(share: float, why: str) -> Answer:
    """Return what follows from the share of a call, on one thread, during which the GIL is held.

    Notes
    -----
    Throughput is at most 1 / share calls per call time (utilisation law: Denning & Buzen, The Operational Analysis of
    Queueing Network Models, 1978), and threads that alternate reach it. Two that are in step reach 2 / (1 + share):
    they begin so, and stay so where the GIL changes hands within the part that holds it (byte code every 5 ms), right
    after it (C code that was asked for it meanwhile), or within the part that releases it and takes it back. Only what
    is not held overlaps then.
    """
    low, high = 2.0 / (1.0 + share), min(2.0, 1.0 / share)
    gains = True if low * (1 - CLOSE) > GAIN else False if high * (1 + CLOSE) < GAIN else None
    findings = BY_GIL
    if low < 1.8 <= high:  # waiting may be anything from nothing to a good part
        findings |= SCALES | {"scales_partly"}
    elif low >= 1.8:
        findings = SCALES | {"scales_partly"}
    return Answer(
        findings=findings, gains=gains, low=low, high=high, why=f"{why}: the GIL is held {share:.0%} of a call"
    )


def streaming(plain: float, why: str) -> Answer:
    """Return what follows from the speed-up of two plain threads that use memory they have to themselves.

    They share no lock, and NumPy releases the GIL: what they do not gain is the memory system's.
    """
    findings = set()
    if plain > 1.7:
        findings.add("scales")
    if plain < 1.95:
        findings |= {"memory_bound", "inflation", "scales_partly"}  # inflation: "memory, caches, the allocator, ..."
    gains = True if plain > GAIN * (1 + 2 * CLOSE) else False if plain < GAIN * (1 - 2 * CLOSE) else None
    return Answer(
        findings=frozenset(findings),
        gains=gains,
        low=plain * (1 - CLOSE),
        high=min(2.0, plain * (1 + CLOSE)),
        why=f"{why}: two plain threads gain {plain:.2f}",
        processes=gains,
    )


def _answer(findings: frozenset[str], low: float, high: float, why: str) -> Answer:
    return Answer(findings=findings, gains=low > GAIN, low=low, high=high, why=why)


def _module(name: str) -> str:
    return f"benchmarks.selfbench.{name}"


_STDLIB, _ARRAYS = _module("known_functions"), _module("known_arrays")


def _own(module: str, name: str, setup: str = "") -> tuple[str, ...]:
    return (f"{module}:{name}", *(("--setup", f"{module}:{setup}") if setup else ()))


def _partly(module: str, name: str, why: str, needs: str = "") -> Known:
    return Known(words=_own(module, name), kind="held partly", timed="share", why=why, needs=needs)


def _memory(name: str, setup: str, why: str) -> Known:
    return Known(words=_own(_ARRAYS, name, setup), kind="memory", timed="plain", why=why)


def _library(target: str, setup: str, kind: str, answer: Answer) -> Known:
    return Known(words=(target, "--setup", f"{_STDLIB}:{setup}"), kind=kind, answer=answer)


def _locked(module: str, name: str, setup: str, why: str) -> Known:
    answer = _answer(LOCKED, 0.5, 1.05, f"{why}; one worker at a time, and the GIL is released meanwhile")
    return Known(words=_own(module, name, setup), kind="lock", answer=answer)


def _byte_code(why: str) -> Answer:
    return _answer(frozenset({"gil_bound"}), 0.5, 1.0, f"{why}: byte code, one thread at a time")


def _c_code(why: str, *, findings: frozenset[str] = BY_GIL) -> Answer:
    return _answer(findings, 0.5, 1.0, f"{why}: C code that never releases the GIL")


def _released(why: str, findings: frozenset[str] = SCALES) -> Answer:
    return _answer(findings, 2.0, 2.0, f"{why}, in registers and caches")


_PAST_INTERVAL = frozenset({"gil_held_in_c"})
"""Where one call holds the GIL for more than twice the switch interval, waiters have asked and got no answer."""

_THREE_QUARTERS = Answer(
    findings=LOCKED,
    gains=True,
    low=2.0 / (1.0 + 0.75),
    high=1.0 / 0.75,
    why="three of four equal parts are done with one lock held, and none with the GIL: utilisation law",
)

_ASLEEP = "sleeping threads hold neither the GIL nor a CPU"

KNOWN: tuple[Known, ...] = (
    _partly(_STDLIB, "dump_then_deflate", "json's C encoder holds, zlib releases piece by piece"),
    _partly(_STDLIB, "pickle_then_hash", "pickle holds, hashlib releases beyond 2 kB"),
    _partly(_STDLIB, "count_then_derive", "byte code holds, PBKDF2 releases"),
    _partly(_STDLIB, "search_then_hash", "re holds, hashlib releases"),
    _partly(_STDLIB, "count_then_unpack", "byte code holds, lzma releases piece by piece"),
    _partly(_STDLIB, "count_then_sleep", "byte code holds, sleep releases"),
    _partly(_ARRAYS, "sort_then_multiply", "sorted holds, the BLAS releases"),
    _partly(_ARRAYS, "count_then_compute", "byte code holds, Numba nogil releases", needs="numba"),
    _memory("copy", "two_large", "copies 48 MB"),
    _memory("add_fourths", "two_large", "reads two arrays of 48 MB and writes one, for every fourth number"),
    _memory("total", "one_large", "reads 48 MB"),
    _memory("largest_of_lines", "one_large", "reads 48 MB, for one number of each cache line"),
    _memory("add_lines", "two_large", "reads two arrays of 48 MB and writes one, for one number of each cache line"),
    _locked(_STDLIB, "update_shared_hash", "", "a hash object locks itself for long updates"),
    _locked(_STDLIB, "compress_shared", "", "a BZ2Compressor locks itself"),
    _locked(_ARRAYS, "fill_normal", "room", "a NumPy Generator locks its bit generator"),
    Known(words=_own(_STDLIB, "three_quarters_locked"), kind="lock", answer=_THREE_QUARTERS),
    _library("copy:deepcopy", "nested_lists", "byte code", _byte_code("copy is written in Python")),
    _library("statistics:variance", "few_numbers", "byte code", _byte_code("statistics is written in Python")),
    _library("json:loads", "json_text", "holds in C", _c_code("json's scanner makes objects all along")),
    _library("re:findall", "absent_pattern", "holds in C", _c_code("re matches with the GIL", findings=_PAST_INTERVAL)),
    _library("builtins:sorted", "numbers", "holds in C", _c_code("sorted compares objects", findings=_PAST_INTERVAL)),
    Known(
        words=("hashlib:pbkdf2_hmac", "--arg", '"sha256"', "--arg", 'b"key"', "--arg", 'b"salt"', "--arg", "20000"),
        kind="releases",
        answer=_released("hashlib releases the GIL for the whole derivation"),
    ),
    _library("zlib:compress", "noise", "releases", _released("zlib releases the GIL in deflate")),
    Known(
        words=_own(_ARRAYS, "add_tiny"),
        kind="small arrays",
        answer=_answer(
            frozenset({"gil_bound"}), 0.5, 1.0, "NumPy keeps the GIL in loops over fewer than 500 elements, and calls"
        ),
    ),
    Known(
        words=_own(_ARRAYS, "cube_roots", "small_room"),
        kind="large arrays",
        timed="plain",
        why="NumPy releases the GIL in loops over 500 elements or more; 25,000 of its own per worker, in place",
    ),
    Known(
        words=_own(_ARRAYS, "numba_nogil"),
        kind="Numba nogil",
        answer=_released("Numba nogil releases the GIL while the loop runs"),
        needs="numba",
    ),
    Known(
        words=_own(_ARRAYS, "solve"),
        kind="LAPACK",
        answer=_released("numpy.linalg releases the GIL; LAPACK has one thread per worker"),
    ),
    Known(words=("time:sleep", "--arg", "0.005"), kind="sleep", answer=_answer(SCALES, 2.0, 2.0, _ASLEEP)),
    Known(
        words=_own(_STDLIB, "read_zeros", "buffer"),
        kind="I/O",
        timed="share",
        why="read releases the GIL and takes it back every few us; the kernel writes 256 kB of each worker's own",
    ),
)
"""The 30 functions."""


def _timed(what: str, words: tuple[str, ...]) -> float:
    """Time what an answer depends on, in a process of its own."""
    command = [sys.executable, "-m", _module("known_answers"), what, words[0], *words[2:3]]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT, env=os.environ | ONE_THREAD)
    return float(done.stdout)


def _resolve(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def held_share(parts: tuple[Callable[[], Any], Callable[[], Any]], pairs: int = 30) -> float:
    """Return the share of the first of two parts in their time, from the fastest of so many calls of each.

    What a part takes is its CPU time, which other programs hardly lengthen, or its wall time if it sleeps.
    """
    walls: tuple[list[float], list[float]] = ([], [])
    cpus: tuple[list[float], list[float]] = ([], [])
    for _ in range(pairs):
        for index, part in enumerate(parts):
            wall, cpu = time.perf_counter(), time.thread_time()
            part()
            cpus[index].append(time.thread_time() - cpu)
            walls[index].append(time.perf_counter() - wall)
    held, released = (
        min(cpu) if min(cpu) > min(wall) / 2 else min(wall) for wall, cpu in zip(walls, cpus, strict=True)
    )
    return held / (held + released)


def plain_speedup(function: Callable[..., Any], setup: Callable[[], Any], pairs: int = 9) -> float:
    """Return the median speed-up of two threads over one, each on arguments of its own, over pairs of 0.2 s each.

    By CPU time: threads that wait for memory compute as far as any clock can tell, and these wait for nothing else.
    """
    own = [setup(), setup()]
    begin = time.thread_time()
    for arguments in own:
        function(*arguments)
    calls = max(1, round(0.4 / (time.thread_time() - begin)))
    return statistics.median(2 * _cpu_s(function, own[:1], calls) / _cpu_s(function, own, calls) for _ in range(pairs))


def _cpu_s(function: Callable[..., Any], own: list[Any], calls: int) -> float:
    """Return the mean CPU seconds of a thread for each of the arguments, for so many calls at the same time."""
    start, took = threading.Barrier(len(own)), []

    def work(arguments: Any) -> None:
        start.wait()
        begin = time.thread_time()
        for _ in range(calls):
            function(*arguments)
        took.append(time.thread_time() - begin)

    threads = [threading.Thread(target=work, args=(arguments,)) for arguments in own]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.mean(took)


def main() -> None:
    """Time one thing and print it."""
    what, target, *setup = sys.argv[1:]
    if what == "share":
        parts: Mapping[str, Any] = importlib.import_module(target.partition(":")[0]).PARTS
        print(held_share(parts[target.partition(":")[2]]))
    else:
        print(plain_speedup(_resolve(target), _resolve(setup[0])))


if __name__ == "__main__":
    main()
