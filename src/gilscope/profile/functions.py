"""The user's own functions as something to measure: examine each, choose tasks and cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gilscope.availability import Local, remote
from gilscope.core.cases import Case, Plan, Slot, Study, Unavailable
from gilscope.core.errors import UsageError
from gilscope.core.memory import available_bytes, can_keep
from gilscope.core.records import CaseRecord, Environment
from gilscope.core.registry import START_METHODS, check_executors, check_names
from gilscope.core.spec import KernelSpec
from gilscope.env import default_workers, usable_cpus
from gilscope.env.interpreters import Interpreter
from gilscope.executors.processes import default_start_method
from gilscope.kernels.user import (
    DEFAULT_TIMEOUT_S,
    PRINTS_BYTES,
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
from gilscope.plan import make_plan, with_t1

DEFAULT_BUDGET_S = 30.0  # about 20 blocks of one function on 2 CPUs: half-widths of 3 % on a quiet machine
_OF_STUDY = ("executors", "budget_s", "precision", "seed", "pin", "dask_scheduler", "memory_limit_bytes")
_EXECUTORS = ("serial", "threads", "processes", "interpreters", "native")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to measure; what is empty or None is chosen from what the functions do."""

    executors: tuple[str, ...] = ()
    workers: tuple[int, ...] = ()
    start_methods: tuple[str, ...] = ()
    budget_s: float = DEFAULT_BUDGET_S
    precision: float = 0.05
    scaling: Literal["weak", "strong"] = "weak"  # the same number of tasks for each worker, or for all together
    tasks: int | None = None  # the number of tasks for strong scaling
    timeout_s: float = DEFAULT_TIMEOUT_S  # how long a call may take, with import and set-up
    round_s: float = ROUND_S  # shortest round of T(1); shorter ones scatter more and are cheaper, for coarse decisions
    controls: tuple[str, ...] = ("spin", "isolated", "A/A")  # roles measured in every block beside the cases
    seed: int = 1
    interpreters: tuple[Interpreter, ...] = ()  # functions are examined in the first that can run them
    pin: str = "none"  # this and the following as in cases.Study
    dask_scheduler: str = ""
    memory_limit_bytes: int = 0

    def __post_init__(self) -> None:
        check_executors(self.executors)
        check_names("start method", self.start_methods, START_METHODS)
        check_names("scaling", [self.scaling], ("weak", "strong"))
        if self.tasks is not None and self.tasks < 1:
            raise UsageError(f"tasks {self.tasks} must be 1 or more: write it like 64")


class Functions:
    """The user's own functions: see ``engine.Subject``. Raises UsageError for an invalid request."""

    def __init__(self, request: Request, options: Options) -> None:
        spec = adopt(request)
        self._request = request
        self._options = replace(options, executors=options.executors or _by_default(spec, options))
        self._workers = options.workers or default_workers(usable_cpus())
        self.interpreters, self.round_s = options.interpreters, options.round_s

    def expected(self) -> tuple[Study, Plan]:
        """Return what is measured of functions without threads of their own that give back no memory; runs none."""
        study = _of_study(self._request, self._workers, self._options)
        plan = make_plan(study, remote(self.interpreters))
        return study, _with_slots(plan, lambda slot: slot.case.executor != "native")

    def host(self, environment: Environment) -> SupervisedHost:
        """See ``Subject``: with every family that functions may need, for it is not known yet what they do."""
        most = max(self._workers)
        families = {"threads": most, "nested": most, "processes": most, "threads.kept": most, "threads.onearena": most}
        families |= {f"native*{count}": count for count in self._workers}
        suffixes = [f"!{entry.label}" for entry in self.interpreters] or [""]
        return SupervisedHost(
            {name + suffix: count for name, count in families.items() for suffix in suffixes},
            environment["cpus"]["count"],
            own=self._request,
            prepare_timeout_s=self._options.timeout_s,
            interpreters=self.interpreters,
            dask_scheduler=self._options.dask_scheduler,
            pin=self._options.pin,
            memory_limit_bytes=self._options.memory_limit_bytes,
        )

    def planned(self, host: SupervisedHost, environment: Environment, observer: Observer) -> Planned:
        """See ``Subject``: examine each function, then choose tasks and cases."""
        request, options, most = self._request, self._options, max(self._workers)
        whole = most if "native" in options.executors else 1
        examined = {f.name: _examined(host, request, f, whole, options, observer) for f in request.functions}
        if refused := [entry.problem for entry in examined.values() if entry.status == "refused"]:
            raise UsageError(refused[0])
        study, tasks = _study(request, examined, self._workers, options)
        if changing := tuple(name for name, entry in examined.items() if entry.copied):
            request = replace(request, fresh=changing)
            host.inform(request)
        adopt(request, examined, tasks)
        found = {
            **environment,
            "checks": [*environment["checks"], *_cautions(request, examined)],
            "functions": {name: entry.stored() for name, entry in examined.items() if not entry.problem},
            **_prices(host, request, study, most),
        }
        plan = _with_nested(_plan(study, examined, options), examined, study)
        plan = _with_kept(plan, examined, study, environment["cpus"]["count"])
        plan = _with_slots(plan, lambda slot: slot.role in ("case", *options.controls))
        return Planned(study=study, plan=plan, environment=found, records=tuple(_failed(request, examined, study)))


def _by_default(spec: KernelSpec, options: Options) -> tuple[str, ...]:
    """Return the default executors; sub-interpreters only where they are available and there is a GIL to avoid."""
    able = remote(options.interpreters) or {"": Local()}
    offered = any(
        entry.gil_enabled and entry.executor("interpreters", spec, spec.impls[0], "").ok for entry in able.values()
    )
    return tuple(name for name in _EXECUTORS if offered or name != "interpreters")


def _labels(options: Options) -> tuple[str, ...]:
    return tuple(entry.label for entry in options.interpreters)


def _examined(
    host: SupervisedHost, request: Request, function: Function, workers: int, options: Options, observer: Observer
) -> Examined:
    """Examine a function with its libraries limited to one thread, in a thread, and without if they have thread pools.

    Of several interpreters, in the first that can run it; where none can, the result is the last one's.
    """
    for label in _labels(options) or ("",):
        case = _one_call(request, function, label)
        observer.preparing(case, 0, len(request.functions))
        examined = host.examine(case)
        if not examined.problem:
            break
    if not examined.problem and {"serial", "threads"} <= set(options.executors):
        examined = _with_faults(host, replace(case, executor="threads"), examined)
    if examined.problem or not examined.pools or workers == 1:
        return examined
    whole = host.examine(replace(case, executor="native", workers=workers))
    return examined if whole.problem else replace(examined, busy_whole=whole.busy)


def _with_faults(host: SupervisedHost, case: Case, examined: Examined) -> Examined:
    """Add how a function faults in a thread and, where it does so much, how malloc can keep its memory."""
    apart = host.examine(case)
    if apart.fault_share > examined.fault_share:
        examined = replace(examined, faults=apart.faults, fault_share=apart.fault_share)
    if not (examined.gives_back and can_keep()):
        return examined
    kept = host.examine(replace(case, memory="kept"))
    return replace(examined, memory="onearena" if kept.gives_back else "kept")


def _one_call(request: Request, function: Function, label: str) -> Case:
    """Return the case that stands for a function by itself."""
    return Case(
        kernel=request.kernel, implementation=function.name, executor="serial", workers=1, size="1", interpreter=label
    )


def _prices(host: SupervisedHost, request: Request, study: Study, workers: int) -> dict[str, Any]:
    """Measure what handing over a task costs, for the requested executors, and handing over the GIL.

    Of functions whose work is known also what the hardware gives.
    """
    alone = _one_call(request, request.functions[0], next(iter(study.interpreters), ""))
    case = replace(alone, executor="threads", workers=workers)
    processes = replace(case, executor="processes", start_method=study.start_methods[0], transport=study.transports[0])
    cases = (case, processes, replace(case, executor="interpreters"))
    costs = {case.executor: host.hand_over(case) for case in cases if case.executor in study.executors}
    known = {executor: cost for executor, cost in costs.items() if cost is not None}
    return {
        "hand_over_s": {executor: least_s for executor, (least_s, _, _) in known.items()},
        "hand_over_most_s": {executor: most_s for executor, (_, most_s, _) in known.items()},
        "hand_over_more_s": {executor: more_s for executor, (_, _, more_s) in known.items()},
        "hand_off": host.hand_off(alone) if "threads" in study.executors else [],
        **({"roofs": host.roofs(alone, sorted(study.workers))} if request.flops or request.nbytes else {}),
    }


def _cautions(request: Request, examined: Mapping[str, Examined]) -> Iterator[dict[str, str]]:
    """Yield as checks what functions do that affects a figure, and what to do about it."""

    def caution(message: str, cure: str) -> dict[str, str]:
        return {"name": "function", "status": "warning", "message": message, "cure": cure}

    for function in request.functions:
        target, entry = function.target, examined[function.name]
        if entry.printed_bytes >= PRINTS_BYTES:
            yield caution(
                f"{target} prints {entry.printed_bytes} bytes per call, under every executor into nothing",
                "print less: a terminal or a pipe would slow it down further, and threads would share it",
            )
        if entry.complained_bytes >= PRINTS_BYTES:
            yield caution(
                f"{target} writes {entry.complained_bytes} bytes per call to standard error",
                "write less: they are read while it is measured, and threads share the stream",
            )
        if entry.unlimited:
            yield caution(
                f"{target} keeps {entry.busy:.1f} CPUs busy by itself, on threads that no limit reaches",
                "give it a parameter for the number of its threads: here they multiply with the workers",
            )
        if entry.copied:
            yield caution(
                f"{target} changes its arguments: each call got a copy of them, made before the clock started",
                "if a call should find what earlier ones left, keep that inside the function",
            )
        if entry.moves:
            yield caution(
                f"{target} changes the working directory, which was put back before every call",
                "use absolute paths: threads share the directory",
            )


def _study(
    request: Request, examined: Mapping[str, Examined], workers: Sequence[int], options: Options
) -> tuple[Study, Tasks]:
    tasks, chunks = choose_tasks(
        examined, workers, scaling=options.scaling, tasks=options.tasks, round_s=options.round_s
    )
    return replace(_of_study(request, workers, options), chunks_per_worker=chunks), tasks


def _of_study(request: Request, workers: Sequence[int], options: Options) -> Study:
    return Study(
        kernels=(request.kernel,),
        implementations=tuple(function.name for function in request.functions),
        workers=tuple(workers),
        start_methods=options.start_methods or (default_start_method(),),
        interpreters=_labels(options),
        functions=tuple(function.target for function in request.functions),
        **{name: getattr(options, name) for name in _OF_STUDY},
    )


def _failed(request: Request, examined: Mapping[str, Examined], study: Study) -> Iterator[CaseRecord]:
    """Yield the records of functions that failed when they were examined."""
    for function in request.functions:
        entry = examined[function.name]
        if entry.problem:
            case = _one_call(request, function, next(iter(study.interpreters), ""))
            cure = "a call that takes longer needs --timeout" if entry.status == "timeout" else ""
            status: Literal["timeout", "failed"] = "timeout" if cure else "failed"
            yield CaseRecord(case=case, status=status, reason=entry.problem, cure=cure, detail=entry.detail)


def _plan(study: Study, examined: Mapping[str, Examined], options: Options) -> Plan:
    """Plan what can be measured and fits into memory."""
    names = tuple(name for name in study.implementations if name in examined and not examined[name].problem)
    if not names:
        return Plan(groups=(), unavailable=())
    plan = make_plan(replace(study, implementations=names), remote(options.interpreters))
    return _fitting(plan, examined)


def _with_nested(plan: Plan, examined: Mapping[str, Examined], study: Study) -> Plan:
    """Add threads whose calls use their libraries' own threads, where they have any.

    Their T(1) is one call at a time on all CPUs: what the function does when nothing limits it.
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
        groups.append(replace(group, slots=(*group.slots, *(Slot(case=case) for case in with_t1(cases)))))
    return replace(plan, groups=tuple(groups))


def _with_kept(plan: Plan, examined: Mapping[str, Examined], study: Study, cpus: int) -> Plan:
    """Add most threads, with their T(1), whose malloc keeps what calls free, where getting it again takes long."""
    if not {"serial", "threads"} <= set(study.executors):
        return plan
    most = max([count for count in study.workers if count <= cpus] or study.workers)
    groups, unavailable = [], list(plan.unavailable)
    for group in plan.groups:
        cases = [
            replace(slot.case, memory=examined[slot.case.implementation].memory or "kept")
            for slot in group.slots
            if slot.role == "case" and slot.case.how == "threads" and slot.case.workers == most > 1
            if examined[slot.case.implementation].gives_back
        ]
        if not can_keep():
            reason, cure = "only glibc's malloc can keep its memory by request", "reuse arrays (out=)"
            unavailable += [Unavailable(case=case, reason=reason, cure=cure) for case in cases]
            cases = []
        groups.append(replace(group, slots=(*group.slots, *(Slot(case=case) for case in with_t1(cases)))))
    return replace(plan, groups=tuple(groups), unavailable=tuple(unavailable))


def _fitting(plan: Plan, examined: Mapping[str, Examined]) -> Plan:
    """Take out the cases whose processes would need more memory than there is."""
    free = available_bytes()

    def too_large(slot: Slot) -> bool:
        entry = examined.get(slot.case.implementation)
        apart = slot.role == "isolated" or slot.case.executor in ("processes", "interpreters")
        return free is not None and entry is not None and apart and entry.peak_bytes * slot.case.workers > free

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
    kept = _with_slots(plan, lambda slot: not too_large(slot))
    return replace(kept, unavailable=(*plan.unavailable, *missing))


def _with_slots(plan: Plan, kept: Callable[[Slot], bool]) -> Plan:
    groups = (replace(group, slots=tuple(filter(kept, group.slots))) for group in plan.groups)
    return replace(plan, groups=tuple(groups))


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
