"""One chunk after the other in the runner's main thread: what T(1) is measured with."""

from types import SimpleNamespace
from typing import Any

from gilscope.core import clocks
from gilscope.core.records import Round
from gilscope.executors import NoPool, Session, bound_to
from gilscope.executors._rounds import Task, combine, job_of, net_of, outside, since, stamp, used
from gilscope.executors._worker import bind, perform, prepare, warm_up


class SerialSession(Session):
    """A case in the calling thread."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._task = task
        self.placed = task.placed
        memory = task.segment.map()
        channel: Any = SimpleNamespace(memory=lambda key: memory)  # all that a single worker needs
        self._bound = bind(job_of(task, chunks=task.case.chunks), channel)
        jit_ns, self.jit_cache, self.isa, self.gil_enabled = warm_up(self._bound)
        self.one_time_ns = {"import": self._bound.import_ns, "jit": jit_ns}

    def run_round(self, repeats: int, limit: int | None = None) -> Round:
        prepare(self._bound, repeats, limit)
        before, submitted = outside(), clocks.wall_ns()
        with bound_to([place["cpu"] for place in self.placed]):
            report = perform(self._bound, repeats, limit)
        self.result, combine_ns = combine(self._task, [report], repeats)
        return Round(
            repeats=repeats,
            start_ns=report.start_ns,
            end_ns=report.end_ns + combine_ns,
            combine_ns=combine_ns,
            stamps=(stamp(report, submitted, report.end_ns),),
            net_ns=net_of([report], combine_ns),
            **used([report]),
            **since(before),
        )


def open_pool(max_workers: int, cpus: int, start_method: str = "") -> NoPool:
    """Return the pool without workers."""
    return NoPool(SerialSession)
