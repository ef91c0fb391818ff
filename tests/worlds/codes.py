"""Which findings are right for what was planted, and what no measurement can tell apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from gilscope.core.records import Round
from tests.worlds.loads import longest_hold_s
from tests.worlds.rounds import SWITCH_S
from tests.worlds.truth import MACHINE_EFFECTS, Truth
from tests.worlds.world import World

__all__ = ["ALIKE", "NO_CAUSE", "Alike", "beside", "hidden", "right_codes", "tolerated"]

NO_CAUSE = frozenset({"too_noisy", "scales", "scales_partly", "superlinear", "too_short"})
"""Findings that say how a case scales, not what stops it."""

_COUNTED = any(one.name == "minor_faults" for one in fields(Round))

_CODES = {
    "gil": {"gil_bound"},
    "gil_c": {"gil_held_in_c"},
    "lock": {"lock_bound"},
    "memory": {"memory_bound", "inflation"},  # inflation: CPU time grows, for a reason that stays open
    "cache": {"memory_bound", "inflation"},
    "numa": {"memory_bound", "inflation"},
    "contention": {"contention", "inflation"},
    "imbalance": {"imbalance"},
    "dispatch": {"dispatch_bound"},
    "faults": {"page_faults"},
    "state": {"not_repeatable"},
    "threads": {"nested_parallelism"},
    "smt": {"smt_limited"},
    "turbo": {"turbo_limited"},
    "cpus": {"over_subscribed"},
    "quota": {"quota_limited"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Effects that look the same to every clock: any of the codes is right for each of them.

    Parameters
    ----------
    hidden : bool
        Whether nothing measured points at the effect at all, so that no answer is right too.
    """

    effects: tuple[str, ...]
    codes: tuple[str, ...]
    reason: str
    when: Callable[[World], bool] = lambda world: True
    hidden: bool = False


ALIKE = (
    Alike(
        effects=("memory", "cache", "contention", "faults"),
        codes=("memory_bound", "contention", "inflation", "page_faults"),
        reason="in processes there is no control on private copies: CPU time that grows has no known origin",
        when=lambda world: world.executor == "processes",
    ),
    Alike(
        effects=("numa",),
        codes=("memory_bound", "contention", "inflation", "imbalance"),
        reason="remote pages cost CPU time that private copies, which are local, do not pay, as contention does; "
        "and workers far from the data look like workers with more to do",
    ),
    Alike(
        effects=("contention", "faults"),
        codes=("contention", "memory_bound", "page_faults"),
        reason="without counts of page faults an allocator under contention costs the same CPU time",
        when=lambda world: world.program.faults_workers > 0 and not _COUNTED,
    ),
    Alike(
        effects=("gil_c",),
        codes=("gil_held_in_c", "gil_bound"),
        reason="requests to release the GIL are not seen without the waiters, nor are holds below the switch interval",
        when=lambda world: (
            not world.machine.waiters or longest_hold_s(world.program) < 2 * SWITCH_S or world.program.gil > 0
        ),
    ),
    Alike(
        effects=("gil",),
        codes=("gil_bound", "gil_held_in_c"),
        reason="byte code and C hold the same lock in turn",
        when=lambda world: world.program.gil_c > 0,
    ),
    Alike(
        effects=("gil", "gil_c", "lock"),
        codes=("gil_bound", "gil_held_in_c", "lock_bound"),
        reason="without waiters it is known how long the GIL is held, not who waits for it and who for a lock",
        when=lambda world: not world.machine.waiters and world.program.lock > 0,
    ),
    Alike(
        effects=("gil", "gil_c", "lock"),
        codes=("gil_or_lock",),
        reason="without waiters blocked time may be either, unless the GIL is held too much or too little for it",
        when=lambda world: not world.machine.waiters,
    ),
    Alike(
        effects=("smt", "turbo"),
        codes=("smt_limited", "turbo_limited"),
        reason="both make the CPU time of arithmetic in registers grow with the number of busy CPUs",
        when=lambda world: world.machine.turbo > 1,
        hidden=True,
    ),
    Alike(
        effects=("smt",),
        codes=("smt_limited",),
        reason="a guest whose CPUs share cores without saying so looks like one with clocks that fall",
        when=lambda world: not world.machine.topology,
        hidden=True,
    ),
    Alike(
        effects=("smt",),
        codes=("smt_limited", "memory_bound", "contention", "inflation"),
        reason="code that gains less by SMT than arithmetic in registers looks like code that shares a cache",
        when=lambda world: 0 < world.program.smt_yield < world.machine.smt_yield,
        hidden=True,
    ),
    Alike(
        effects=("smt", "turbo", "cpus"),
        codes=("over_subscribed", "smt_limited", "turbo_limited"),
        reason="more workers than CPUs: what they share is queued for first",
        when=lambda world: world.workers > world.machine.usable,
    ),
    Alike(
        effects=("dispatch", "imbalance", "lock"),
        codes=(),
        reason="where workers outnumber CPUs they also start late and wait for those that queue",
        when=lambda world: world.workers > world.machine.usable,
        hidden=True,
    ),
    Alike(
        effects=("cpus", "quota"),
        codes=("over_subscribed", "quota_limited"),
        reason="workers beyond the quota queue for CPUs and are throttled in turn",
        when=lambda world: world.machine.quota > 0,
    ),
    Alike(
        effects=("state",),
        codes=("superlinear", "too_noisy", "scales_partly"),
        reason="calls that grow make rounds scatter and T(1) the slow one: each of these warns of the figure",
        hidden=True,
    ),
    Alike(
        effects=("faults",),
        codes=("superlinear",),
        reason="T(1) that pays for faults which workers do not pay is a speed-up above the workers",
        when=lambda world: world.program.faults > world.program.faults_workers,
        hidden=True,
    ),
)


_STEAL = 0.03  # from which it may be named


def right_codes(world: World, effect: str) -> frozenset[str]:
    """Return the findings that name an effect in this world."""
    codes = set(_CODES[effect])
    for alike in ALIKE:
        if effect in alike.effects and alike.when(world):
            codes |= set(alike.codes)
    return frozenset(codes)


def hidden(world: World, effect: str) -> bool:
    """Whether nothing measured points at an effect."""
    return any(alike.hidden and effect in alike.effects and alike.when(world) for alike in ALIKE)


def beside(world: World, truth: Truth) -> frozenset[str]:
    """Return the findings that name what the machine, other programs and the hypervisor cost: right in any place."""
    codes = {"stolen"} if world.machine.steal >= _STEAL or world.machine.sibling != 1.0 else set()
    for effect in MACHINE_EFFECTS:
        if effect in truth.gains and effect not in truth.causes:
            codes |= right_codes(world, effect)
    if world.workers > world.machine.usable:
        codes.add("over_subscribed")  # true, whatever else costs more
    if world.program.grows:
        codes.add("not_repeatable")  # true, whether or not it changes the speed-up
    return frozenset(codes)


def tolerated(world: World, truth: Truth) -> frozenset[str]:
    """Return all findings that name something planted, large or small."""
    codes = set(beside(world, truth))
    for effect in (*truth.gains, *truth.flatters, *truth.beneath):
        codes |= right_codes(world, effect)
    return frozenset(codes)
