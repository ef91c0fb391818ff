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

__all__ = ["Kernels", "Planned", "Subject", "measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What is measured, as far as it is known before anything is timed.

    Parameters
    ----------
    environment : mapping
        That of the result: with what was found out about the subject.
    records : tuple of CaseRecord
        Cases that failed before there was a plan.
    """

    study: Study
    plan: Plan
    environment: Environment
    records: tuple[CaseRecord, ...] = ()


class Subject(Protocol):
    """What is measured: kernels, or functions of the user's own."""

    @property
    def interpreters(self) -> Sequence[Interpreter]:
        """Those that are compared; none means the running one."""

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
    enough: Callable[[], bool] | None = None,
) -> bool:
    """Measure into a result file.

    Parameters
    ----------
    path : Path
        The file; folders on the way are made. It must not exist, unless it is gone on with.
    resume : bool
        Go on with the result: its blocks count, and are not measured again.
    enough : callable () -> bool, optional
        Asked at every look (``stats.LOOKS``) instead of whether the precision that was asked for is reached.

    Returns
    -------
    bool
        False when Ctrl-C ended it early.

    Raises
    ------
    UsageError
        If nothing of what was asked can be measured, or the file cannot be written, or holds what cannot be resumed.
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
                prepared = prepare_all(plan, host, observer, writer, round_s=subject.round_s)
                run_blocks(plan, study, host, prepared, observer, writer, enough=enough, earlier=earlier)
            except KeyboardInterrupt:
                return False
    return True


def _measured_before(path: Path, environment: Environment) -> tuple[Block, ...]:
    """Return what was measured before; raise UsageError if it may not be added to here."""
    earlier = load(path)
    check_resumable(earlier, environment, __version__)
    return earlier.blocks


class Kernels:
    """Kernels of this package, or of a plugin.

    Parameters
    ----------
    interpreters : sequence of Interpreter
        Those of ``study.interpreters``, in their order.

    Raises
    ------
    UsageError
        If nothing of what was asked can be measured.
    """

    round_s = ROUND_S

    def __init__(self, study: Study, interpreters: Sequence[Interpreter] = ()) -> None:
        self.study, self.interpreters = study, interpreters
        self._plan = make_plan(study, remote(interpreters))

    def host(self, environment: Environment) -> SupervisedHost:
        """See ``Subject``."""
        return SupervisedHost(
            max_workers_of(slot for group in self._plan.groups for slot in group.slots),
            environment["cpus"]["count"],
            interpreters=self.interpreters,
            dask_scheduler=self.study.dask_scheduler,
            pin=self.study.pin,
            memory_limit_bytes=self.study.memory_limit_bytes,
        )

    def planned(self, host: SupervisedHost, environment: Environment, observer: Observer) -> Planned:
        """See ``Subject``: everything was known before."""
        return Planned(study=self.study, plan=self._plan, environment=environment)
