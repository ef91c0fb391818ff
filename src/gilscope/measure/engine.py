"""The one entrance of everything that measures cases: environment, host, plan, file, preparing, blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gilscope import __version__, env
from gilscope.availability import remote
from gilscope.core.cases import Plan, Study
from gilscope.core.records import Block, CaseRecord, Environment
from gilscope.env.interpreters import Interpreter, described
from gilscope.measure.blocks import prepare_all, run_blocks
from gilscope.measure.calibrate import ROUND_S
from gilscope.measure.events import Observer
from gilscope.measure.host import SupervisedHost, max_workers_of
from gilscope.measure.resume import check_resumable
from gilscope.plan import make_plan
from gilscope.results import ResultWriter, load


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What is measured, as far as it is known before anything is timed."""

    study: Study
    plan: Plan
    environment: Environment  # of the result: with what was found out about the subject
    records: tuple[CaseRecord, ...] = ()  # cases that failed before there was a plan


class Subject(Protocol):
    """What is measured: kernels, or the user's own functions."""

    @property
    def interpreters(self) -> Sequence[Interpreter]:
        """Those that are compared; empty: the running one."""

    @property
    def round_s(self) -> float:
        """Shortest round of T(1), in seconds."""

    def host(self, environment: Environment) -> SupervisedHost:
        """Start what it is measured in."""

    def planned(self, host: SupervisedHost, environment: Environment, observer: Observer) -> Planned:
        """Decide what is measured."""


def measure(
    subject: Subject,
    path: Path,
    *,
    observer: Observer | None = None,
    resume: bool = False,
    enough: Callable[[str, bool], bool] | None = None,
) -> bool:
    """Measure into a result file; return False if Ctrl-C ended it early.

    ``path`` is made with its folders and must not exist, except to ``resume`` it: then its blocks count and are not
    measured again. ``enough``, if given, decides at every look (``stats.LOOKS``) instead of the requested precision.
    Raises UsageError if nothing requested can be measured, or the file cannot be written or resumed.
    """
    observer = observer or Observer()
    environment = env.capture() | described(subject.interpreters)
    earlier = _measured_before(path, environment) if resume else ()
    with subject.host(environment) as host:
        planned = subject.planned(host, environment, observer)
        study, plan = planned.study, planned.plan
        with ResultWriter(path, study, planned.environment, __version__, resume=resume) as writer:
            for record in planned.records:
                writer.case(record)
            try:
                prepared = prepare_all(plan, host, observer, writer, round_s=subject.round_s, budget_s=study.budget_s)
                run_blocks(plan, study, host, prepared, observer, writer, enough=enough, earlier=earlier)
            except KeyboardInterrupt:
                return False
    return True


def _measured_before(path: Path, environment: Environment) -> tuple[Block, ...]:
    """Return the blocks measured so far; UsageError if they must not be continued here."""
    earlier = load(path)
    check_resumable(earlier, environment, __version__)
    return earlier.blocks


class Kernels:
    """Kernels of this package, or of a plugin, under the interpreters of ``study.interpreters``, in their order.

    Raises UsageError if nothing requested can be measured.
    """

    round_s = ROUND_S

    def __init__(self, study: Study, interpreters: Sequence[Interpreter] = ()) -> None:
        self.study, self.interpreters = study, interpreters
        self.plan = make_plan(study, remote(interpreters))

    def host(self, environment: Environment) -> SupervisedHost:
        """See ``Subject``."""
        return SupervisedHost(
            max_workers_of(slot for group in self.plan.groups for slot in group.slots),
            environment["cpus"]["count"],
            interpreters=self.interpreters,
            dask_scheduler=self.study.dask_scheduler,
            pin=self.study.pin,
            memory_limit_bytes=self.study.memory_limit_bytes,
        )

    def planned(self, host: SupervisedHost, environment: Environment, observer: Observer) -> Planned:
        """See ``Subject``: known before, but for the price of the GIL's hand-offs and the roofs of the hardware."""
        slots = (slot for group in self.plan.groups for slot in group.slots)
        threads = next((slot.case for slot in slots if slot.role == "case" and slot.case.executor == "threads"), None)
        found = {"hand_off": host.hand_off(threads)} if threads is not None else {}
        spins = [slot.case for group in self.plan.groups for slot in group.slots if slot.role == "spin"]
        if spins:
            found["roofs"] = host.roofs(spins[-1], sorted({case.workers for case in spins}))
        return Planned(study=self.study, plan=self.plan, environment={**environment, **found})
