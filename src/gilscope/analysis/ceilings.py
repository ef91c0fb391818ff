"""The split of a shortfall into machine, memory system and software, from the controls of the same blocks.

p -> S_spin(p) is what the machine did not give, S_spin -> S_isolated what its memory system did not give, and
S_isolated -> S(p) what the software lost. ``isolated`` is measured once per language and worker count, for the variants
of a language share one inner loop: the others borrow it, and ``isolated_of`` is the case it belongs to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache, partial

from gilscope.analysis.columns import Columns, PerBlock
from gilscope.analysis.losses import Account, account
from gilscope.core.cases import Case

_MOST_WAITED = 0.99  # of the copies' time: damaged stamps must not divide by zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The ceilings of one case, block by block; `rows.Limits` describes the fields. Empty where not measured.

    ``inflation_machine`` is by how much the CPU time of ``spin`` grew (shared cores, clocks), ``inflation_memory`` that
    of ``isolated`` beyond it (bandwidth, caches), and ``inflation_software`` the case's beyond that.
    """

    spin: PerBlock = field(default_factory=dict)
    isolated: PerBlock = field(default_factory=dict)
    isolated_of: Case | None = None
    machine: PerBlock = field(default_factory=dict)
    memory: PerBlock = field(default_factory=dict)
    software: PerBlock = field(default_factory=dict)
    below_spin: PerBlock = field(default_factory=dict)
    inflation_machine: PerBlock = field(default_factory=dict)
    inflation_memory: PerBlock = field(default_factory=dict)
    inflation_software: PerBlock = field(default_factory=dict)


class Controls:
    """The controls of one kernel, each evaluated once."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._spins = {case.workers: case for case in columns.with_role("spin") if not case.is_single}
        self._isolated = {_shared(case): case for case in columns.with_role("isolated")}
        self.account_of = cache(partial(account, columns))

    def spin_of(self, case: Case) -> Case | None:
        """Return the spin control with as many workers."""
        return self._spins.get(case.workers)

    def ceiling(self, case: Case, own: Account | None) -> Ceiling:
        """Return the ceilings of a case; ``own`` is its account."""
        columns, p = self._columns, case.workers
        spin_case, isolated_case = self.spin_of(case), self._isolated.get(_shared(case))
        speedup = columns.speedup(case)
        spin = columns.speedup(spin_case, "spin") if spin_case is not None else {}
        isolated = self._balanced(isolated_case) if isolated_case is not None else {}
        both = [at for at in speedup if at in spin]
        all_three = [at for at in both if at in isolated]
        machine, memory, software = self._inflation(own, spin_case, isolated_case)
        return Ceiling(
            spin=spin,
            isolated=isolated,
            isolated_of=isolated_case,
            machine={at: 1 - spin[at] / p for at in both},
            memory={at: (spin[at] - isolated[at]) / p for at in all_three},
            software={at: (isolated[at] - speedup[at]) / p for at in all_three},
            below_spin={at: (spin[at] - speedup[at]) / p for at in both},
            inflation_machine=machine,
            inflation_memory=memory,
            inflation_software=software,
        )

    def _balanced(self, case: Case) -> PerBlock:
        """Return the speed-up of the isolated copies without waiting for the slowest: uneven chunks are not the memory
        system's fault."""
        copies = self.account_of(case, "isolated")
        waited = copies.fractions["imbalance"] if copies is not None else {}
        speedup = self._columns.speedup(case, "isolated")
        return {at: value / (1.0 - min(waited.get(at, 0.0), _MOST_WAITED)) for at, value in speedup.items()}

    def _inflation(
        self, own: Account | None, spin_case: Case | None, isolated_case: Case | None
    ) -> tuple[PerBlock, PerBlock, PerBlock]:
        """Split the growth of the CPU time into machine, memory and software.

        Each step is a factor on the CPU time of the one before. A factor r of a growth by g has ln r / ln g of it,
        whatever the order of the steps: the logarithmic mean Divisia index (Ang, Energy Policy 33 (2005) 867).
        """
        spin = self.account_of(spin_case, "spin") if spin_case is not None else None
        isolated = self.account_of(isolated_case, "isolated") if isolated_case is not None else None
        if own is None or spin is None:
            return {}, {}, {}
        grown, by_spin, weight = own.cpu_ratio, spin.cpu_ratio, own.cpu_weight
        both = [at for at in grown if min(grown[at], by_spin.get(at, 0.0)) > 0.0]
        scale = {at: weight[at] * _log_mean(grown[at]) for at in both}
        machine = {at: scale[at] * math.log(by_spin[at]) for at in scale}
        if isolated is None:
            return machine, {}, {}
        by_copy = isolated.cpu_ratio
        at_all = [at for at in both if by_copy.get(at, 0.0) > 0.0]
        memory = {at: scale[at] * math.log(by_copy[at] / by_spin[at]) for at in at_all}
        return machine, memory, {at: scale[at] * math.log(grown[at] / by_copy[at]) for at in at_all}


def _log_mean(growth: float) -> float:
    """Return the logarithmic mean of 1 and ``growth``: what a factor's logarithm is worth in CPU time."""
    return 1.0 if abs(growth - 1.0) < 1e-6 else (growth - 1.0) / math.log(growth)


def _shared(case: Case) -> tuple[str, int, str, str]:
    """Return what the variants that share an inner loop, a worker count and an interpreter have in common."""
    return case.language, case.workers, case.size, case.interpreter
