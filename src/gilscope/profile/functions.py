"""The user's own functions as something to measure: look at each, choose tasks and cases."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gilscope.availability import Local, remote
from gilscope.core.cases import Case, Group, Plan, Slot, Study, Unavailable
from gilscope.core.errors import UsageError
from gilscope.core.memory import available_bytes
from gilscope.core.records import CaseRecord, Environment
from gilscope.core.registry import EXECUTORS, START_METHODS, check_names
from gilscope.core.spec import KernelSpec
from gilscope.env import default_workers, usable_cpus
from gilscope.env.interpreters import Interpreter
from gilscope.executors.processes import default_start_method
from gilscope.kernels.user import (
    DEFAULT_TIMEOUT_S,
    Examined,
    Function,
    Request,
    Tasks,
    adopt,
    choose_tasks,
)
from gilscope.measure.calibrate import ROUND_S
from gilscope.measure.engine import Planned
from gilscope.measure.events import Observer
from gilscope.measure.host import SupervisedHost
from gilscope.plan import make_plan

__all__ = ["DEFAULT_BUDGET_S", "Functions", "Options"]

DEFAULT_BUDGET_S = 30.0
"""Buys about 20 blocks of one function on 2 CPUs: half-widths of 3 % on a quiet machine."""

_EXECUTORS = ("serial", "threads", "processes", "interpreters", "native")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to measure; what is empty or None is chosen from what the functions do.

    Parameters
    ----------
    scaling : {"weak", "strong"}
        Each worker as many tasks whatever their number, or the same number of tasks for all.
    tasks : int or None
        The number of tasks for strong scaling.
    timeout_s : float
        How long a call may take, with import and set-up.
    pin, dask_scheduler, memory_limit_bytes
        As in ``spec.Study``.
    interpreters : tuple of Interpreter
        Those to compare; the functions are looked at in the first of them that can run them.
    round_s : float
        Shortest round of T(1). Shorter ones scatter more and are bought faster: for whoever decides something coarse.
    controls : tuple of str
        Roles measured in every block beside the cases.
    """

    executors: tuple[str, ...] = ()
    workers: tuple[int, ...] = ()
    start_methods: tuple[str, ...] = ()
    budget_s: float = DEFAULT_BUDGET_S
    precision: float = 0.05
    scaling: Literal["weak", "strong"] = "weak"
    tasks: int | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    round_s: float = ROUND_S
    controls: tuple[str, ...] = ("spin", "isolated", "A/A")
    seed: int = 1
    interpreters: tuple[Interpreter, ...] = ()
    pin: str = "none"
    dask_scheduler: str = ""
    memory_limit_bytes: int = 0

    def __post_init__(self) -> None:
        check_names("executor", self.executors, EXECUTORS)
        check_names("start method", self.start_methods, START_METHODS)
        check_names("scaling", [self.scaling], ("weak", "strong"))
        if self.tasks is not None and self.tasks < 1:
            raise UsageError(f"tasks {self.tasks} must be 1 or more: write it like 64")


class Functions:
    """The user's own functions: see ``engine.Subject``.

    Raises
    ------
    UsageError
        If the request makes no sense.
    """

    def __init__(self, request: Request, options: Options) -> None:
        spec = adopt(request)
        self._request = request
        self._options = replace(options, executors=options.executors or _by_default(spec, options))
        self._workers = options.workers or default_workers(usable_cpus())
        self.interpreters, self.round_s = options.interpreters, options.round_s

    def host(self, environment: Environment) -> SupervisedHost:
        """See ``Subject``: with every family that functions may need, for it is not known yet what they do."""
        most = max(self._workers)
        families = {"threads": most, "nested": most, "processes": most}
        families |= {f"native*{count}": count for count in self._workers}
        return SupervisedHost(
            {name + mark: count for name, count in families.items() for mark in _marks(self._options)},
            environment["cpus"]["count"],
            own=self._request,
            prepare_timeout_s=self._options.timeout_s,
            interpreters=self.interpreters,
            dask_scheduler=self._options.dask_scheduler,
            pin=self._options.pin,
            memory_limit_bytes=self._options.memory_limit_bytes,
        )

    def planned(self, host: SupervisedHost, environment: Environment, observer: Observer) -> Planned:
        """See ``Subject``: look at each function, then choose tasks and cases."""
        request, options, most = self._request, self._options, max(self._workers)
        whole = most if "native" in options.executors else 1
        examined = {f.name: _examined(host, request, f, whole, options, observer) for f in request.functions}
        study, tasks = _study(request, examined, self._workers, options)
        adopt(request, examined, tasks)
        found = {
            **environment,
            "checks": environment["checks"] + [_caution(text, cure) for text, cure in _cautions(request, examined)],
            "functions": {name: seen.stored() for name, seen in examined.items() if not seen.problem},
            "hand_over_s": _hand_over_s(host, request, study, most),
        }
        plan = _with_controls(_with_nested(_plan(study, examined, options), examined, study), options.controls)
        return Planned(study=study, plan=plan, environment=found, records=tuple(_failed(request, examined, study)))


def _by_default(spec: KernelSpec, options: Options) -> tuple[str, ...]:
    """Return the executors for whoever named none.

    Sub-interpreters are among them where there are some to be had and a GIL to get around.
    """
    able = remote(options.interpreters) or {"": Local()}
    offered = any(
        entry.gil_enabled and entry.executor("interpreters", spec, spec.impls[0], "").ok for entry in able.values()
    )
    return tuple(name for name in _EXECUTORS if offered or name != "interpreters")


def _marks(options: Options) -> list[str]:
    """Return what the names of runners end with: the interpreter, if one was asked for."""
    return [f"!{entry.label}" for entry in options.interpreters] or [""]


def _labels(options: Options) -> tuple[str, ...]:
    return tuple(entry.label for entry in options.interpreters)


def _examined(
    host: SupervisedHost, request: Request, function: Function, workers: int, options: Options, observer: Observer
) -> Examined:
    """Look at a function with its libraries limited to one thread, and again without if they have thread pools.

    Of several interpreters in the first that can run it; where none can, what the last one said.
    """
    for label in _labels(options) or ("",):
        case = _one_call(request, function, label)
        observer.preparing(case, 0, len(request.functions))
        seen = host.examine(case)
        if not seen.problem:
            break
    if seen.problem or not seen.pools or workers == 1:
        return seen
    whole = host.examine(replace(case, executor="native", workers=workers))
    return dataclasses.replace(seen, busy_whole=whole.busy) if not whole.problem else seen


def _one_call(request: Request, function: Function, label: str) -> Case:
    """Return the case that stands for a function by itself."""
    return Case(
        kernel=request.kernel,
        implementation=function.name,
        executor="serial",
        workers=1,
        size="1",
        interpreter=label,
    )


def _hand_over_s(host: SupervisedHost, request: Request, study: Study, workers: int) -> dict[str, float]:
    """Measure what handing over a task costs, for the executors that are asked for."""
    alone = _one_call(request, request.functions[0], next(iter(study.interpreters), ""))
    case = replace(alone, executor="threads", workers=workers)
    processes = replace(case, executor="processes", start_method=study.start_methods[0], transport=study.transports[0])
    cases = (case, processes, replace(case, executor="interpreters"))
    costs = {case.executor: host.hand_over(case) for case in cases if case.executor in study.executors}
    return {executor: cost_s for executor, cost_s in costs.items() if cost_s is not None}


def _cautions(request: Request, examined: Mapping[str, Examined]) -> Iterator[tuple[str, str]]:
    """Yield (what a function does that a figure depends on, what to do about it)."""
    for function in request.functions:
        seen = examined[function.name]
        if seen.prints:
            yield (
                f"{function.target} prints {seen.printed_bytes} bytes per call, under every executor into nothing",
                "print less: a terminal or a pipe would slow it down further, and threads would share it",
            )
        if seen.complains:
            yield (
                f"{function.target} writes {seen.complained_bytes} bytes per call to standard error",
                "write less: they are read while it is measured, and threads share the stream",
            )
        if seen.unlimited:
            yield (
                f"{function.target} keeps {seen.busy:.1f} CPUs busy by itself, on threads that no limit reaches",
                "give it a parameter for the number of its threads: here they multiply with the workers",
            )
        if seen.moves:
            yield (
                f"{function.target} changes the working directory, which was put back before every call",
                "use absolute paths: threads share the directory",
            )


def _caution(message: str, cure: str) -> dict[str, str]:
    return {"name": "function", "status": "warning", "message": message, "cure": cure}


def _study(
    request: Request, examined: Mapping[str, Examined], workers: Sequence[int], options: Options
) -> tuple[Study, Tasks]:
    tasks, chunks = choose_tasks(
        examined, workers, scaling=options.scaling, tasks=options.tasks, round_s=options.round_s
    )
    study = Study(
        kernels=(request.kernel,),
        implementations=tuple(function.name for function in request.functions),
        executors=options.executors,
        workers=tuple(workers),
        budget_s=options.budget_s,
        precision=options.precision,
        chunks_per_worker=chunks,
        start_methods=options.start_methods or (default_start_method(),),
        seed=options.seed,
        interpreters=_labels(options),
        pin=options.pin,
        dask_scheduler=options.dask_scheduler,
        memory_limit_bytes=options.memory_limit_bytes,
        functions=tuple(function.target for function in request.functions),
    )
    return study, tasks


def _failed(request: Request, examined: Mapping[str, Examined], study: Study) -> Iterator[CaseRecord]:
    """Yield the records of functions that failed when they were looked at."""
    for function in request.functions:
        seen = examined[function.name]
        if not seen.problem:
            continue
        case = _one_call(request, function, next(iter(study.interpreters), ""))
        cure = "a call that takes longer needs --timeout" if seen.status == "timeout" else ""
        yield CaseRecord(
            case=case, status="timeout" if cure else "failed", reason=seen.problem, cure=cure, detail=seen.detail
        )


def _plan(study: Study, examined: Mapping[str, Examined], options: Options) -> Plan:
    """Plan what can be measured, without what would not fit into memory."""
    usable = {name for name, seen in examined.items() if not seen.problem}
    names = tuple(name for name in study.implementations if name in usable)
    if not names:
        return Plan(groups=(), unavailable=())
    plan = make_plan(replace(study, implementations=names), remote(options.interpreters))
    return _fitting(plan, examined)


def _with_nested(plan: Plan, examined: Mapping[str, Examined], study: Study) -> Plan:
    """Add threads whose calls use their libraries' own threads, where they have such.

    Their T(1) is one call after the other on all CPUs: what the function does when nobody limits anything.
    """
    if "threads" not in study.executors or "native" not in study.executors:
        return plan
    groups = []
    for group in plan.groups:
        cases = [
            replace(slot.case, libraries="all")
            for slot in group.slots
            if slot.role == "case" and slot.case.executor == "threads" and slot.case.workers > 1
            if examined[slot.case.implementation].own_threads
        ]
        added = dict.fromkeys(wanted for case in cases for wanted in (case.t1, case))
        groups.append(replace(group, slots=(*group.slots, *(Slot(case=case) for case in added))))
    return replace(plan, groups=tuple(groups))


def _fitting(plan: Plan, examined: Mapping[str, Examined]) -> Plan:
    """Take out the cases whose processes would need more memory than there is."""
    free = available_bytes()

    def too_large(slot: Slot) -> bool:
        seen = examined.get(slot.case.implementation)
        apart = slot.role == "isolated" or slot.case.executor in ("processes", "interpreters")
        return free is not None and seen is not None and apart and seen.peak_bytes * slot.case.workers > free

    missing = [
        Unavailable(
            case=slot.case,
            reason=f"{slot.case.workers} calls at once need {_gib(examined[slot.case.implementation].peak_bytes)} each "
            f"of the {_gib(free or 0)} that are free",
            cure="use smaller arguments or fewer workers",
        )
        for group in plan.groups
        for slot in group.slots
        if slot.role == "case" and too_large(slot)
    ]
    groups = tuple(
        Group(kernel=group.kernel, slots=tuple(slot for slot in group.slots if not too_large(slot)))
        for group in plan.groups
    )
    return Plan(groups=groups, unavailable=(*plan.unavailable, *missing))


def _with_controls(plan: Plan, controls: Sequence[str]) -> Plan:
    """Take out the controls that nobody asks for."""
    groups = tuple(
        replace(group, slots=tuple(slot for slot in group.slots if slot.role in ("case", *controls)))
        for group in plan.groups
    )
    return replace(plan, groups=groups)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
