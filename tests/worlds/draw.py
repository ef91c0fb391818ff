"""Worlds drawn by seed: a machine of some family, a program with some cause, of a severity that is drawn too."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.worlds.world import Machine, Program, World

__all__ = ["CAUSES", "FAMILIES", "drawn"]

_EXECUTION_S = 0.055  # of one worker, as the tool chooses the number of tasks
_SMALL = 0.15  # share of worlds whose effect is below what has to be found


def _cpus(draw: random.Random) -> int:
    return draw.choice((2, 2, 4, 4, 8, 16))


def _laptop(draw: random.Random) -> dict[str, Any]:
    cores = draw.choice((2, 4, 6, 8))
    return {
        "cpus": 2 * cores,
        "cores": cores,
        "smt_yield": draw.uniform(1.1, 1.5),
        "turbo": draw.uniform(1.1, 1.6),
        "noise": 0.01,
    }


FAMILIES: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "quiet": lambda draw: {"cpus": _cpus(draw)},
    "noisy": lambda draw: {
        "cpus": _cpus(draw),
        "noise": draw.uniform(0.03, 0.15),
        "noise_s": draw.uniform(0.3, 4.0),
    },
    "drift": lambda draw: {"cpus": _cpus(draw), "drift": draw.uniform(-0.4, 0.6)},
    "bursts": lambda draw: {
        "cpus": _cpus(draw),
        "bursts_per_s": draw.uniform(0.05, 1.0),
        "burst_s": draw.uniform(0.05, 0.6),
        "burst": draw.uniform(1.2, 2.0),
    },
    "siblings": lambda draw: {
        "cpus": draw.choice((2, 2, 4, 8)),
        "sibling": draw.uniform(1.2, 1.8),
        "sibling_on_s": draw.uniform(0.05, 1.0),
        "sibling_off_s": draw.uniform(0.05, 1.0),
    },
    "neighbours": lambda draw: {
        "cpus": _cpus(draw),
        "neighbours": draw.choice((1, 1, 2, 2, 4)),
        "neighbour_on_s": draw.uniform(0.3, 5.0),
        "neighbour_off_s": draw.uniform(0.3, 3.0),
    },
    "steal": lambda draw: {"cpus": _cpus(draw), "steal": draw.uniform(0.01, 0.15)},
    "node64": lambda draw: {"cpus": draw.choice((2, 4, 8)), "steal_elsewhere": draw.uniform(0.2, 4.0)},
    "laptop": _laptop,
    "desktop": lambda draw: {"cpus": draw.choice((4, 6, 8, 16)), "turbo": draw.uniform(1.1, 1.7)},
    "guest": lambda draw: {**_laptop(draw), "turbo": 1.0, "topology": False},
    "musl": lambda draw: {"cpus": _cpus(draw), "waiters": False},
    "no_schedstat": lambda draw: {"cpus": _cpus(draw), "run_queue_clock": False},
    "quota": lambda draw: {"cpus": draw.choice((4, 8, 64)), "quota": draw.choice((1.0, 1.5, 2.0, 2.5, 4.0))},
    "crowded": lambda draw: {"cpus": draw.choice((2, 4, 8))},
    "numa": lambda draw: {
        "cpus": (cpus := draw.choice((16, 32, 64))),
        "node_cpus": cpus // draw.choice((2, 4)),
        "remote": draw.uniform(1.2, 2.2),
    },
    "many": lambda draw: {"cpus": draw.choice((32, 64, 128, 256))},
}

CAUSES = (
    "none",
    "sleep",
    "gil",
    "gil_c",
    "lock",
    "memory",
    "cache",
    "contention",
    "imbalance",
    "uneven",
    "barriers",
    "combine",
    "messages",
    "faults",
    "state",
    "threads",
    "two",
)
_SECONDS = ("gil", "lock", "memory", "contention", "imbalance", "barriers", "combine")
_ONLY_THREADS = ("gil", "gil_c", "threads")
_ONLY_QUIET = ("state", "threads")  # where other figures mean little, on machines that matter little


def drawn(seed: int) -> World:
    """Draw a world; the same for the same seed."""
    draw = random.Random(f"worlds/{seed}")
    family = draw.choice(list(FAMILIES))
    cause = draw.choice(CAUSES)
    if cause in _ONLY_QUIET and draw.random() < 0.5:
        cause = "none"
    machine = Machine(**FAMILIES[family](draw))
    workers = _workers(draw, family, machine)
    apart = cause == "messages" or (cause not in _ONLY_THREADS and draw.random() < 0.25)
    names = draw.sample(_SECONDS, 2) if cause == "two" else [cause]
    executor = "processes" if apart and "gil" not in names else "threads"
    world = World(
        name=f"{family}/{cause}",
        machine_family=family,
        cause=cause,
        seed=seed,
        workers=workers,
        executor="processes" if executor == "processes" else "threads",
        transport="pickle" if cause == "messages" else "shm",
        budget_s=30.0 if workers <= 16 else 2.0 * workers,
        machine=machine,
        program=Program(call_s=10 ** draw.uniform(-3.7, -2.0)),
    )
    if machine.cores and draw.random() < 0.4:
        world = replace(world, program=replace(world.program, smt_yield=draw.uniform(1.0, 1.7)))
    for name in names:
        low, high = (0.02, 0.1) if draw.random() < _SMALL else (0.12, 0.6)
        world = _planted(draw, world, name, 1.0 - draw.uniform(low, high))
    return world


def _workers(draw: random.Random, family: str, machine: Machine) -> int:
    """Choose a number of workers: those that make the family what it is."""
    if family == "crowded":
        return machine.cpus * draw.choice((2, 3, 4)) // draw.choice((1, 2)) + 1
    if family == "quota":
        return draw.choice((2, 4))
    if family in ("numa", "many", "laptop", "guest"):
        return draw.choice((machine.cpus, machine.cpus, max(2, machine.cpus // 2)))
    return draw.choice([count for count in (2, 4, 8, 16) if count <= machine.cpus])


def _planted(draw: random.Random, world: World, cause: str, efficiency: float) -> World:
    """Plant a cause so that about this share of p T(p) remains."""
    program, machine, p = world.program, world.machine, world.workers
    growth = 1.0 / efficiency - 1.0
    one_at_a_time = 1.0 / max(1.0, efficiency * p)
    if cause == "memory":
        share = draw.uniform(0.6, 1.0)
        machine = replace(machine, bandwidth=max(share, efficiency * min(p, machine.cpus) * share))
        return replace(world, machine=machine, program=replace(program, memory=share))
    if cause == "cache":
        own = draw.uniform(0.6, 1.0)
        missing = 1.0 - 1.0 / (min(p, machine.cpus) * own)
        planted = replace(program, working_set=own, misses=growth / max(0.1, missing))
        return replace(world, machine=replace(machine, cache=1.0), program=planted)
    whole = draw.random() < 0.3
    changes: dict[str, dict[str, Any]] = {
        "none": {},
        "sleep": {"sleep": draw.uniform(0.2, 1.0)},
        "gil": {"gil": 1.0 if whole and world.cause == "gil" else min(0.9, 1.0 - program.lock, one_at_a_time)},
        "gil_c": _held_in_c(draw, 1.0 if whole else min(0.95, one_at_a_time)),
        "lock": {"lock": min(0.9, one_at_a_time) if not program.gil else min(1.0 - program.gil, one_at_a_time)},
        "contention": {"contention": growth / max(1, min(p, machine.cpus) - 1)},
        "imbalance": {"imbalance": min(0.95, growth)},
        "uneven": {"uneven": min(0.95, growth), "phases": draw.randint(2, 20)},
        "barriers": _barriers(growth, draw.randint(4, 40)),
        "combine": {"combine_s": growth * _EXECUTION_S},
        "messages": {"dispatch_s": growth * _EXECUTION_S / (1.5 * p)},
        "faults": {draw.choice(("faults", "faults_workers")): growth},
        "state": {"grows": 10 ** draw.uniform(-4, -2)},
        "threads": {"threads": draw.choice((2, 4, max(2, machine.cpus)))},
    }
    return replace(world, program=replace(program, **changes[cause]))


def _held_in_c(draw: random.Random, share: float) -> dict[str, Any]:
    """A call holds the GIL once, for so long that requests go unanswered, unless it would be too long a call."""
    hold_s = draw.uniform(0.012, 0.04)
    return {"gil_c": share, "hold_s": hold_s, "call_s": min(0.08, hold_s / share)}


def _barriers(growth: float, phases: int) -> dict[str, Any]:
    return {"phases": phases, "barrier_s": growth * _EXECUTION_S / phases}
