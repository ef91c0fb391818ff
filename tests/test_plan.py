"""From words to blocks."""

from __future__ import annotations

import pytest

from gilscope.env import interpreter
from gilscope.errors import UnknownNameError, UsageError
from gilscope.plan import QUICK_BUDGET_S, QUICK_IMPLEMENTATIONS, make_plan, make_study
from gilscope.registry import FLAGSHIPS, IMPLEMENTATIONS
from gilscope.spec import Case, Slot, Study


def _slots(**words: object) -> list[Slot]:
    study = make_study(**{"workers": (2,), "kernels": ("mandelbrot",), **words})  # type: ignore[arg-type]
    return [slot for group in make_plan(study).groups for slot in group.slots]


def _ids(slots: list[Slot], role: str = "case") -> list[str]:
    return [slot.case.id for slot in slots if slot.role == role]


def test_without_words_the_flagships_are_measured() -> None:
    study = make_study(workers=(2,))
    assert study.kernels == FLAGSHIPS
    assert study.implementations == QUICK_IMPLEMENTATIONS
    assert study.budget_s == QUICK_BUDGET_S


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
