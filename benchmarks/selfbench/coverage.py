"""Do the intervals hold what they promise? Simulated, so that the truth is known.

``python -m benchmarks.selfbench.coverage [--trials 2000] [--probe-trials 200]``

Blocks: 95 % intervals of the speed-up on synthetic blocks with drift and heavy tails, for fixed numbers of blocks and
for the whole sequential stopping rule, which must hold in 94.0 to 99.7 % of the trials. And with noise that lasts
longer than a block, where intervals are widened, or marked as those of too few dependent blocks.

Probe: the interval of the held share at the adaptive rate, over holds and releases from 10 us to 5 ms: how often the
true share of the window lies inside, and within two standard errors. Exit status 1 when something is out of bounds.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gilscope.stats import Estimate, estimate_or_none, median_interval, sequential_interval, should_stop
from gilscope.telemetry.reading import read

TRIALS = 2000
TRUE_RATIO = 1.9
LOWEST, HIGHEST = 0.940, 0.997
BLOCKS = (6, 10, 20, 50)
PRECISIONS = (0.03, 0.05)
MACHINES: dict[str, dict[str, float]] = {
    "quiet": {"noise": 0.01},
    "usual": {"noise": 0.03},
    "noisy": {"noise": 0.1},
    "two speeds": {"noise": 0.01, "two_speeds": 0.1},
}


class Machine:
    """Synthetic blocks of T(1) and T(p): drift between and within blocks, heavy tails, optionally two speeds of T(p).

    ``noise`` is the scale of the log time of one round; one round in ten has ten times that, to the slow side.
    """

    def __init__(self, seed: int, noise: float, *, two_speeds: float = 0.0) -> None:
        self.random = random.Random(seed)
        self.noise = noise
        self.two_speeds = two_speeds
        self.speed = 1.0

    def round_s(self, true_time: float, position: int) -> float:
        """Return the time of one round that is the first (0) or second (1) of its block."""
        tail = 10.0 * abs(self.random.gauss(0.0, 1.0)) if self.random.random() < 0.1 else self.random.gauss(0.0, 1.0)
        within = 1.0 + 0.02 * position
        return true_time * self.speed * within * math.e ** (self.noise * tail)

    def ratio(self) -> float:
        """Return T(1) / T(p) of one block, both measured in random order."""
        self.speed *= math.e ** self.random.gauss(0.0, 0.1)
        first = self.random.random() < 0.5
        serial = self.round_s(TRUE_RATIO, 0 if first else 1)
        state = 1.0 + self.two_speeds * self.random.choice((-1.0, 1.0))
        return serial / (self.round_s(1.0, 1 if first else 0) * state)


def covers(estimate: Estimate | None) -> bool:
    """Whether the true ratio lies inside."""
    return estimate is not None and estimate.low <= TRUE_RATIO <= estimate.high


def covered_fixed(
    interval: Callable[[Sequence[float]], Estimate], blocks: int, machine: str, trials: int = TRIALS
) -> float:
    """Return the share of trials of so many blocks whose interval covers."""
    synthetic = Machine(blocks, **MACHINES[machine])
    return sum(covers(interval([synthetic.ratio() for _ in range(blocks)])) for _ in range(trials)) / trials


def study(synthetic: Machine | Lasting, budget: int, stop: Callable[[Sequence[float]], bool]) -> list[float]:
    """Return the ratios of one study that ended by ``stop`` or when its budget of blocks was spent."""
    sample: list[float] = []
    while len(sample) < budget:
        sample.append(synthetic.ratio())
        if stop(sample):
            break
    return sample


def covered_sequential(precision: float, machine: str, trials: int = TRIALS) -> float:
    """Return the share of studies with random budgets, ended by the stopping rule, whose interval covers."""
    synthetic = Machine(5, **MACHINES[machine])
    covered = 0
    for _ in range(trials):
        budget = synthetic.random.randint(6, 80)
        sample = study(synthetic, budget, lambda s: should_stop([estimate_or_none(s)], precision))
        covered += covers(estimate_or_none(sample))
    return covered / trials


# Noise that lasts -----------------------------------------------------------------------------------------------------

ROUND_S, SLOTS = 0.1, 3  # of a block: T(1), T(p) and the control, in random order
LASTS_S = (0.3, 1.0, 4.0)
BUDGETS_S = (10.0, 30.0)
NOISES = ("autoregressive", "two speeds")
SPREAD = 0.15
PRECISION = 0.01
WHITE = 0.005  # what scatters from round to round besides
LEAST_COVERED, MOST_MARKED, LONG_RUN = 0.93, 0.10, 20.0


class Lasting:
    """A machine whose rounds of T(p) are disturbed by noise with a correlation time; T(1) by ``common`` of it."""

    def __init__(self, seed: int, noise: str, lasts_s: float, common: float) -> None:
        self.rng, self.noise, self.lasts_s, self.common = random.Random(seed), noise, lasts_s, common
        self.state = self.rng.gauss(0.0, 1.0) if noise == NOISES[0] else self.rng.choice((-1.0, 1.0))

    def advance(self, seconds: float) -> float:
        """Let time pass; return what is lost now, as a logarithm."""
        kept = math.exp(-seconds / self.lasts_s)
        if self.noise == NOISES[0]:
            self.state = kept * self.state + math.sqrt(1.0 - kept * kept) * self.rng.gauss(0.0, 1.0)
        elif self.rng.random() < (1.0 - kept) / 2.0:
            self.state = -self.state
        return SPREAD * self.state

    def ratio(self) -> float:
        """Return T(1) / T(p) of one block, its rounds in random order."""
        slots = list(range(SLOTS))
        self.rng.shuffle(slots)
        lost = {slot: self.advance(ROUND_S) for slot in slots}
        return TRUE_RATIO * math.exp(self.common * lost[0] - lost[1] + self.rng.gauss(0.0, WHITE))


def lasting(noise: str, lasts_s: float, common: float, budget_s: float, trials: int) -> tuple[float, float]:
    """Return how often an interval that is not marked as dependent covers, and how many are marked.

    Of two speeds any value between them is a median.
    """
    covered = marked = 0
    margin = math.exp(SPREAD) if noise == NOISES[1] and common == 0.0 else 1.0
    for trial in range(trials):
        machine = Lasting(trial, noise, lasts_s, common)
        blocks = int(budget_s / (SLOTS * ROUND_S))
        sample = study(machine, blocks, lambda s: should_stop([estimate_or_none(s)], PRECISION))
        found = estimate_or_none(sample)
        assert found is not None
        marked += found.dependent
        covered += not found.dependent and found.low <= TRUE_RATIO * margin and found.high >= TRUE_RATIO / margin
    return covered / max(1, trials - marked), marked / trials


def lasting_rows(trials: int) -> Iterator[tuple[str, float, float, bool]]:
    """Yield (what, coverage of those not marked, share marked, whether the run is long)."""
    for noise, common, lasts_s, budget_s in itertools.product(NOISES, (0.0, 1.0), LASTS_S, BUDGETS_S):
        hit = "T(1) and T(p)" if common else "T(p) alone"
        what = f"{noise} noise of {lasts_s:g} s on {hit}, {budget_s:g} s"
        yield what, *lasting(noise, lasts_s, common, budget_s, trials), budget_s >= LONG_RUN * lasts_s


# The probe ------------------------------------------------------------------------------------------------------------

CELLS_US = tuple(
    (hold, release)
    for share, (short, long) in itertools.product(
        (0.1, 0.25, 0.5, 0.75, 0.9), ((10.0, math.inf), (100.0, math.inf), (0.0, 5000.0))
    )
    for odds in [share / (1.0 - share)]
    for shorter in [short or long * min(odds, 1.0 / odds)]
    for hold, release in [(shorter, shorter / odds) if odds < 1.0 else (shorter * odds, shorter)]
)
"""Holds and releases in us whose shorter part is 10 us or 100 us, or whose longer part is 5 ms."""

START_HZ, SETTLED_HZ, MAX_HZ, CONTROL_S = 180.0, 100.0, 180.0, 0.1
TARGET = 0.01 / 1.96
LATE_S = 60e-6  # mean delay of a look: waking up


def held_s(at_s: Any, hold_s: float, cycle_s: float) -> Any:
    """Return how long the lock was held up to a time since the start of a cycle."""
    whole = np.floor(at_s / cycle_s)
    return whole * hold_s + np.minimum(at_s - whole * cycle_s, hold_s)


def window(
    rng: np.random.Generator, hold_s: float, release_s: float, seconds: float, affordable_hz: float
) -> tuple[Estimate, float]:
    """Sample one window as the adaptive sampler does; return the estimate and the true share.

    The rate is ``affordable_hz`` until the share is precise enough, thought over every 100 ms, as in `gs_control`.
    """
    cycle = hold_s + release_s
    phase = rng.uniform(0.0, cycle)
    looks, widths, at, rate = np.empty(0), np.empty(0), 0.0, START_HZ
    while at < seconds:
        slots = max(1, round(min(CONTROL_S, seconds - at) * rate))
        moments = at + (np.arange(slots) + rng.uniform(size=slots)) / rate + rng.exponential(LATE_S, slots)
        looks = np.concatenate([looks, ((moments + phase) % cycle < hold_s).astype(float)])
        widths = np.concatenate([widths, np.full(slots, 1e9 / rate)])
        at += slots / rate
        counts = snapshot(looks, widths)
        variance = 0.5 * (counts["held_differences"] + counts["squares"] / len(looks)) / counts["wall_ns"] ** 2
        rate = min(affordable_hz, SETTLED_HZ if variance <= TARGET**2 else MAX_HZ)
    true = (held_s(phase + at, hold_s, cycle) - held_s(phase, hold_s, cycle)) / at
    return read(snapshot(looks, widths), names={}, waiting=False, requests=False).held, float(true)


def snapshot(looks: Any, widths: Any) -> Any:
    """Return the counts of the sampler for looks (1.0: held) that stand for ``widths`` ns each."""
    steps = 0.5 * (widths[1:] + widths[:-1])
    held_ns = float(looks @ widths)
    counts = dict.fromkeys(("switches", "cpu_ns", "late", "unattributed"), 0)
    sums = dict.fromkeys(("waiting_ns", "waiting_differences", "contended_ns", "overdue_ns", "busy"), 0.0)
    return {
        **counts,
        **sums,
        "realtime": False,
        "samples": len(looks),
        "wall_ns": float(widths.sum()),
        "squares": float(widths @ widths),
        "held_ns": held_ns,
        "held_differences": float((steps**2) @ (np.diff(looks) ** 2)),
        "running_ns": held_ns,
        "switch_interval_s": 0.005,
        "bin_ns": 5_000_000,
        "timeline": [],
        "threads": [],
        "other_threads": (0, 0.0, 0.0),
        "holds": [],
    }


def covered_probe(trials: int, seconds: float, affordable_hz: float, seed: int = 1) -> tuple[float, float]:
    """Return how often the true share lies in the interval and within two standard errors, over all cells."""
    rng = np.random.default_rng(seed)
    inside = near = 0
    for hold_us, release_us in CELLS_US:
        for _ in range(trials):
            estimate, true = window(rng, hold_us * 1e-6, release_us * 1e-6, seconds, affordable_hz)
            inside += estimate.low <= true <= estimate.high
            near += abs(estimate.value - true) <= 2.0 * (estimate.high - estimate.low) / (2 * 1.96)
    whole = trials * len(CELLS_US)
    return inside / whole, near / whole


# ----------------------------------------------------------------------------------------------------------------------


def block_rows(trials: int) -> Iterator[tuple[str, str, float]]:
    """Yield (what, machine, coverage) of the intervals from blocks."""
    for machine in MACHINES:
        for blocks in BLOCKS:
            yield f"{blocks} blocks", machine, covered_fixed(median_interval, blocks, machine, trials)
            yield f"{blocks} blocks, any end", machine, covered_fixed(sequential_interval, blocks, machine, trials)
        for precision in PRECISIONS:
            yield f"stopped at {precision:.0%}", machine, covered_sequential(precision, machine, trials)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--probe-trials", type=int, default=200, help="per cell")
    words = parser.parse_args()
    fine = True
    print(f"{'interval':20} {'machine':12} coverage of {words.trials} trials")
    for what, machine, covered in block_rows(words.trials):
        good = LOWEST <= covered <= HIGHEST
        fine &= good
        print(f"{what:20} {machine:12} {covered:.4f}{'' if good else '  OUT OF BOUNDS'}", flush=True)
    kept = 0.0
    shares = list(lasting_rows(words.trials))
    for what, covered, marked, long in shares:
        kept += covered * (1.0 - marked)
        good = not long or (marked <= MOST_MARKED and covered >= LEAST_COVERED)
        fine &= good
        print(f"{what:58} {covered:.4f}, marked {marked:.4f}{'' if good else '  OUT OF BOUNDS'}", flush=True)
    pooled = kept / sum(1.0 - marked for _, _, marked, _ in shares)
    fine &= pooled >= LEAST_COVERED
    print(f"all that are not marked: {pooled:.4f}{'' if pooled >= LEAST_COVERED else '  OUT OF BOUNDS'}")
    for seconds, affordable_hz in ((1.0, 300.0), (5.0, 300.0), (5.0, 2000.0)):
        inside, near = covered_probe(words.probe_trials, seconds, affordable_hz)
        good = near >= 0.95
        fine &= good
        print(
            f"held share, {seconds:g} s at up to {affordable_hz:.0f} Hz: inside the interval {inside:.4f}, within two "
            f"standard errors {near:.4f}{'' if good else '  TOO RARELY'}",
            flush=True,
        )
    sys.exit(not fine)


if __name__ == "__main__":
    main()
