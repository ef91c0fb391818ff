"""Results in which one cause was planted, by the code of the finding that has to name it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from gilscope.core.records import ResultSet, Round
from tests.analysis.rounds import MS, Did, alone, ideal, made_of, probe, study

THREADS = "nbody/py_loop@threads*2#S"
FOUR = "nbody/cy_nogil@threads*4#M"
PROCESSES = "nbody/py_loop@processes*2#S"
NATIVE = "nbody/cy_prange@native*2#M"
TWO_CPUS = {"count": 2, "physical": 2, "detail": "the machine has 2 logical CPUs"}

SERIALISED = made_of(Did(cpu=50, rest=50), Did(cpu=50, rest=50))
"""Two threads, one at a time."""


def throttled() -> Round:
    return made_of(*[Did(cpu=25, queued=25)] * 4, throttled=50.0)


def faulting(measured: Round, faults: int, system: float) -> Round:
    """Return the round with so many page faults and ms of CPU time in the kernel."""
    return dataclasses.replace(measured, minor_faults=faults, system_ns=round(system * MS))


def growing(made: ResultSet, factor: Callable[[int], float] = lambda at: 1.1**at) -> ResultSet:
    """Return the result with rounds that get longer from block to block, by a tenth each, but for the controls."""

    def longer(key: str, measured: Round, at: int) -> Round:
        if ":" in key:
            return measured
        by = factor(at)
        stamps = tuple(
            dataclasses.replace(one, end_ns=round(one.end_ns * by), cpu_ns=round(one.cpu_ns * by))
            for one in measured.stamps
        )
        net = measured.net_ns and round(measured.net_ns * by)
        return dataclasses.replace(measured, end_ns=round(measured.end_ns * by), stamps=stamps, net_ns=net)

    blocks = tuple(
        dataclasses.replace(one, rounds={key: longer(key, seen, one.index) for key, seen in one.rounds.items()})
        for one in made.blocks
    )
    return dataclasses.replace(made, blocks=blocks)


def unwatched(held: float) -> dict[str, Any]:
    """What the probe writes where waiting threads cannot be counted, as with musl."""
    seen = probe(held, 0.0, overdue=None)
    return {**seen, "waiting": None, "waiting_reason": "known with glibc only"}


PLANTED = {
    "scales": lambda: study(THREADS, made_of(Did(cpu=51), Did(cpu=51))),
    "scales_partly": lambda: study(PROCESSES, made_of(*[Did(late=2, cpu=52, rest=2)] * 2)),
    "not_repeatable": lambda: growing(study(PROCESSES, ideal(2))),
    "too_short": lambda: study(
        "mod:f/f@processes*2#8", ideal(2), functions={"f": {"call_s": 5e-8, "empty_s": 4e-8, "fresh": 1.1}}
    ),
    "superlinear": lambda: study(PROCESSES, faulting(made_of(Did(cpu=40), Did(cpu=40)), 10, 1.0)),
    "page_faults": lambda: study(
        PROCESSES, faulting(made_of(Did(cpu=52), Did(cpu=52)), 4000, 20.0), single=faulting(alone(), 4000, 30.0)
    ),
    "inflation": lambda: study(PROCESSES, made_of(Did(cpu=80), Did(cpu=80))),
    "gil_bound": lambda: study(THREADS, SERIALISED, gil=[probe(1.0, 1.0)] * 3),
    "gil_held_in_c": lambda: study(THREADS, SERIALISED, gil=[probe(1.0, 1.0, overdue=0.75, turn_s=0.02)] * 3),
    "gil_re_enabled": lambda: study(
        THREADS, SERIALISED, gil=[probe(1.0, 1.0, switched_on="switched on by importing old")] * 3
    ),
    "memory_bound": lambda: study(
        "triad/cy_nogil@threads*2#M", made_of(Did(cpu=80), Did(cpu=80)), isolated=made_of(Did(cpu=79), Did(cpu=79))
    ),
    "contention": lambda: study(
        "nbody/cy_nogil@threads*2#M", made_of(Did(cpu=80), Did(cpu=80)), isolated=made_of(Did(cpu=51), Did(cpu=51))
    ),
    "imbalance": lambda: study(THREADS, made_of(Did(cpu=40), Did(cpu=60)), gil=[probe(0.1, 0.0)]),
    "dispatch_bound": lambda: study(
        "nbody/py_loop@processes.pickle*2#S", made_of(Did(late=25, cpu=50), Did(late=25, cpu=50), after=25)
    ),
    "lock_bound": lambda: study(PROCESSES, made_of(Did(cpu=50, rest=25), Did(cpu=50, rest=25))),
    "gil_or_lock": lambda: study(THREADS, made_of(*[Did(cpu=50, rest=15)] * 2), gil=[unwatched(0.6)] * 3),
    "over_subscribed": lambda: study(
        FOUR,
        made_of(*[Did(cpu=25, queued=25)] * 4),
        spin=made_of(*[Did(cpu=25, queued=25)] * 4),
        cpus=TWO_CPUS,
        gil=[probe(0.0, 0.0)],
    ),
    "nested_parallelism": lambda: study(
        "mod:f/f@threads.all*2#8",
        made_of(Did(cpu=50, rest=40), Did(cpu=50, rest=40)),
        functions={"f": {"held": 0.0}},
        gil=[probe(0.0, 0.0)],
        beside={"mod:f/f@threads*2#8": made_of(Did(cpu=50, rest=10), Did(cpu=50, rest=10))},
        cpus=TWO_CPUS,
    ),
    "quota_limited": lambda: study(
        FOUR, throttled(), spin=throttled(), cpus={**TWO_CPUS, "quota_cpus": 2.0, "limit": "cgroup quota"}
    ),
    "smt_limited": lambda: study(
        THREADS, ideal(2, 1.4), spin=ideal(2, 1.4), isolated=ideal(2, 1.4), cpus={"count": 2, "physical": 1}
    ),
    "stolen": lambda: study(
        THREADS,
        made_of(Did(cpu=50, rest=20), Did(cpu=50, rest=20), steal=40),
        spin=made_of(Did(cpu=50, rest=20), Did(cpu=50, rest=20), steal=40),
    ),
    "too_noisy": lambda: study(THREADS, made_of(Did(cpu=50, queued=20), Did(cpu=50, queued=20))),
}
