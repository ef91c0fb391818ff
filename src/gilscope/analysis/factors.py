"""Efficiency as a product: what is left of the workers after each cause took its part, in a fixed order.

============= =========================================================================================================
interference  speed-up over net speed-up: time that other programs took
gil           1 - l / (1 - l of those before), with l the mean loss ``gil_wait``
locks         the same of ``blocked``
dispatch      the same of ``dispatch``
balance       the same of ``imbalance``, of a native runtime ``omp_idle``
machine       net speed-up of the spin control over p: clocks, SMT, CPUs that are missing
memory        speed-up of isolated copies over that of the spin control: bandwidth, caches
computation   what remains, so that the product is the efficiency: more or less CPU time than T(1)
============= =========================================================================================================

What the controls lost is an upper bound of what the machine and its memory took from a case: one that computes on
fewer CPUs at a time, because its workers wait, pays less. So machine and memory are no smaller than the growth of the
case's own computing, and a thread that waits for the GIL is not charged for clocks that fall when all CPUs are busy.

Waiting for a worker that other programs keep from running is their doing too: what interference takes beyond the
queueing itself is taken off ``imbalance``.

A factor that is not known counts as 1, with its reason; what it would have been is then part of ``computation``.

Sources: POP metrics (parallel efficiency = load balance x serialisation x transfer; times computation scaling:
Rosas, Gimenez & Labarta, Scalability Prediction for Fundamental Performance Factors, Supercomputing Frontiers and
Innovations 1(2), 2014); as a stack of speed-ups Eyerman, Du Bois & Eeckhout, Speedup Stacks, ISPASS 2012.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from gilscope.analysis.columns import estimated, ratio, scaled
from gilscope.analysis.findings import CaseView
from gilscope.analysis.losses import Account
from gilscope.stats import Estimate

FACTORS = ("interference", "gil", "locks", "dispatch", "balance", "machine", "memory", "computation")

_LOSSES = {"gil": "gil_wait", "locks": "blocked", "dispatch": "dispatch", "balance": "imbalance"}

_NOT_NET = "it is not known what other programs took from the case or from its control"
_NO_SPIN = "the spin control was not measured with as many workers"
_NO_COPIES = "no isolated copies were measured"
_NO_STAMPS = "the rounds have no stamps of their workers"
_NOTHING_LEFT = "nothing is left of the workers' time after the causes before it"
_ONE_STAMP = "threads of a native runtime have one stamp for all"
_NOT_COUNTED = "waiting threads were not counted"
_MAY_BE_GIL = "without the number of threads that wait for the GIL, it may be that"


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """The efficiency of a case as a product. None: not known, and counted as 1.

    Parameters
    ----------
    interference, machine, memory, gil, locks, dispatch, balance, computation : Estimate or None
        Each the share that is left after this cause and those before it.
    reasons : mapping of str to str
        Why a factor is not known.
    """

    interference: Estimate | None = None
    machine: Estimate | None = None
    memory: Estimate | None = None
    gil: Estimate | None = None
    locks: Estimate | None = None
    dispatch: Estimate | None = None
    balance: Estimate | None = None
    computation: Estimate | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, Estimate]:
        """Factors that are known, in their order."""
        return {name: found for name in FACTORS if (found := getattr(self, name)) is not None}

    @property
    def product(self) -> float:
        """The efficiency."""
        return math.prod(found.value for found in self.known.values())


def factors(view: CaseView) -> Factors | None:
    """Return the factors of a case; None without a speed-up, or where nobody could wait: on one worker.

    Time linear in the number of blocks.
    """
    efficiency = view.figures.efficiency
    if efficiency is None or view.case.workers == 1 or efficiency.value <= 0:
        return None
    found: dict[str, Estimate] = {}
    reasons: dict[str, str] = {}
    timed, net = view.figures.speedup, view.basis.speedup
    if view.basis.net and timed is not None and net is not None:
        found["interference"] = _at_most_one(scaled(timed, 1.0 / net.value) or timed)
    else:
        reasons["interference"] = _NOT_NET
    before = 1.0 - found["interference"].value if found else 0.0
    for name, lost in _waits(view, before, reasons):
        left = 1.0 - before
        if left <= 0.0 or lost.value >= left:
            reasons[name] = _NOTHING_LEFT
            continue
        found[name] = replace(lost, value=1.0 - lost.value / left, low=1.0 - lost.high / left,
                              high=1.0 - lost.low / left)  # fmt: skip
        before += lost.value
    rest = efficiency.value / math.prod(each.value for each in found.values())
    for name, taken in _controls(view, reasons):
        found[name] = _no_smaller(taken, rest)
        rest /= found[name].value
    found["computation"] = _remaining(efficiency, found, rest)
    return Factors(**found, reasons=reasons)


def _waits(view: CaseView, taken: float, reasons: dict[str, str]) -> Iterator[tuple[str, Estimate]]:
    """Yield the losses to waiting in their order; reasons for those that are not known are added.

    ``taken`` is the share that other programs took.
    """
    account, native = view.account, view.case.executor == "native"
    for name, loss in _LOSSES.items():
        if account is None:
            reasons[name] = _NO_STAMPS
            continue
        loss = "omp_idle" if native and name == "balance" else loss
        lost = None if loss in account.unknown else account.lost(loss)
        if name == "locks" and "gil" in reasons and (view.gil.shared or reasons["gil"] == _NOT_COUNTED):
            reasons[name] = _MAY_BE_GIL
        elif lost is not None:
            yield name, _of_its_own(lost, account, taken) if name == "balance" else lost
        else:
            reasons[name] = _ONE_STAMP if native else (_no_wait(view) if name == "gil" else _NO_STAMPS)


def _of_its_own(lost: Estimate, account: Account, taken: float) -> Estimate:
    """Return what of a wait is not for workers that other programs kept from running."""
    queued = account.lost("run_queue", "stolen")
    theirs = min(max(0.0, lost.value), max(0.0, taken - (queued.value if queued is not None else 0.0)))
    return replace(lost, value=lost.value - theirs, low=lost.low - theirs, high=lost.high - theirs)


def _no_wait(view: CaseView) -> str:
    """Return why nothing is known about waiting for the GIL: there is none to wait for, or it was not counted."""
    gil = view.gil
    if gil.enabled is False or not view.case.one_gil:
        return gil.reason or "there is no GIL"
    return _NOT_COUNTED if gil.available else gil.reason or _NOT_COUNTED


def _controls(view: CaseView, reasons: dict[str, str]) -> Iterator[tuple[str, Estimate]]:
    """Yield what machine and memory left to the controls."""
    machine = scaled(view.basis.control, 1.0 / view.case.workers)
    if machine is not None:
        yield "machine", machine
    else:
        reasons["machine"] = _NO_SPIN
    memory = estimated(ratio(view.ceiling.isolated, view.ceiling.spin))
    if memory is not None:
        yield "memory", memory
    else:
        reasons["memory"] = _NO_COPIES


def _no_smaller(taken: Estimate, rest: float) -> Estimate:
    """Raise what a control left to what is left of the case itself, at most to 1."""
    least = min(1.0, rest)
    value = min(1.0, max(taken.value, least))
    return replace(taken, value=value, low=min(value, max(taken.low, least)), high=max(value, min(1.0, taken.high)))


def _at_most_one(found: Estimate) -> Estimate:
    return replace(found, value=min(1.0, found.value), low=min(1.0, found.low), high=min(1.0, found.high))


def _remaining(efficiency: Estimate, others: Mapping[str, Estimate], value: float) -> Estimate:
    """Return what remains, its interval that of independent errors: in logarithms they add up as squares."""

    def reach(side: str) -> float:
        pairs = [(efficiency.value, getattr(efficiency, side))]
        pairs += [(one.value, getattr(one, "high" if side == "low" else "low")) for one in others.values()]
        return math.sqrt(math.fsum(math.log(end / middle) ** 2 for middle, end in pairs if end > 0 and middle > 0))

    confidence = min([efficiency.confidence, *(one.confidence for one in others.values())])
    low, high = value * math.exp(-reach("low")), value * math.exp(reach("high"))
    return Estimate(value=value, low=low, high=high, confidence=confidence, n=efficiency.n)
