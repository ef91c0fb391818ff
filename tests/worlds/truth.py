"""What is right about a world: played without interference, as it is and with each planted effect taken out.

The cause is the effect whose removal gains most. Nothing of the tool's analysis is used: speed-ups are ratios of
lengths of simulated rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.worlds.loads import Kind, load_of
from tests.worlds.rounds import play
from tests.worlds.weather import Weather
from tests.worlds.world import World

__all__ = ["EFFECTS", "MACHINE_EFFECTS", "Truth", "speedup", "truth_of"]

SCALES_FROM, MARGIN = 0.9, 0.04
"""Threshold documented in docs/method.md, and the grey zone on both sides of it in which either answer is right."""

SECOND = 0.2
"""By how much less than the largest an effect may gain and be named instead."""

WORTH = 0.05
"""Smallest loss that is worth a name, as documented."""

ROUNDS = 3  # averaged: turns at the GIL and at locks are random

_NEUTRAL: Mapping[str, Mapping[str, Any]] = {
    "gil": {"gil": 0.0},
    "gil_c": {"gil_c": 0.0},
    "lock": {"lock": 0.0},
    "memory": {"memory": 0.0},
    "cache": {"misses": 0.0},
    "contention": {"contention": 0.0},
    "imbalance": {"imbalance": 0.0, "uneven": 0.0},
    "dispatch": {"phases": 1, "barrier_s": 0.0, "combine_s": 0.0, "dispatch_s": 0.0},
    "faults": {"faults": 0.0, "faults_workers": 0.0},
    "state": {"grows": 0.0},
    "threads": {"threads": 1},
}
_CLEAN = {name: value for changes in _NEUTRAL.values() for name, value in changes.items()}
_LARGE: Mapping[str, Any] = {"cores": 0, "turbo": 1.0, "quota": 0.0}
MACHINE_EFFECTS = ("smt", "turbo", "numa", "cpus", "quota")
EFFECTS = (*_NEUTRAL, *MACHINE_EFFECTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is right.

    Parameters
    ----------
    speedup : float
        S(p) without interference.
    machine : float
        That of the spin control.
    possible : float
        That of the program without its own effects on this machine.
    gains : mapping of effect to float
        By how much S(p) grows without it, the largest first; those that matter.
    flatters : tuple of str
        Effects without which S(p) would be lower: T(1) suffers more from them.
    beneath : tuple of str
        Effects that would stop it on a machine with cores enough, whatever stops it on this one.
    """

    workers: int
    speedup: float
    machine: float
    possible: float
    gains: Mapping[str, float]
    flatters: tuple[str, ...] = ()
    beneath: tuple[str, ...] = ()

    @property
    def relative(self) -> float:
        """Share of what the program could reach on this machine."""
        return self.speedup / self.possible

    @property
    def scales(self) -> bool | None:
        """Whether it does what the machine can give; None near the threshold."""
        return None if abs(self.relative - SCALES_FROM) < MARGIN else self.relative > SCALES_FROM

    @property
    def causes(self) -> tuple[str, ...]:
        """The effects of the program that may be named first; those of the machine where the program has none."""
        own = {name: gain for name, gain in self.gains.items() if name not in MACHINE_EFFECTS}
        ranked = own if any(self.loss(name) >= WORTH for name in own) else self.gains
        most = max(ranked.values(), default=0.0)
        return tuple(name for name, gain in ranked.items() if gain >= (1.0 - SECOND) * most)

    def loss(self, effect: str) -> float:
        """Return the share of p T(p) that goes away with an effect."""
        gain = self.gains.get(effect, 0.0)
        return gain / (self.speedup + gain) if gain > 0 else 0.0

    @property
    def largest(self) -> float:
        """Share lost to the cause."""
        return max(map(self.loss, self.causes), default=0.0)


def truth_of(world: World, tasks: int, repeats: int = 1) -> Truth:
    """Derive what is right of rounds of so many executions with so many calls each."""
    as_is = speedup(world, "case", tasks, repeats)
    others = {effect: other for effect in EFFECTS if (other := _without(world, effect)) is not None}
    gains = {name: speedup(other, "case", tasks, repeats) - as_is for name, other in others.items()}
    clean = replace(world, program=replace(world.program, **_CLEAN))
    large = replace(world, machine=replace(world.machine, **_LARGE, cpus=max(world.machine.cpus, world.workers)))
    return Truth(
        workers=world.workers,
        speedup=as_is,
        machine=speedup(world, "spin", tasks, repeats),
        possible=speedup(clean, "case", tasks, repeats),
        gains={name: gain for name, gain in sorted(gains.items(), key=lambda item: -item[1]) if gain > 0.01 * as_is},
        flatters=tuple(name for name, gain in gains.items() if gain < -0.01 * as_is),
        beneath=tuple(_losing(large, tasks, repeats)) if large != world else (),
    )


def _losing(world: World, tasks: int, repeats: int) -> Iterator[str]:
    """Yield the effects of the program that cost more than is worth a name."""
    as_is = speedup(world, "case", tasks, repeats)
    for effect in _NEUTRAL:
        other = _without(world, effect)
        if other is not None and as_is < (1.0 - WORTH) * speedup(other, "case", tasks, repeats):
            yield effect


def speedup(world: World, kind: Kind, tasks: int, repeats: int = 1) -> float:
    """Return S(p) of the program or of a control on the quiet machine."""
    single = _seconds(world, "case" if kind == "isolated" else kind, 1, tasks, repeats)
    return single / _seconds(world, kind, world.workers, tasks, repeats)


def _seconds(world: World, kind: Kind, workers: int, tasks: int, repeats: int) -> float:
    """Return the mean length of a round."""
    weather, draw = Weather(world.machine, world.seed, quiet=True), np.random.default_rng(5)
    load, now, sums = load_of(world, kind, workers, tasks, repeats), 0.0, []
    for _ in range(ROUNDS if load.shared or workers > world.machine.cpus else 1):
        played = play(weather, load, now, draw)
        now = played.end
        sums.append(played.end - played.begin)
    return sum(sums) / len(sums)


def _without(world: World, effect: str) -> World | None:
    """Return the world without an effect; None where it was not planted."""
    machine, program = world.machine, world.program
    if effect in _NEUTRAL:
        other = replace(world, program=replace(program, **_NEUTRAL[effect]))
    elif effect == "smt":
        other = replace(world, machine=replace(machine, cores=machine.cpus))
        if machine.cores in (0, machine.cpus):
            return None
    elif effect == "cpus":
        many = max(machine.cpus, world.workers)
        other = replace(world, machine=replace(machine, cpus=many, cores=0))
        if many == machine.cpus:
            return None
    else:
        usual: dict[str, Any] = {"turbo": {"turbo": 1.0}, "numa": {"remote": 1.0}, "quota": {"quota": 0.0}}
        other = replace(world, machine=replace(machine, **usual[effect]))
    return None if other == world else other
