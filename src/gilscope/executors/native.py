"""The implementation's own threads (OpenMP, Numba, BLAS): one call does everything."""

import os
import time

from gilscope.core import clocks, targets
from gilscope.core.records import Round, Stamp
from gilscope.core.spec import Availability, Impl
from gilscope.executors import NoPool, Session
from gilscope.executors._rounds import Task, outside, since

_SETTLE_STEP_S = 0.001
_SETTLE_LIMIT_S = 0.2  # OMP_WAIT_POLICY=active never stops
_QUIET_SHARE = 0.05  # of one CPU: our own loop costs about 2 %


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
        """Run the kernel ``repeats`` times, then wait until the runtime's threads stop spinning.

        ``limit`` is ignored: a call cannot be cut. The single stamp has the CPU time and the run-queue delay of the
        whole process, the latter read while its threads rest.
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
        settle()
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


def settle() -> None:
    """Wait until this process's CPU clock stops: threads of OpenMP and OpenBLAS spin for 5 to 30 ms after a region."""
    deadline = clocks.wall_ns() + int(_SETTLE_LIMIT_S * 1e9)
    while (now := clocks.wall_ns()) < deadline:
        cpu_ns = clocks.process_cpu_ns()
        time.sleep(_SETTLE_STEP_S)
        if clocks.process_cpu_ns() - cpu_ns < _QUIET_SHARE * (clocks.wall_ns() - now):
            return


def open_pool(max_workers: int, cpus: int, start_method: str = "") -> NoPool:
    """Return the pool without workers of ours: the runtime behind the implementation has its own."""
    return NoPool(NativeSession)
