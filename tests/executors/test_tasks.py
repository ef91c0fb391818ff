"""Executors that hand out tasks: what a round says of workers that nobody told which chunks are theirs."""

from __future__ import annotations

import itertools
import os
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gilscope import kernels
from gilscope.core import targets
from gilscope.core.cases import Case
from gilscope.core.errors import WorkerRaisedError
from gilscope.executors import _task_worker, module_of
from gilscope.executors._rounds import Chunk, Task, job_of, pack
from gilscope.executors._shm import Segment
from gilscope.executors._tasks import Done, TaskSession, stamps_of
from gilscope.executors._worker import WorkerReport


def _done(worker: str, start: int, end: int) -> Done:
    report = WorkerReport(
        start_ns=start,
        end_ns=end,
        waiting_ns=0,
        waking_ns=0,
        cpu_ns=end - start,
        run_queue_ns=1,
        partials=(),
    )
    return Done(worker=worker, report=report, written=())


def _figures(stamps: Sequence[Any]) -> list[tuple[int, int, int, int]]:
    return [(stamp.start_ns, stamp.end_ns, stamp.waiting_ns, stamp.waking_ns) for stamp in stamps]


def test_what_lies_between_the_tasks_of_a_worker_is_dispatch() -> None:
    done = [[_done("a", 10, 20), _done("a", 25, 30), _done("b", 12, 30)]]
    assert _figures(stamps_of(done, ["a", "b"], 0, 40)) == [(10, 30, 0, 5), (12, 30, 0, 0)]


def test_a_worker_waits_for_the_last_task_of_a_phase_but_not_of_the_round() -> None:
    done = [[_done("a", 10, 20), _done("b", 10, 30)], [_done("a", 33, 50), _done("b", 34, 40)]]
    assert _figures(stamps_of(done, ["a", "b"], 0, 60)) == [(10, 50, 10, 3), (10, 40, 0, 4)]


def test_a_worker_without_a_task_in_a_phase_waits_for_those_that_have_some() -> None:
    done = [[_done("a", 0, 10), _done("b", 0, 10)], [_done("a", 15, 25)], [_done("a", 30, 40), _done("b", 30, 40)]]
    assert _figures(stamps_of(done, ["a", "b"], 0, 60))[1] == (0, 40, 10, 10)


def test_a_worker_that_got_nothing_has_a_stamp_without_work() -> None:
    stamps = stamps_of([[_done("b", 5, 9)]], ["a", "b"], 3, 12)
    assert [(stamp.cpu_ns, stamp.start_ns, stamp.end_ns) for stamp in stamps] == [(0, 3, 3), (4, 5, 9)]


def _task(kernel: str, implementation: str, scaling: str = "") -> Task:
    spec = kernels.load(kernel)
    params, impl = spec.sizes["XS"], spec.impl(implementation)
    assert impl is not None
    case = Case(kernel=kernel, implementation=implementation, executor="loky", workers=2, size="XS", scaling=scaling)
    layout = kernels.buffer_layout(spec, params)
    segment = Segment(case.copies * layout[0])
    memory, places = segment.map(), [targets.shifted(layout, copy, case.copies) for copy in range(case.copies)]
    buffers = [targets.views(memory, place) for place in places]
    for own in buffers:
        spec.make_inputs(params, own)
    return Task(
        case=case,
        spec=spec,
        params=params,
        target=kernels.target(kernel, impl),
        layout=layout,
        segment=segment,
        segment_key="k",
        buffers=buffers[0],
        others=tuple(buffers[1:]),
    )


class Here(TaskSession):
    """Does every task in this process, in turn as one of two workers."""

    def __init__(self, task: Task) -> None:
        self.names: Iterator[str] = itertools.cycle(("w0", "w1"))
        spec = task.spec
        inputs = [buffer.name for buffer in spec.layout(task.params) if buffer.role == "input"]
        self.there, self.inputs = frozenset(inputs), {name: bytes(task.buffers[name]) for name in inputs}
        self.holds: list[float] = []
        super().__init__(task, 7, [pickle.dumps((job_of(task, private=True), None))])

    def submit_warm(self, hold_s: float) -> list[Any]:
        self.holds.append(hold_s)
        return [_task_worker.make_ready(*self.jobs[0], self.inputs, 0.0, next(self.names))]

    def run_phase(self, phase: int, work: Sequence[tuple[int, Chunk]]) -> list[Any]:
        packed = [pack(self.copies[copy], phase, chunk, self.there) for copy, chunk in work]
        return [_task_worker.run(*self.jobs[0], self.inputs, phase, [entry], next(self.names)) for entry in packed]

    def close(self) -> None:
        _task_worker.forget([self.jobs[0][0]])


@pytest.mark.parametrize("scaling", ["", "weak"])
@pytest.mark.parametrize("kernel", ["mandelbrot", "nbody", "triad", "crc32", "montecarlo_pi", "jacobi2d"])
def test_data_that_travels_with_the_tasks_gives_the_exact_answer_in_every_copy(kernel: str, scaling: str) -> None:
    task = _task(kernel, "py_loop", scaling)
    session = Here(task)
    for copy in task.copies:
        kernels.poison(copy.spec, copy.params, copy.buffers)
        copy.spec.reset(copy.params, copy.buffers)
    measured = session.run_round(1)
    assert len(session.results) == task.case.copies
    for copy, result in zip(task.copies, session.results, strict=True):
        assert kernels.verify(copy.spec, "XS", copy.buffers, result) is None
    assert len(measured.stamps) == 2
    session.close()


def test_tasks_that_make_workers_ready_stay_longer_until_every_worker_had_one() -> None:
    session = Here(_task("mandelbrot", "py_loop"))
    assert session.workers == ["w0", "w1"]
    assert session.holds == [0.02, 0.1]
    assert session.one_time_ns["start"] == 7
    session.close()


def test_a_lead_in_does_only_some_chunks_of_each_worker() -> None:
    session = Here(_task("mandelbrot", "py_loop"))
    session.run_round(1, limit=1)
    assert session.result < 0.9 * _whole()
    session.close()


def _whole() -> int:
    session = Here(_task("mandelbrot", "py_loop"))
    session.run_round(1)
    session.close()
    return int(session.result)


def test_a_task_that_raises_keeps_its_traceback() -> None:
    task = _task("mandelbrot", "py_loop")
    session = Here(task)
    session.inputs = {"no_such_buffer": b""}
    session.close()
    with pytest.raises(WorkerRaisedError, match="no_such_buffer") as caught:
        session.run_round(1)
    assert "Traceback" in caught.value.detail


def test_a_worker_forgets_the_jobs_it_has_not_used_for_longest() -> None:
    sessions = [Here(_task("mandelbrot", "py_loop")) for _ in range(12)]
    kept = [session.jobs[0][0] in _task_worker._bound for session in sessions]
    assert kept == [False] * 4 + [True] * 8
    for session in sessions:
        session.close()
    assert not _task_worker._bound


def test_bound_workers_run_where_they_were_told_and_the_parent_stays_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot bind threads to CPUs")
    (tmp_path / "where_module.py").write_text(
        "import os\ndef where(phase, lo, hi, params, buffers):\n    return sorted(os.sched_getaffinity(0))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    allowed = sorted(os.sched_getaffinity(0))
    task = _task("mandelbrot", "py_loop")
    spec = replace(task.spec, combine=lambda params, partials: partials)
    places = [{"cpu": cpu, "node": None, "siblings": []} for cpu in reversed(allowed)]
    for name, workers in (("threads", 2), ("serial", 1)):
        case = replace(task.case, executor=name, workers=workers, chunks_per_worker=1)
        pool = module_of(name).open_pool(workers, 2)
        session = pool.bind(replace(task, case=case, spec=spec, target="where_module:where", places=places))
        session.run_round(1)
        assert session.result == [[places[index % len(places)]["cpu"]] for index in range(workers)]
        assert [place["cpu"] for place in session.placed] == [cpus[0] for cpus in session.result]
        session.close()
        pool.close()
    assert sorted(os.sched_getaffinity(0)) == allowed
