"""From a planted program and a case to what its workers have to do in a round."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tests.worlds.rounds import Load
from tests.worlds.weather import Floats
from tests.worlds.world import Machine, Program, World

__all__ = ["SPIN_S", "Kind", "faults_of", "load_of", "longest_hold_s"]

Kind = Literal["case", "isolated", "spin"]

SPIN_S = 0.1
"""One execution of the control at size M on one thread, whatever the number of workers."""

_ALMOST = 1e-3  # of a call that only sleeps: what it computes


def load_of(world: World, kind: Kind, workers: int, tasks: int, repeats: int, before: float = 0.0) -> Load:
    """Return what so many workers do in a round.

    Parameters
    ----------
    tasks : int
        Calls of one execution, all workers together.
    before : float
        Calls that each worker has made before.
    """
    program = world.program
    if kind == "spin":
        return Load(work=np.full(workers, SPIN_S / workers), steps=repeats)
    calls, phases = tasks / workers, program.phases
    computing = max(_ALMOST, 1.0 - program.sleep)
    older = 1.0 + program.grows * (before + repeats * calls / 2.0)
    slower = _slower(world, kind, workers)
    work = calls * program.call_s * computing * older * slower * _faulting(program, workers) / phases
    together = kind == "case" and workers > 1
    one_gil = together and world.executor == "threads"
    messages = together and world.transport == "pickle"
    return Load(
        work=work * _shape(program, workers),
        steps=repeats * phases,
        alone=not together,
        shift=1 if program.uneven else 0,
        sleep=(1.0 - computing) / computing,
        gil=(program.gil + program.gil_c) / computing if one_gil else 0.0,
        lock=program.lock / computing if together else 0.0,
        hold_s=longest_hold_s(program),
        barrier_s=program.barrier_s if together else 0.0,
        combine_s=program.combine_s if together else 0.0,
        dispatch_s=program.dispatch_s if messages else 0.0,
        threads=program.threads,
        smt_yield=program.smt_yield,
        rise=slower - 1.0,
    )


def longest_hold_s(program: Program) -> float:
    """Return how long C code keeps the GIL at a time, which is within one call; 0 for byte code."""
    return min(program.hold_s, program.gil_c * program.call_s) if program.gil_c > program.gil else 0.0


def _shape(program: Program, workers: int) -> Floats:
    """Return each worker's work relative to the mean, which is 1: a straight line from the least to the most."""
    excess = max(program.imbalance, program.uneven)
    return 1.0 + excess * np.linspace(-1.0, 1.0, workers) if workers > 1 else np.ones(1)


def _slower(world: World, kind: Kind, workers: int) -> Floats:
    """Return how many times as much CPU time each worker takes, beside so many that run at the same time."""
    machine, program = world.machine, world.program
    beside = min(workers, machine.cpus)
    factor = np.full(workers, _memory(machine, program, beside))
    if kind == "case" and workers > 1:
        factor *= 1.0 + program.contention * (beside - 1)
        if machine.node_cpus:
            away = np.arange(workers) % machine.cpus >= machine.node_cpus
            factor *= 1.0 + program.memory * (machine.remote - 1.0) * away
    return factor


def _faulting(program: Program, workers: int) -> float:
    return 1.0 + (program.faults if workers == 1 else program.faults_workers)


def _memory(machine: Machine, program: Program, beside: int) -> float:
    """Return the growth by a shared bus (the utilisation law) and by a shared cache."""
    slower = max(1.0, beside * program.memory / machine.bandwidth) if machine.bandwidth else 1.0
    fits = machine.cache / (beside * program.working_set) if program.working_set and machine.cache else 1.0
    return slower * (1.0 + program.misses * max(0.0, 1.0 - fits))


def faults_of(program: Program, workers: int) -> float:
    """Return the share of a worker's CPU time that the system spends in page faults."""
    extra = program.faults if workers == 1 else program.faults_workers
    return extra / (1.0 + extra)
