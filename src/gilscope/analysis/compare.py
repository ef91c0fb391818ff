"""Two results side by side: per case the ratio of their rates, with an interval, or why there is none.

The two were measured at different times, so nothing cancels as it does within a block: the ends of the ratio are the
widest the two intervals allow, which is more conservative than 95 %. Machines, interpreters and versions of gilscope
differ by more than the change in question, so results from two of them are not comparable, and no gate decides on them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from gilscope.analysis.answer import Answer
from gilscope.analysis.rows import MEASURED, CaseRow, is_measured
from gilscope.core.cases import DEFAULT_CHUNKS_PER_WORKER, Case
from gilscope.results.surroundings import Difference, differences
from gilscope.stats import Estimate
from gilscope.stats.intervals import DEFAULT_CONFIDENCE

Outcome: TypeAlias = Literal["faster", "slower", "no difference shown", "not comparable"]

LUCK = 0.03
"""Ratio beyond 1 from which two runs differ by more than the luck of either: the place of a process's code and data in
memory is a factor of all its rounds (Mytkowicz et al., ASPLOS 2009). For luck of 1 % (standard deviation) the ratio of
two runs of the same code is beyond it in 3.4 % of pairs, the normal tail beyond 2.12: so many are called different
where rounds do not scatter, and fewer the wider the intervals are (simulated in the tests)."""

_AROUND_ALL = {"machine": "machines", "cpus": "usable CPUs", "gilscope": "versions of gilscope"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCase:
    """One case in both results."""

    case: Case  # as in the first result, or in the second where the first does not have it
    outcome: Outcome = "not comparable"  # what the second result is
    ratio: Estimate | None = None  # rate of the second result over that of the first
    reason: str = ""  # why it is not comparable
    before: CaseRow | None = None  # in the first result, if it is there
    after: CaseRow | None = None  # in the second

    @property
    def comparable(self) -> bool:
        """Whether intervals decide about it."""
        return self.outcome != "not comparable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultComparison:
    """Two results side by side."""

    surroundings: tuple[Difference, ...] = ()  # what keeps cases from being compared
    changed: tuple[Difference, ...] = ()  # what may be the subject of the comparison
    cases: tuple[ComparedCase, ...] = ()
    failed: tuple[Case, ...] = ()  # certainly slower than the gate allows
    undecided: tuple[Case, ...] = ()  # the gate should judge them but cannot: not comparable, or missing

    @property
    def decided(self) -> bool:
        """Whether a gate could judge all of its cases, and had any."""
        return not self.undecided and any(entry.comparable for entry in self.cases)


def compare(old: Answer, new: Answer, *, limit: float | None = None, anyway: bool = False) -> ResultComparison:
    """Compare the cases of two results; time linear in the number of rows.

    ``limit`` is a gate: how much slower a case may be, as a fraction. ``anyway`` gives the ratios of cases whose
    surroundings differ too; they stay ``not comparable``.
    """
    before, after = (rows_by_case(answer.rows, own=answer.is_own) for answer in (old, new))
    around = differences_around(old, new)
    entries = {key: _compared(before.get(key), after.get(key), around, anyway=anyway) for key in {**before, **after}}
    failed, undecided = [], []
    again = {row.case.kernel for row in new.rows}
    for key, row in before.items():
        if limit is None or row.status not in MEASURED or row.case.kernel not in again:
            continue
        entry = entries[key]
        if not entry.comparable:
            undecided.append(entry.case)
        elif entry.ratio is not None and entry.ratio.high < 1 - limit:
            failed.append(entry.case)
    cases = tuple(entries.values())
    return ResultComparison(
        surroundings=tuple(found for found in around if any(_concerns(found, entry.case) for entry in cases)),
        changed=tuple(_changed(old, new)),
        cases=cases,
        failed=tuple(failed),
        undecided=tuple(undecided),
    )


def rows_by_case(rows: Iterable[CaseRow], *, own: bool) -> dict[str, CaseRow]:
    """Return rows by what must be the same in all results that are compared: the case.

    Each run chooses anew how many tasks of the user's ``own`` function make a round. Its rates are in tasks, so that
    number is left out; of serial cases that differ in nothing else, one with the fewest chunks represents all.
    """
    if not own:
        return {row.case.id: row for row in rows}
    found: dict[str, CaseRow] = {}
    for row in rows:
        key = replace(row.case, size="1", chunks_per_worker=DEFAULT_CHUNKS_PER_WORKER).id
        found[key] = min(
            found.get(key, row), row, key=lambda row: (row.status not in MEASURED, row.case.chunks_per_worker)
        )
    return found


def differences_around(old: Answer, new: Answer) -> list[Difference]:
    """Return what differs around two results and keeps their rates from being compared."""
    found = differences(old.environment, new.environment)
    if old.tool_version and new.tool_version and old.tool_version != new.tool_version:
        found.append(Difference(where="gilscope", name="version", before=old.tool_version, now=new.tool_version))
    return found


def _changed(old: Answer, new: Answer) -> Iterator[Difference]:
    """Yield what differs and may be the subject of the comparison: libraries, and whether workers were pinned."""
    for name, version in old.surroundings.libraries.items():
        now = new.surroundings.libraries.get(name)
        if version and now and version != now:
            yield Difference(where="library", name=name, before=version, now=now)
    if old.options.pin != new.options.pin:
        yield Difference(where="option", name="--pin", before=old.options.pin, now=new.options.pin)


def _concerns(difference: Difference, case: Case) -> bool:
    """Whether a difference concerns a case: interpreters other than its own do not matter."""
    own = f"interpreter {case.interpreter}" if case.interpreter else "interpreter"
    return difference.where in _AROUND_ALL or difference.where == own


def _compared(
    old: CaseRow | None, new: CaseRow | None, around: Collection[Difference], *, anyway: bool
) -> ComparedCase:
    known = old or new
    assert known is not None
    entry = ComparedCase(case=known.case, before=old, after=new)
    if old is None or new is None:
        return replace(entry, reason=f"only in the {'second' if old is None else 'first'} result")
    for row, which in ((old, "first"), (new, "second")):
        if not is_measured(row):
            reason = f"{row.status.replace('_', ' ')} in the {which} result: {row.reason}"
            return replace(entry, reason=reason)
    ratio = _ratio(old.rate, new.rate)
    elsewhere = ", ".join(dict.fromkeys(_elsewhere(old, new, around)))
    if elsewhere:
        return replace(entry, ratio=ratio if anyway else None, reason=f"different {elsewhere}")
    if ratio is None:
        return replace(entry, reason="too few blocks for an interval of 95 %")
    outcome: Outcome = "no difference shown"
    if ratio.low > 1 + LUCK or ratio.high < 1 / (1 + LUCK):
        outcome = "faster" if ratio.low > 1 else "slower"
    return replace(entry, ratio=ratio, outcome=outcome)


def _elsewhere(old: CaseRow, new: CaseRow, around: Collection[Difference]) -> Iterator[str]:
    """Yield what differs in the surroundings of a case."""
    for difference in around:
        if _concerns(difference, old.case):
            yield _AROUND_ALL.get(difference.where, "interpreters")
    if old.isa and new.isa and old.isa != new.isa:
        yield "instruction sets"


def _ratio(old: Estimate | None, new: Estimate | None) -> Estimate | None:
    """Return the ratio of two rates with the widest interval theirs allow; None where one has no interval of 95 %."""
    if old is None or new is None:
        return None
    confidence, n = min(old.confidence, new.confidence), min(old.n, new.n)
    if not (old.has_interval and new.has_interval and old.low > 0) or confidence < DEFAULT_CONFIDENCE:
        return None
    value, low, high = new.value / old.value, new.low / old.high, new.high / old.low
    return Estimate(value=value, low=low, high=high, confidence=confidence, n=n)
