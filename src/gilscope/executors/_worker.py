"""What a worker does, be it thread, process or sub-interpreter. Standard library only: workers start fast.

A worker answers each command ``(operation, *arguments)`` of its channel by ``("ok", value)``, ``("raised", one line,
traceback)`` or, if another worker failed while it waited, ``("broken", "", "")``.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict

from gilscope.core import clocks, pages, targets
from gilscope.core.errors import BrokenBarrierError, GilscopeError, one_line


class Channel(Protocol):
    """How commands and answers travel."""

    def receive(self) -> tuple[Any, ...]:
        """Block until the next command."""

    def send(self, answer: tuple[Any, ...]) -> None:
        """Hand an answer to the parent."""

    def adopt(self, key: str, nbytes: int) -> None:
        """Take over the segment that was sent after the command that named it."""

    def memory(self, key: str) -> Any:
        """Return the mapped memory of a segment taken over before."""

    def barrier(self, slot: int, parties: int, index: int, spin_ns: int) -> Any:
        """Return this worker's view of barrier number ``slot``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one worker needs to know of a case; picklable and small."""

    target: str  # ``module:function`` of a chunked implementation
    definition: Mapping[str, str] | None = None  # what it makes a user's function from, if it does
    params: dict[str, int]
    layout: targets.Layout
    segment: str  # key of the shared memory that holds the buffers
    phases: int
    chunks: tuple[tuple[int, int, int], ...]  # (number, lo, hi): this worker's own, the same in each phase
    index: int  # which of how many workers this is
    parties: int
    barrier_slot: int  # where they meet
    spin_ns: int  # how long they spin before they block
    alone: bool = False  # whether it meets the others only at the start: its work is independent of theirs
    dynamic: bool = False  # whether chunks are those of all workers, and each takes the next one when it is done
    cpu: int | None = None
    start: int | None = None  # CPU on which it begins a round
    private: bool = False  # whether the buffers are the worker's own and data travels with each phase (``pickle``)
    # Of the control ``isolated``: it works on a private copy of these (buffer, first item, one past the last).
    copies: tuple[tuple[str, int, int], ...] | None = None


@dataclass(slots=True, kw_only=True)
class Bound:
    """A job made ready: function resolved, buffers mapped, barrier opened."""

    job: Job
    function: Callable[..., Any]
    buffers: dict[str, memoryview]
    barrier: Any
    import_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """One worker's part of a round; times in ns, ``partials`` as (phase, chunk number, partial) of the last repeat.

    ``net_ns`` is its virtual time at the end (see ``Round.net_ns``), counted from the last arrival at the start.
    """

    start_ns: int
    end_ns: int
    waiting_ns: int
    waking_ns: int
    cpu_ns: int
    run_queue_ns: int | None
    partials: tuple[tuple[int, int, Any], ...]
    gathering_ns: int = 0
    net_ns: int | None = None
    stolen_ns: int | None = None
    minor_faults: int | None = None
    switches: int | None = None
    system_ns: int | None = None
    cpu: int | None = None


def bind(job: Job, channel: Channel) -> Bound:
    """Make a job ready in the calling worker."""
    if job.cpu is not None:
        os.sched_setaffinity(0, {job.cpu})  # of this thread, not of its process
    before = clocks.wall_ns()
    function = targets.resolve(job.target, job.definition)
    import_ns = clocks.wall_ns() - before
    memory = bytearray(job.layout[0]) if job.private else channel.memory(job.segment)
    if job.copies is not None:
        memory = copy_of(memory, job)
    barrier = None
    if job.parties > 1 and not job.private:
        barrier = channel.barrier(job.barrier_slot, job.parties, job.index, job.spin_ns)
    buffers = targets.views(memory, job.layout)
    return Bound(job=job, function=function, buffers=buffers, barrier=barrier, import_ns=import_ns)


def copy_of(memory: Any, job: Job) -> Any:
    """Return private memory with the job's slices copied in; untouched pages take no memory."""
    private = pages.private(job.layout[0])
    shared, own = targets.views(memory, job.layout), targets.views(private, job.layout)
    for name, first, last in job.copies or ():
        own[name][first:last] = shared[name][first:last]
    return private


def warm_up(bound: Bound) -> tuple[int, str, str, bool]:
    """Call the function on one item, so that JIT compilers compile; return (ns, jit cache state, instruction set, GIL).

    The ns are for compiling, or for loading from the compiler's cache; 0 for functions not compiled at run time. The
    last item is whether this worker has a GIL after all imports.
    """
    job = bound.job
    _, lo, hi = job.chunks[0] if job.chunks else (0, 0, 0)
    before = clocks.wall_ns()
    if lo < hi:
        bound.function(0, lo, lo + 1, job.params, bound.buffers)
    spent_ns = clocks.wall_ns() - before
    cache = targets.jit_cache_of(bound.function)
    gil = bool(getattr(sys, "_is_gil_enabled", lambda: True)())
    return (spent_ns if cache != "none" else 0), cache, targets.isa_of(job.target), gil


def _chunks(job: Job, limit: int | None) -> Sequence[tuple[int, int, int]]:
    return job.chunks if limit is None else job.chunks[: limit * job.parties if job.dynamic else limit]


def prepare(bound: Bound, repeats: int, limit: int | None) -> None:
    """Let the function make what its calls in a round need, before any clock of the round is read; twice is once."""
    if make := getattr(bound.function, "prepare", None):
        make(repeats * bound.job.phases * sum(hi - lo for _, lo, hi in _chunks(bound.job, limit)))


def perform(bound: Bound, repeats: int, limit: int | None = None) -> WorkerReport:
    """Do this worker's part of a round: all repeats and phases, meeting the others at the barrier after each phase.

    ``limit`` is how many chunks of each phase to do, for lead-ins of kernels too long to run once more. There is a
    barrier after every repeat too: without it workers with more work in one repeat would catch up in another, and the
    imbalance of a single execution would not show.
    """
    job, function, params, buffers = bound.job, bound.function, bound.job.params, bound.buffers
    wait = bound.barrier.wait if bound.barrier is not None and not job.alone else None
    chunks = _chunks(job, limit)
    phases, inner_barriers = job.phases, repeats * job.phases - 1
    partials: list[tuple[int, int, Any]] = []
    done = 0
    prepare(bound, repeats, limit)
    if bound.barrier is not None and job.start is not None:
        bound.barrier.wait()  # whoever comes last wakes the others, and perhaps on its own CPU: only then do they part
        _begin_on(job.start)
    before, queued_ns = clocks.thread_usage(), clocks.run_queue_ns()
    arrived_ns = clocks.wall_ns()
    start_ns = bound.barrier.start() if bound.barrier is not None else arrived_ns
    cpu_ns = clocks.thread_cpu_ns()
    for _ in range(repeats):
        partials = []
        for phase in range(phases):
            for number, lo, hi in _taken(bound, chunks, done) if job.dynamic else chunks:
                partials.append((phase, number, function(phase, lo, hi, params, buffers)))
            done += 1
            if wait is not None and inner_barriers > 0:
                inner_barriers -= 1
                wait()
    end_ns = clocks.wall_ns()
    cpu_ns = clocks.thread_cpu_ns() - cpu_ns
    barrier = bound.barrier
    met = barrier.finish(end_ns) if barrier is not None else None
    queued_ns = _less(clocks.run_queue_ns(), queued_ns)
    usage = _used(before, end_ns - start_ns, cpu_ns, queued_ns)
    if barrier is not None:
        usage["net_ns"], usage["stolen_ns"] = met or (None, None)
    return WorkerReport(
        start_ns=start_ns,
        end_ns=end_ns,
        waiting_ns=barrier.waiting_ns if barrier is not None else 0,
        waking_ns=barrier.waking_ns if barrier is not None else 0,
        cpu_ns=max(0, cpu_ns - (barrier.spun_ns if barrier is not None else 0)),
        run_queue_ns=queued_ns,
        partials=tuple(entry for entry in partials if entry[2] is not None),
        gathering_ns=max(0, start_ns - arrived_ns),
        cpu=clocks.cpu_number(),
        **usage,
    )


def _begin_on(cpu: int) -> None:
    """Move to a CPU, and be free to leave it.

    A scheduler that wakes two workers on one CPU leaves them there for milliseconds, however idle the others are.
    """
    allowed = os.sched_getaffinity(0)
    if cpu in allowed:
        os.sched_setaffinity(0, {cpu})
        os.sched_setaffinity(0, allowed)


class Used(TypedDict):
    """What workers used; None where one did not know."""

    stolen_ns: int | None
    minor_faults: int | None
    switches: int | None
    system_ns: int | None


class _NetUsed(Used):
    net_ns: int | None


def _used(before: clocks.Usage | None, wall_ns: int, cpu_ns: int, queued_ns: int | None) -> _NetUsed:
    """Return what the calling thread used in a stretch without barriers, and its length without what others took."""
    after = clocks.thread_usage()
    if before is None or after is None:
        return {"net_ns": None, "stolen_ns": None, "minor_faults": None, "switches": None, "system_ns": None}
    net = stolen = None
    if queued_ns is not None:
        stolen = max(0, wall_ns - cpu_ns - queued_ns) if after.switches == before.switches else 0
        net = max(0, wall_ns - queued_ns - stolen)
    return {
        "net_ns": net,
        "stolen_ns": stolen,
        "minor_faults": after.minor_faults - before.minor_faults,
        "switches": after.switches - before.switches,
        "system_ns": after.system_ns - before.system_ns,
    }


def _less(value: int | None, before: int | None) -> int | None:
    return None if value is None or before is None else value - before


def _taken(bound: Bound, chunks: Sequence[tuple[int, int, int]], done: int) -> Iterator[tuple[int, int, int]]:
    """Yield chunks that no other worker took; ``done`` phases of the round are over.

    The counter starts at zero with the round. In each phase every chunk has a ticket and every worker draws one blank,
    which ends its phase; the barrier keeps phases apart, so the tickets of a phase begin at a known number.
    """
    first = done * (len(chunks) + bound.job.parties)
    while (number := bound.barrier.take() - first) < len(chunks):
        yield chunks[number]


def perform_private(
    bound: Bound, phase: int, work: Sequence[tuple[tuple[int, int, int], list[Any], list[Any]]]
) -> tuple[WorkerReport, list[tuple[str, int, bytes]]]:
    """Do chunks of one phase on private buffers: copy in what was sent, compute, return what was written.

    ``work`` is ((number, lo, hi), reads, writes) per chunk, with reads (buffer, first item, bytes) and writes (buffer,
    first item, one past the last).
    """
    before, queued_ns = clocks.thread_usage(), clocks.run_queue_ns()
    start_ns, cpu_ns = clocks.wall_ns(), clocks.thread_cpu_ns()
    partials, written = [], []
    for (number, lo, hi), reads, writes in work:
        for name, first, data in reads:
            view = bound.buffers[name]
            items = memoryview(data).cast(view.format)  # type: ignore[call-overload]
            view[first : first + len(items)] = items
        partial = bound.function(phase, lo, hi, bound.job.params, bound.buffers)
        if partial is not None:
            partials.append((phase, number, partial))
        written += [(name, first, bytes(bound.buffers[name][first:last])) for name, first, last in writes]
    end_ns, cpu_ns = clocks.wall_ns(), clocks.thread_cpu_ns() - cpu_ns
    queued_ns = _less(clocks.run_queue_ns(), queued_ns)
    report = WorkerReport(
        start_ns=start_ns,
        end_ns=end_ns,
        waiting_ns=0,
        waking_ns=0,
        cpu_ns=cpu_ns,
        run_queue_ns=queued_ns,
        partials=tuple(partials),
        cpu=clocks.cpu_number(),
        **_used(before, end_ns - start_ns, cpu_ns, queued_ns),
    )
    return report, written


def described(error: BaseException) -> str:
    """Say in one line what was raised; our own errors are sentences already."""
    return f": {error}" if isinstance(error, GilscopeError) else f" raised {one_line(error)}"


def serve(channel: Channel) -> None:
    """Answer commands until asked to stop or until the parent is gone.

    Commands: ``segment key nbytes`` (no answer), ``bind token job``, ``warm token``, ``round token repeats limit``,
    ``private token phase work``, ``unbind token``, ``stop``.
    """
    bound: dict[int, Bound] = {}
    while True:
        operation = ""
        try:
            operation, *arguments = channel.receive()
            if operation == "stop":
                return
            value: Any = None
            if operation == "segment":
                channel.adopt(*arguments)
                continue
            if operation == "bind":
                token, job = arguments
                bound[token] = bind(job, channel)
                value = bound[token].import_ns
            elif operation == "warm":
                value = warm_up(bound[arguments[0]])
            elif operation == "round":
                token, repeats, limit = arguments
                value = perform(bound[token], repeats, limit)
            elif operation == "private":
                token, phase, work = arguments
                value = perform_private(bound[token], phase, work)
            elif operation == "unbind":
                bound.pop(arguments[0], None)
            answer: tuple[Any, ...] = ("ok", value)
        except BrokenBarrierError:
            answer = ("broken", "", "")
        except BaseException as error:  # noqa: BLE001 - kernels and unpickling may raise anything
            if not operation and isinstance(error, (EOFError, OSError)):
                return
            answer = ("raised", described(error), traceback.format_exc())
            if operation == "round" and (barrier := bound[arguments[0]].barrier) is not None:
                barrier.abort()  # before answering: the parent waits for all
        try:
            channel.send(answer)
        except (EOFError, OSError):  # the parent is gone
            return
