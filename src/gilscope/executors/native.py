"""The implementation's own threads (OpenMP, Numba, BLAS): one call does everything."""

import os

from gilscope.core import clocks, targets
from gilscope.core.records import Round, Stamp
from gilscope.core.spec import Availability, Impl
from gilscope.executors import NoPool, Session
from gilscope.executors._rounds import Task, outside, since


def availability(impl: Impl, start_method: str = "") -> Availability:
    """Only implementations with threads of their own run here."""
    if impl.gil == "own_threads":
        return Availability(ok=True)
    return Availability(ok=False, reason="it has no threads of its own", cure="use --executors threads or processes")


class NativeSession(Session):
    """A case that runs on threads of its own."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._task = task
        self.placed = task.placed
        if self.placed:  # before the runtime starts its threads, which inherit it
            os.sched_setaffinity(0, {place["cpu"] for place in self.placed})
        before = clocks.wall_ns()
        self._function = targets.resolve(task.target, task.definition)
        import_ns = clocks.wall_ns() - before
        self._buffers = targets.views(task.segment.map(), task.layout)
        first_ns = self.run_round(1).wall_ns
        self.jit_cache = targets.jit_cache_of(self._function)
        # The first call compiles, or loads what was compiled: what it took beyond a second call.
        jit_ns = max(0, first_ns - self.run_round(1).wall_ns) if self.jit_cache != "none" else 0
        self.isa = targets.isa_of(self._task.target)
        self.one_time_ns = {"import": import_ns, "jit": jit_ns}

    def run_round(self, repeats: int, limit: int | None = None) -> Round:
        """Run the kernel ``repeats`` times. ``limit`` is ignored: a call cannot be cut.

        The single stamp has the CPU time and the run-queue delay of the whole process. Its threads may spin on for a
        tenth of a second; the supervisor stops the process until the next round.
        """
        function, params, buffers = self._function, dict(self._task.params), self._buffers
        workers, before, queued_ns = self._task.case.workers, outside(), clocks.tasks_run_queue_ns()
        usage = clocks.process_usage()
        cpu_ns, start_ns = clocks.process_cpu_ns(), clocks.wall_ns()
        for _ in range(repeats):
            self.result = function(workers, params, buffers)
        end_ns = clocks.wall_ns()
        cpu_ns = clocks.process_cpu_ns() - cpu_ns
        taken, usage_end = since(before), clocks.process_usage()
        queue_end_ns = clocks.tasks_run_queue_ns()
        stamp = Stamp(
            submit_ns=start_ns,
            start_ns=start_ns,
            end_ns=end_ns,
            cpu_ns=cpu_ns,
            run_queue_ns=None if queued_ns is None or queue_end_ns is None else max(0, queue_end_ns - queued_ns),
            received_ns=end_ns,
        )
        spent = [b - a for a, b in zip(usage, usage_end, strict=True)] if usage and usage_end else [None, None]
        return Round(
            repeats=repeats,
            start_ns=start_ns,
            end_ns=end_ns,
            stamps=(stamp,),
            minor_faults=spent[0],
            system_ns=spent[1],
            switches=spent[2],
            **taken,
        )


def open_pool(max_workers: int, cpus: int, start_method: str = "") -> NoPool:
    """Return the pool without workers of ours: the runtime behind the implementation has its own."""
    return NoPool(NativeSession)
