"""Speed-up, efficiency and rate of every case of one kernel.

All ratios are taken within blocks, so what slows the whole machine for a while cancels; the estimate is the median
over the blocks with its interval (`stats`). Definitions:

==================== ==================================================================================================
wall_s               wall time of one execution: length of the round / repeats
rate                 work units / wall_s
speedup              S(p) = T(1) / T(p); T(1) is ``Case.t1``, serial with the same chunks or ``native*1``
efficiency           S(p) / p
relative_efficiency  S(p) / S_spin(p), with the spin control of as many workers in the same block: 1 is all the machine
                     could give in those seconds
vs_fastest_serial    rate(p) / rate(1) of the fastest implementation of the kernel on one thread
==================== ==================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gilscope.analysis.columns import Columns, PerBlock, Role, estimated, ratio, scaled
from gilscope.analysis.net import Sharing, net_seconds, net_speedup
from gilscope.core.cases import Case
from gilscope.core.memory import KEEPING
from gilscope.core.records import CaseRecord
from gilscope.core.spec import Work
from gilscope.stats import Estimate

TOO_WIDE = 0.5
"""Width of the interval over the value from which a speed-up is undecided: one from 1.5 to 2.5 holds both two workers
that do the work of two and two of which one is half lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEstimates:
    """What is known about one case; None where it does not apply or was not measured."""

    blocks: int
    wall_s: Estimate | None = None
    rate: Estimate | None = None
    speedup: Estimate | None = None
    efficiency: Estimate | None = None
    relative_efficiency: Estimate | None = None
    vs_fastest_serial: Estimate | None = None


def too_noisy(speedup: Estimate | None) -> bool:
    """Whether the interval of a speed-up is too wide to decide anything; the range of one block has no width."""
    return speedup is not None and speedup.n > 1 and speedup.high - speedup.low > TOO_WIDE * speedup.value


class KernelView:
    """The estimates of one kernel; ``records`` by case id has at least those of this kernel and of its controls."""

    def __init__(self, columns: Columns, records: Mapping[str, CaseRecord]) -> None:
        self.columns = columns
        self._records = records
        self._spin = {
            case.workers: columns.speedup(case, "spin") for case in columns.with_role("spin") if not case.is_single
        }
        single = [case for case in columns.with_role("case") if case.is_single]
        rates = {case: rate.value for case in single if (rate := self._rate(case, columns.of(case))) is not None}
        self.fastest_serial: Case | None = max(rates, key=rates.__getitem__, default=None)
        self._net_everywhere = all(net_seconds(columns, case) for case in columns.with_role("case"))

    def case(self, case: Case) -> CaseEstimates:
        """Return the estimates of a case."""
        ratios = {} if case.is_single else self.columns.speedup(case)
        # One spinning worker is the unit of S_spin.
        relative = ratios if case.workers == 1 else ratio(ratios, self._spin.get(case.workers, {}))
        column = self.columns.of(case)
        return replace(
            self._estimates(case, column, ratios),
            relative_efficiency=estimated(relative),
            vs_fastest_serial=self._vs_fastest_serial(case, column),
        )

    def control(self, case: Case, role: Role) -> CaseEstimates:
        """Return the estimates of a control.

        The ``speedup`` of ``spin`` and ``isolated`` is T(1) / T(p), that of ``A/A`` the first of two equal serial
        rounds of a block over the second.
        """
        column = self.columns.of(case, role)
        if role == "A/A":
            return self._estimates(case, column, ratio(self.columns.of(case), column))
        single = role == "spin" and case.is_single
        return self._estimates(case, column, {} if single else self.columns.speedup(case, role))

    def net_vs_fastest_serial(self, case: Case, sharing: Sharing | None = None) -> Estimate | None:
        """Return ``vs_fastest_serial`` from net times; None where those of some case of the kernel are not known."""
        best, work = self.fastest_serial, self._work(case)
        best_work = self._work(best) if best is not None else None
        if best is None or best_work is None or work is None or not self._net_everywhere:
            return None
        found = net_seconds(self.columns, best).over(net_seconds(self.columns, case, sharing=sharing))
        return scaled(found.estimate(), work.units / best_work.units)

    def kept_memory_speedup(self, case: Case) -> Estimate | None:
        """Return the time of the same case that gives memory back over that of a case that keeps it; else None."""
        if not KEEPING[case.memory]:
            return None
        plain = replace(case, memory="")
        net = net_seconds(self.columns, plain).over(net_seconds(self.columns, case))
        return net.estimate() or estimated(ratio(self.columns.of(plain), self.columns.of(case)))

    def unit(self, case: Case) -> str:
        """Return the unit of work of a case, or an empty string."""
        work = self._work(case)
        return work.unit if work is not None else ""

    def stopping_ratios(self, cases: Iterable[Case]) -> list[Estimate | None]:
        """Return the ratios that ``measure.blocks`` stops by, of the cases that were measured in every block.

        The speed-ups, net where that is known; where nothing runs in parallel, the serial times against the control.
        """
        complete = [case for case in cases if len(self.columns.of(case)) == self.columns.blocks]
        parallel = [case for case in complete if not case.is_single]
        if parallel:
            nets = {case: net_speedup(self.columns, case).value for case in parallel}
            return [estimated(nets[case] or self.columns.speedup(case)) for case in parallel]
        spin = next((case for case in self.columns.with_role("spin") if case.is_single), None)
        if spin is None:
            return []
        return [estimated(ratio(self.columns.of(spin, "spin"), self.columns.of(case))) for case in complete]

    def _estimates(self, case: Case, column: PerBlock, ratios: PerBlock) -> CaseEstimates:
        speedup = estimated(ratios)
        return CaseEstimates(
            blocks=len(column),
            wall_s=estimated(column),
            rate=self._rate(case, column),
            speedup=speedup,
            efficiency=scaled(speedup, 1.0 / case.workers),
        )

    def _work(self, case: Case) -> Work | None:
        """Return the work of one execution; None where it was not counted."""
        record = self._records.get(case.id)
        return record.work if record is not None and record.work is not None and record.work.units else None

    def _rate(self, case: Case, column: PerBlock) -> Estimate | None:
        work = self._work(case)
        return estimated({at: work.units / wall_s for at, wall_s in column.items()}) if work is not None else None

    def _vs_fastest_serial(self, case: Case, column: PerBlock) -> Estimate | None:
        """Relate rates; sizes may differ, because work is counted in units that do not depend on the size."""
        best, work = self.fastest_serial, self._work(case)
        best_work = self._work(best) if best is not None else None
        if best is None or best_work is None or work is None:
            return None
        return scaled(estimated(ratio(self.columns.of(best), column)), work.units / best_work.units)
