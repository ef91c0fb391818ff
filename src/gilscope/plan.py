"""From a study to what will be measured: cases, their T(1), their controls, and what cannot be measured here."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gilscope import kernels
from gilscope.availability import Abilities, Local
from gilscope.core import pages, registry
from gilscope.core.cases import Case, Group, Plan, Slot, Study, Unavailable
from gilscope.core.errors import UsageError
from gilscope.core.registry import check_names
from gilscope.core.spec import Availability, Impl, KernelSpec
from gilscope.executors.processes import default_start_method

QUICK_IMPLEMENTATIONS = ("py_loop", "std_c", "cy_gil", "cy_nogil", "cy_prange")
"""Default of ``gilscope run``: one of each kind. Those of Numba behave like Cython's, and have to be compiled first."""

QUICK_BUDGET_S = 85.0
"""Its budget: more than thirty blocks on 2 CPUs, because six, the fewest with a 95 % interval, do not decide where the
machine is shared. From 90 s on runners are replaced half-way (``measure.blocks.REPLACE_RUNNERS_FROM_S``)."""

_PROCESSES_BY_DEFAULT = ("py_loop",)  # compiled code that holds the GIL had better release it
_NO_PAIR = "implementations with their own threads run under native, all others under serial, threads or processes"
_SPIN_PREFERENCE = ("cy_nogil", "std_c")  # the compiled probe, or hashlib where nothing is compiled


def make_study(
    *,
    workers: Sequence[int],
    kernels: Sequence[str] = (),
    implementations: Sequence[str] = (),
    executors: Sequence[str] = (),
    start_methods: Sequence[str] = (),
    transports: Sequence[str] = (),
    scalings: Sequence[str] = (),
    schedules: Sequence[str] = (),
    size: str = "",
    **options: Any,
) -> Study:
    """Check the names in a study and fill in what was left empty.

    Without either: ``registry.QUICK`` in ``QUICK_IMPLEMENTATIONS`` for ``QUICK_BUDGET_S``. Executors may stay empty:
    then ``make_plan`` measures ``processes`` for pure Python only, which has no other way. Raises UsageError.
    """
    quick = not kernels and not implementations
    if quick:
        options.setdefault("budget_s", QUICK_BUDGET_S)
    implementations = implementations or (QUICK_IMPLEMENTATIONS if quick else registry.IMPLEMENTATIONS)
    if size:
        check_names("size", [size], registry.SIZES)
    return Study(
        kernels=_known_kernels(kernels or (registry.QUICK if quick else registry.FLAGSHIPS)),
        implementations=check_names("implementation", implementations, registry.IMPLEMENTATIONS),
        executors=registry.check_executors(executors),
        workers=tuple(dict.fromkeys(workers)),
        size=size,
        start_methods=check_names("start method", start_methods or (default_start_method(),), registry.START_METHODS),
        transports=check_names("transport", transports or ("shm",), registry.TRANSPORTS),
        scalings=check_names("scaling", scalings or ("strong",), registry.SCALINGS),
        schedules=check_names("schedule", schedules or ("static",), registry.SCHEDULES),
        **options,
    )


def _known_kernels(names: Sequence[str]) -> tuple[str, ...]:
    """Check kernel names, also of probes; other packages are searched only when a kernel is not ours."""
    wanted = [name for name in names if name not in registry.PROBES]
    others = () if set(wanted) <= set(registry.KERNELS) else tuple(kernels.foreign())
    check_names("kernel", wanted, (*registry.KERNELS, *others))
    return tuple(dict.fromkeys(names))


def compared(study: Study, labels: Sequence[str], given: Collection[str]) -> Study:
    """Return a study that is measured under some interpreters; ``given`` are its fields that the user set.

    By default each gets the time that a single one would have, and the implementations that differ in kind: a block has
    those of all, and blocks that take a minute give no intervals.
    """
    if not labels:
        return study
    if "implementations" not in given and len(labels) > 1:
        study = replace(study, implementations=QUICK_IMPLEMENTATIONS)
    if "budget_s" not in given:
        study = replace(study, budget_s=study.budget_s * len(labels))
    return replace(study, interpreters=tuple(labels))


def make_plan(study: Study, abilities: Mapping[str, Abilities] | None = None) -> Plan:
    """Lay out the blocks of a study; raise UsageError if nothing requested can be measured.

    ``abilities`` are those of ``study.interpreters`` by label; the running one, whose label is empty, may be left out.
    """
    able = {"": Local(), **(abilities or {})}
    groups: list[Group] = []
    unavailable: list[Unavailable] = []
    for name in study.kernels:
        spec = kernels.load(name)
        cases: list[Case] = []
        impls = [impl for name in study.implementations for impl in spec.impls if impl.name == name]
        for impl, label in itertools.product(impls, study.interpreters or ("",)):
            for plain in _cases(study, spec, impl):
                case = _on_its_pages(replace(plain, interpreter=label), spec)
                whole = able[label].implementation(spec, impl)
                found = _availability(able[label], spec, impl, case) if whole.ok else whole
                if found.ok:
                    cases.append(case)
                    continue
                unavailable.append(Unavailable(case=case, reason=found.reason, cure=found.cure))
                if not whole.ok:  # one entry, not one per executor and worker count
                    break
        if cases:
            slots = (Slot(case=case) for case in with_t1(cases))
            groups.append(Group(kernel=name, slots=(*slots, *_controls(cases, able))))
    if not groups:
        reasons = dict.fromkeys(
            f"{u.case.implementation}: {u.reason}{f' ({u.cure})' if u.cure else ''}" for u in unavailable
        )
        raise UsageError(f"nothing to measure: {'; '.join(reasons) or _NO_PAIR}")
    return Plan(groups=tuple(groups), unavailable=tuple(unavailable))


def _cases(study: Study, spec: KernelSpec, impl: Impl) -> Iterator[Case]:
    """Yield every requested case of one implementation; one worker means ``serial`` or ``native*1``."""
    several = tuple(workers for workers in study.workers if workers > 1)
    for executor, workers in itertools.product(_executors_of(study, impl), study.workers):
        if workers == 1 and executor not in ("serial", "native") and several:
            continue
        if executor == "serial" and workers != min(several, default=1):
            continue  # T(1) of the other counts comes with their cases
        # Native threads share every task: more of them do not do more tasks.
        alike = max(study.workers) if executor == "native" else workers
        for start_method, transport, scaling, schedule in _ways(study, executor):
            case = Case(
                kernel=spec.name,
                implementation=impl.name,
                executor="threads" if executor == "serial" else executor,
                workers=workers,
                size=spec.size_for(impl.name, alike) if spec.size_for else study.size or impl.size,
                chunks_per_worker=study.chunks_per_worker,
                start_method=start_method,
                transport=transport,
                scaling=scaling,
                schedule=schedule,
            )
            yield case.t1 if executor == "serial" else case


def _on_its_pages(case: Case, spec: KernelSpec) -> Case:
    """Return the case, marked where its buffers are shared and only private ones would lie on huge pages."""
    nbytes = kernels.buffer_layout(spec, spec.sizes[case.size])[0]  # of one copy, which its T(1) has
    apart = not case.one_gil and pages.private_only(nbytes, case.implementation)
    return replace(case, memory=pages.SMALL) if apart else case


def _executors_of(study: Study, impl: Impl) -> tuple[str, ...]:
    """Return the executors one implementation is measured under."""
    if impl.gil == "own_threads":
        return ("native",) if not study.executors or "native" in study.executors else ()
    if study.executors:
        return tuple(name for name in study.executors if name != "native")
    return ("serial", "threads", "processes") if impl.name in _PROCESSES_BY_DEFAULT else ("serial", "threads")


def _ways(study: Study, executor: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield (start method, transport, scaling, schedule) of an executor, empty where not applicable.

    Workers that do the whole work share no chunks, and executors that hand out tasks or have their own threads assign
    them themselves.
    """
    own = [(method, transport) for method in study.start_methods for transport in study.transports]
    for scaling in study.scalings:
        shared = scaling == "strong" and executor in ("threads", "processes", "interpreters")
        schedules = dict.fromkeys("dynamic" if shared and word == "dynamic" else "" for word in study.schedules)
        ways = own if executor == "processes" else [("", "")]
        for (method, transport), schedule in itertools.product(ways, schedules):
            yield method, transport, "weak" if scaling == "weak" else "", schedule


def _availability(able: Abilities, spec: KernelSpec, impl: Impl, case: Case) -> Availability:
    """Whether a case of an available implementation can be measured."""
    if case.scaling == "weak" and case.executor == "native":
        reason = "its threads share one problem: it cannot do the whole work once per thread"
        return Availability(ok=False, reason=reason, cure="use --scaling strong")
    if case.schedule == "dynamic" and case.transport == "pickle":
        reason = "pickled chunks are sent before workers know who is done first"
        return Availability(ok=False, reason=reason, cure="use --transport shm, or --schedule static")
    if impl.sizes and case.size not in impl.sizes:
        reason = f"{impl.name} is not run at size {case.size}: it would take minutes"
        return Availability(ok=False, reason=reason, cure=f"use --size {impl.sizes[-1]}")
    return able.executor(case.executor, spec, impl, case.start_method)


def with_t1(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Return the cases, each preceded by its T(1) unless that is listed already."""
    return tuple(dict.fromkeys(wanted for case in cases for wanted in (case.t1, case)))


def _controls(cases: Sequence[Case], able: Mapping[str, Abilities]) -> Iterator[Slot]:
    """Yield ``spin`` for every worker count with its T(1), ``isolated`` per language, and one ``A/A``.

    ``spin`` and ``A/A`` measure the machine, so one interpreter measures them for all.
    """
    if found := _spin(cases, able):
        name, label = found
        spin = Case(kernel="spin", implementation=name, executor="threads", workers=1, size="M", interpreter=label)
        counts = sorted({case.workers for case in cases if case.workers > 1})
        for case in with_t1(replace(spin, workers=count) for count in counts) or (spin.t1,):
            yield Slot(case=case, role="spin")
    for case in _representatives(cases, able):
        yield Slot(case=case, role="isolated")
    serial = [case for case in dict.fromkeys(case.t1 for case in cases) if case.executor == "serial"]
    compiled = [case for case in serial if case.implementation not in ("py_loop", "np_vec")]
    baselines = compiled or serial or [cases[0].t1]
    # The last one: implementations that release the GIL come after those that hold it, and speed-ups are read off them.
    yield Slot(case=baselines[-1], role="A/A")


def _spin(cases: Sequence[Case], able: Mapping[str, Abilities]) -> tuple[str, str] | None:
    """Return the implementation of ``spin`` and the interpreter that measures it, if any can."""
    spec = kernels.load("spin")
    labels = dict.fromkeys(case.interpreter for case in cases)
    for name, label in itertools.product(_SPIN_PREFERENCE, labels):
        impl = spec.impl(name)
        if impl is not None and able[label].implementation(spec, impl).ok:
            return name, label
    return None


def _representatives(cases: Sequence[Case], able: Mapping[str, Abilities]) -> Iterator[Case]:
    """Yield the cases whose ``isolated`` control is measured: per language and worker count one in threads, else one in
    interpreters.

    The variants of a language share one inner loop, so one control serves them all. Where the GIL prevents all of them
    from running at once there is nothing to compare it with.
    """
    chosen: dict[tuple[str, int, str], Case] = {}
    for case in sorted(cases, key=lambda case: case.executor == "threads"):
        impl = kernels.load(case.kernel).impl(case.implementation, case.executor)
        gil_enabled = able[case.interpreter].gil_enabled
        if case.executor not in ("threads", "interpreters") or case.workers < 2 or impl is None:
            continue
        if case.executor == "interpreters" or impl.gil != "held" or not gil_enabled:
            chosen[case.language, case.workers, case.interpreter] = case
    yield from chosen.values()
