"""From words to blocks."""

from __future__ import annotations

import pytest

from gilscope.core import pages
from gilscope.core.cases import Case, Plan, Slot, Study
from gilscope.core.errors import UnknownNameError, UsageError
from gilscope.core.registry import IMPLEMENTATIONS, QUICK
from gilscope.core.spec import Availability, Impl, KernelSpec
from gilscope.env import interpreter
from gilscope.measure.blocks import REPLACE_RUNNERS_FROM_S
from gilscope.measure.calibrate import ROUND_S
from gilscope.plan import QUICK_BUDGET_S, QUICK_IMPLEMENTATIONS, compared, make_plan, make_study
from gilscope.stats.intervals import MIN_BLOCKS


def _slots(**words: object) -> list[Slot]:
    study = make_study(**{"workers": (2,), "kernels": ("mandelbrot",), **words})  # type: ignore[arg-type]
    return [slot for group in make_plan(study).groups for slot in group.slots]


def _ids(slots: list[Slot], role: str = "case") -> list[str]:
    return [slot.case.id for slot in slots if slot.role == role]


def test_without_words_two_kernels_are_measured() -> None:
    study = make_study(workers=(2,))
    assert study.kernels == QUICK
    assert study.implementations == QUICK_IMPLEMENTATIONS
    assert study.budget_s == QUICK_BUDGET_S


def test_the_default_has_time_for_95_percent_intervals_and_keeps_its_runners() -> None:
    """Rounds last up to twice the shortest, as repeats are whole; the rest is for diagnostic rounds."""
    study = make_study(workers=(2,))
    slots = sum(len(group.slots) for group in make_plan(study).groups)
    assert 1.1 * MIN_BLOCKS * slots * 2 * ROUND_S <= study.budget_s < REPLACE_RUNNERS_FROM_S


def test_with_a_kernel_all_implementations_are_measured() -> None:
    study = make_study(workers=(2,), kernels=("triad",))
    assert study.implementations == IMPLEMENTATIONS
    assert study.budget_s == 60.0


def test_every_case_brings_its_t1_once_and_first() -> None:
    slots = _slots(implementations=("cy_nogil", "cy_prange"), executors=("threads", "processes", "native"))
    ids = _ids(slots)
    assert len(ids) == len(set(ids))
    for slot in slots:
        if slot.role == "case":
            assert ids.index(slot.case.t1.id) <= ids.index(slot.case.id)


def test_each_worker_count_has_a_t1_with_as_many_chunks() -> None:
    ids = _ids(_slots(implementations=("cy_nogil",), executors=("threads",), workers=(2, 3)))
    assert ids == [
        "mandelbrot/cy_nogil@serial#M~c8",
        "mandelbrot/cy_nogil@threads*2#M",
        "mandelbrot/cy_nogil@serial#M~c12",
        "mandelbrot/cy_nogil@threads*3#M",
    ]


def test_one_worker_means_serial() -> None:
    ids = _ids(_slots(implementations=("cy_nogil",), workers=(1, 2)))
    assert ids == ["mandelbrot/cy_nogil@serial#M~c8", "mandelbrot/cy_nogil@threads*2#M"]
    alone = _ids(_slots(implementations=("cy_nogil",), executors=("serial",), workers=(1, 2)))
    assert alone == ["mandelbrot/cy_nogil@serial#M~c8"]


def test_one_worker_alone_is_measured_in_a_pool_too() -> None:
    assert "mandelbrot/cy_nogil@threads*1#M" in _ids(_slots(implementations=("cy_nogil",), workers=(1,)))


def test_pure_python_gets_processes_without_asking() -> None:
    ids = _ids(_slots(implementations=("py_loop", "cy_gil")))
    assert "mandelbrot/py_loop@processes*2#S" in ids
    assert not [case for case in ids if "cy_gil@processes" in case]
    assert "mandelbrot/cy_gil@processes*2#M" in _ids(_slots(implementations=("cy_gil",), executors=("processes",)))


def test_start_methods_and_transports_multiply() -> None:
    ids = _ids(
        _slots(
            implementations=("py_loop",),
            executors=("processes",),
            start_methods=("forkserver", "spawn"),
            transports=("shm", "pickle"),
        )
    )
    assert {case for case in ids if "processes" in case} == {
        "mandelbrot/py_loop@processes*2#S",
        "mandelbrot/py_loop@processes.pickle*2#S",
        "mandelbrot/py_loop@processes.spawn*2#S",
        "mandelbrot/py_loop@processes.spawn.pickle*2#S",
    }


def test_controls_are_measured_for_every_worker_count() -> None:
    slots = _slots(implementations=("cy_nogil", "cy_gil"), workers=(1, 2, 3))
    spins = [slot.case for slot in slots if slot.role == "spin"]
    assert {case.workers for case in spins if case.executor == "threads"} == {2, 3}
    assert all(case.t1 in spins for case in spins)
    assert len(_ids(slots, "A/A")) == 1


def test_isolated_stands_for_the_language_and_needs_something_that_runs_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interpreter, "gil_enabled", lambda: True)
    words = {"implementations": ("py_loop", "cy_gil", "cy_nogil")}
    assert _ids(_slots(**words), "isolated") == ["mandelbrot/cy_nogil@threads*2#M"]
    monkeypatch.setattr(interpreter, "gil_enabled", lambda: False)
    assert _ids(_slots(**words), "isolated") == ["mandelbrot/py_loop@threads*2#S", "mandelbrot/cy_nogil@threads*2#M"]


def test_what_cannot_be_measured_is_named_once_with_its_reason() -> None:
    study = make_study(workers=(2, 3), kernels=("mandelbrot",), implementations=("np_blas", "cy_nogil"))
    [missing] = make_plan(study).unavailable
    assert missing.case.implementation == "np_blas"
    assert missing.reason


def test_sizes_that_would_take_minutes_are_said_so() -> None:
    study = make_study(workers=(2,), kernels=("mandelbrot",), implementations=("py_loop", "cy_nogil"), size="M")
    unavailable = make_plan(study).unavailable
    assert {entry.case.implementation for entry in unavailable} == {"py_loop"}
    assert all("minutes" in entry.reason and entry.cure for entry in unavailable)


@pytest.mark.parametrize(
    ("words", "error", "match"),
    [
        ({"kernels": ("mandelbort",)}, UnknownNameError, "mandelbrot"),
        ({"implementations": ("cy_nogl",)}, UnknownNameError, "cy_nogil"),
        ({"executors": ("thread",)}, UnknownNameError, "threads"),
        ({"start_methods": ("froks",)}, UnknownNameError, "fork"),
        ({"size": "XXL"}, UnknownNameError, "size"),
        ({"workers": (0,)}, UsageError, "workers"),
        ({"budget_s": -1.0}, UsageError, "budget"),
        ({"precision": 2.0}, UsageError, "precision"),
    ],
)
def test_impossible_words_are_refused(words: dict[str, object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make_study(**{"workers": (2,), **words})  # type: ignore[arg-type]


def test_a_study_without_any_case_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match="own threads run under native"):
        make_plan(make_study(workers=(2,), kernels=("mandelbrot",), implementations=("cy_gil",), executors=("native",)))


def test_study_fields_have_defaults() -> None:
    study = Study(kernels=("a",), implementations=("py_loop",), executors=(), workers=(1,))
    assert study.chunks_per_worker == 4
    case = Case(kernel="a", implementation="py_loop", executor="serial", workers=1, size="S")
    assert case.t1 == case


# Several interpreters -------------------------------------------------------------------------------------------------


class _Able:
    """An interpreter that can run everything but some implementations."""

    def __init__(self, *missing: str, gil_enabled: bool = True) -> None:
        self.missing, self.gil_enabled = missing, gil_enabled

    def implementation(self, spec: KernelSpec, impl: Impl) -> Availability:
        return Availability(ok=impl.name not in self.missing, reason="not there")

    def executor(self, name: str, spec: KernelSpec, impl: Impl, start_method: str) -> Availability:
        return Availability(ok=True)


def _across(**able: _Able) -> Plan:
    study = make_study(workers=(2,), kernels=("mandelbrot",), implementations=("py_loop", "cy_nogil"))
    labels = {name.replace("_", "."): entry for name, entry in able.items()}
    return make_plan(compared(study, list(labels), ["implementations"]), labels)


def test_every_interpreter_shares_the_blocks_and_has_its_own_t1() -> None:
    [group] = _across(v3_11=_Able(), v3_13t=_Able(gil_enabled=False)).groups
    cases = [slot.case for slot in group.slots if slot.role == "case"]
    assert {case.interpreter for case in cases} == {"v3.11", "v3.13t"}
    for case in cases:
        assert case.t1 in cases
        assert case.t1.interpreter == case.interpreter


def test_what_the_machine_gives_is_measured_by_one_interpreter_for_all() -> None:
    [group] = _across(v3_11=_Able("cy_nogil"), v3_13t=_Able(), v3_12=_Able()).groups
    assert {slot.case.interpreter for slot in group.slots if slot.role == "spin"} == {"v3.13t"}
    assert len([slot for slot in group.slots if slot.role == "A/A"]) == 1


def test_isolated_copies_are_measured_where_threads_run_at_once() -> None:
    [group] = _across(v3_11=_Able(), v3_13t=_Able(gil_enabled=False)).groups
    assert [slot.case.id for slot in group.slots if slot.role == "isolated"] == [
        "mandelbrot/py_loop@threads*2#S!v3.13t",
        "mandelbrot/cy_nogil@threads*2#M!v3.11",
        "mandelbrot/cy_nogil@threads*2#M!v3.13t",
    ]


def test_what_one_interpreter_lacks_the_others_measure() -> None:
    made = _across(v3_11=_Able(), v3_12=_Able("cy_nogil"))
    assert {entry.case.interpreter for entry in made.unavailable} == {"v3.12"}
    assert {slot.case.interpreter for slot in made.groups[0].slots if slot.case.implementation == "cy_nogil"} == {
        "v3.11"
    }


def test_several_interpreters_get_their_time_and_the_implementations_that_differ_in_kind() -> None:
    study = make_study(workers=(2,), kernels=("mandelbrot",))
    assert compared(study, [], ()) == study
    assert compared(study, ["3.13t"], ()).implementations == IMPLEMENTATIONS
    both = compared(study, ["3.11", "3.13t"], ())
    assert (both.implementations, both.budget_s) == (QUICK_IMPLEMENTATIONS, 120.0)
    given = compared(study, ["3.11", "3.13t"], ("implementations", "budget_s"))
    assert (given.implementations, given.budget_s) == (IMPLEMENTATIONS, 60.0)


def test_probes_can_be_measured_and_nobody_is_told_to() -> None:
    assert make_study(workers=(2,), kernels=("shared_object",)).kernels == ("shared_object",)
    with pytest.raises(UnknownNameError) as caught:
        make_study(workers=(2,), kernels=("shared_objekt",))
    assert "shared_object," not in str(caught.value)


def test_weak_scaling_and_shared_counters_are_cases_beside_the_usual_ones() -> None:
    words = {"implementations": ("cy_nogil",), "executors": ("threads", "processes"), "transports": ("shm", "pickle")}
    study = make_study(
        workers=(2,),
        kernels=("mandelbrot",),
        scalings=("strong", "weak"),
        schedules=("static", "dynamic"),
        start_methods=("spawn",),
        **words,
    )
    plan = make_plan(study)
    slots = plan.groups[0].slots
    ids = {slot.case.id.partition("@")[2] for slot in slots if slot.role == "case" and slot.case.executor != "serial"}
    assert ids == {
        "threads*2#M",
        "threads.dynamic*2#M",
        "threads.weak*2#M",
        "processes.spawn*2#M",
        "processes.spawn.dynamic*2#M",
        "processes.spawn.weak*2#M",
        "processes.spawn.pickle*2#M",
        "processes.spawn.pickle.weak*2#M",
    }
    [missing] = plan.unavailable
    assert (missing.case.schedule, missing.case.transport) == ("dynamic", "pickle")


def test_threads_of_an_implementation_of_their_own_cannot_each_do_the_whole_work() -> None:
    study = make_study(
        workers=(2,), kernels=("mandelbrot",), implementations=("cy_prange", "cy_nogil"), scalings=("weak",)
    )
    [missing] = make_plan(study).unavailable
    assert missing.case.id == "mandelbrot/cy_prange@native.weak*2#M"
    assert "--scaling strong" in missing.cure


def test_processes_are_compared_with_a_t1_on_the_same_pages(monkeypatch):
    monkeypatch.setattr(pages, "offered", lambda: (True, False))
    study = make_study(kernels=["triad"], implementations=["cy_nogil"], executors=["threads", "processes"], workers=[2])
    ids = [slot.key for slot in make_plan(study).groups[0].slots if slot.role == "case"]
    assert ids == [
        "triad/cy_nogil@serial#M~c8",
        "triad/cy_nogil@threads*2#M",
        "triad/cy_nogil@serial.smallpages#M~c8",
        "triad/cy_nogil@processes.smallpages*2#M",
    ]
