# cython: language_level=3, freethreading_compatible=True, subinterpreters_compatible=no
"""The GIL probe: a native thread that looks at the interpreter's lock and never takes it (``_gilsampler.h``).

This module only carries numbers across; what they mean is in ``gilscope.telemetry.reading``.
"""

import sys

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

NO_GIL = "no GIL: this interpreter runs threads in parallel"


cdef int _locate(gs_gil *gil, str by="", tuple target=None) except -1:
    cdef char reason[GS_REASON_SIZE]
    if target is None:
        found = gs_locate(gil, 0, reason)
    else:
        found = gs_locate_in(gil, target[0], target[1], target[2], target[3], reason)
    if not found:
        raise RuntimeError(reason.decode())
    if by:
        gil.waits.by &= {"libc": GS_BY_LIBC, "states": GS_BY_STATES}[by]
    return 0


def waiters_from():
    """Where the number of waiting threads is read: {"libc": version or "", "byte": of a condition variable or None,
    "states": whether thread states tell}."""
    cdef gs_gil gil
    _locate(&gil)
    return {"libc": gs_libc_version().decode(), "byte": gil.waits.refs_at if gil.waits.by & GS_BY_LIBC else None,
            "states": bool(gil.waits.by & GS_BY_STATES)}


def waiters_byte(str libc):
    """The byte of a condition variable where a glibc of that version counts waiters; None: not known."""
    cdef int at = gs_refs_of(libc.encode())
    return at if at >= 0 else None


def counts_waiters(int byte):
    """Whether that byte of a condition variable counts its waiters here, tried on one of our own."""
    if byte < 0 or byte > 44 or byte % 4:
        raise ValueError(f"byte {byte} is not a number in a condition variable")
    return bool(gs_refs_counted(byte))


def self_check(size_t skew=0, *, byte=None):
    """Hold the GIL, release it, have it wanted: does the sampler see all three?

    ``byte`` is for tests: believe that this byte of a condition variable counts waiters. Returns a reason for each of
    "held", "waiting", "threads" and "overdue"; an empty one means that this part can be trusted.
    """
    cdef gs_gil gil
    cdef int asked = 0
    cdef char reason[GS_REASON_SIZE]
    memset(reason, 0, GS_REASON_SIZE)
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        why = NO_GIL
    elif not gs_locate(&gil, skew, reason) or not gs_check_hold(&gil, reason):
        why = reason.decode()
    else:
        why = ""
    if not why and byte is not None:
        gil.waits.refs_at, gil.waits.by = byte, GS_BY_LIBC
    if why:
        return {"held": why, "waiting": why, "threads": why, "overdue": why}
    waiting = "" if gs_check_waiters(&gil, &asked, reason) else reason.decode()
    threads = "" if gs_check_identity(&gil, reason) else reason.decode()
    overdue = waiting
    if not waiting and not asked:  # from CPython 3.13 on the request is in what the holder's state says
        overdue = threads or "self-check failed: a thread asked for the GIL and the request was not seen within half a second"
    return {"held": "", "waiting": waiting, "threads": threads, "overdue": overdue}


def look(str by=""):
    """One look at the lock: {"locked", "holder", "switch_number", "waiting"}; for tests and for doctor."""
    cdef gs_gil gil
    cdef gs_look seen
    memset(&seen, 0, sizeof(seen))
    _locate(&gil, by)
    gs_look_at(&gil, &seen)
    return {"locked": bool(seen.locked), "holder": seen.holder, "switch_number": seen.switch_number,
            "waiting": seen.waiting}


def duty(double hold_s, double release_s, double total_s):
    """Hold the GIL for hold_s, release it for release_s, over and over, for about total_s.

    Returns (held_ns, wall_ns, cycles), measured on the thread's own clock. With release_s 0 it never lets go.
    """
    if hold_s < 0 or release_s < 0 or total_s <= 0 or hold_s + release_s <= 0:
        raise ValueError(f"duty({hold_s}, {release_s}, {total_s}): times must be above zero")
    # GIL: released and taken again inside
    cdef gs_duty_result result = gs_duty(<int64_t>(hold_s * 1e9), <int64_t>(release_s * 1e9), <int64_t>(total_s * 1e9))
    return result.held_ns, result.wall_ns, result.cycles


cdef str _text(const gs_text *text):
    return PyUnicode_FromKindAndData(text.kind, text.at, text.length)


cdef tuple _frames_of(const gs_stacks *stacks, const gs_line *frames, int depth, dict codes):
    """The frames as (file, function, line), innermost first; line 0: none."""
    cdef int i
    cdef gs_code *code
    found = []
    for i in range(depth):
        if frames[i].code not in codes:
            code = stacks.codes.at[frames[i].code]
            codes[frames[i].code] = (_text(&code.file), _text(&code.name))
        found.append((*codes[frames[i].code], frames[i].line))
    return tuple(found)


def own_stack():
    """The calling thread's stack as the probe reads it, as (file, function, line), innermost first; None if it cannot."""
    cdef gs_gil gil
    cdef gs_stack stack
    _locate(&gil)
    cdef gs_stacks *stacks = gs_own_stack(&gil, &stack)
    if stacks == NULL:
        return None
    try:
        return _frames_of(stacks, stack.at, stack.depth, {})
    finally:
        gs_stacks_free(stacks)


def locate_in(int64_t pid, uintptr_t runtime, uintptr_t code_type, int refs_at, int64_t native_id):
    """What can be measured of another process: {"gil", "waiting", "states", "sleeps"}, each a truth value.

    ``refs_at``: byte of a condition variable of its libc that counts waiters, or -1; ``native_id``: one of its threads.
    RuntimeError if it is not what it seems.
    """
    cdef gs_gil gil
    _locate(&gil, "", (pid, runtime, code_type, refs_at))
    return {"gil": bool(gs_gil_on(&gil)), "waiting": gil.waits.by != 0, "states": bool(gil.waits.by & GS_BY_STATES),
            "sleeps": bool(gs_sleeps_known(&gil, native_id))}


def refused(int64_t pid, uintptr_t address):
    """0 if the system lets this process read that byte of another one, or an errno."""
    return gs_refused(pid, address)


def allow_attach():
    """Let other processes of the same user read this one; 0 or an errno."""
    return gs_allow()


def sleeps_known(int64_t native_id):
    """Whether the system says what threads of this process sleep on."""
    cdef gs_gil gil
    _locate(&gil)
    return bool(gs_sleeps_known(&gil, native_id))


def undeclared_modules(modules):
    """Names of loaded extension modules that do not declare support for running without the GIL; None: not knowable."""
    if not gs_can_name_modules():
        return None
    return [name for name, module in modules.items() if gs_declares_no_gil(<PyObject *>module) == 0]


cdef class Sampler:
    """The sampling thread, from start() to stop(); snapshot() at any time."""

    cdef gs_sampler *_sampler

    def __cinit__(self, *, double rate_hz, bint adaptive, double min_hz, double max_hz, double settled_hz,
                  double budget, double machine_budget, double wake_cost_s, double cpus, double target,
                  bint identify, uint64_t seed, int keep=0, str by="",
                  bint realtime=True, bint lines=False, bint waits=False, tuple process=None):
        cdef gs_gil gil
        cdef gs_options options
        _locate(&gil, by, process)
        options.rate_hz = rate_hz
        options.adaptive = adaptive
        options.min_hz = min_hz
        options.max_hz = max_hz
        options.settled_hz = settled_hz
        options.budget = budget
        options.machine_budget = machine_budget
        options.wake_cost_ns = wake_cost_s * 1e9
        options.cpus = cpus
        options.target = target
        options.identify = identify
        options.keep = keep
        options.realtime = realtime
        options.lines = lines
        options.waits = waits
        self._sampler = gs_new(&gil, &options, seed)
        if self._sampler == NULL:
            raise MemoryError("no memory for the GIL probe")

    def __dealloc__(self):
        gs_free(self._sampler)

    def start(self):
        """Start the thread; the window begins when this returns."""
        cdef int error
        with nogil:
            error = gs_start(self._sampler)
        if error:
            raise OSError(error, "the GIL probe's thread could not be started")
        gs_begin(self._sampler)

    def stop(self):
        """End the window, stop the thread and wait for it; a second call, or one in a forked child, does nothing."""
        gs_end(self._sampler)
        with nogil:
            gs_stop(self._sampler)

    def snapshot(self):
        """Everything summed up so far, as plain numbers."""
        cdef _Copy copy = _Copy()
        gs_copy(self._sampler, copy.stats)
        return copy.to_dict()

    @property
    def gone(self):
        """Whether the process that is watched has ended, or become another program."""
        return bool(self._sampler.gone)

    def stacks(self):
        """All stacks read so far: {"stacks": [(native id, state, frames, ns, blame_ns, samples)], "samples", "dropped"}.

        State 0 held the GIL, 1 waited for it, 2 for a lock. Frames are (file, function, line), innermost first, line 0:
        none; without any it is the sum of stacks that were too many. None unless ``lines`` was asked for.
        """
        cdef uint64_t wanted = 0, dropped = 0
        cdef int i, count
        cdef gs_stacks *stacks = self._sampler.tally.stacks
        if stacks == NULL:
            return None
        cdef gs_stack_sum *sums = <gs_stack_sum *>calloc(GS_STACKS + GS_STACK_STATES, sizeof(gs_stack_sum))
        if sums == NULL:
            raise MemoryError("no memory for the stacks of the GIL probe")
        try:
            count = gs_copy_stacks(self._sampler, sums, &wanted, &dropped)
            codes, rows = {}, []
            for i in [*range(count), *range(GS_STACKS, GS_STACKS + GS_STACK_STATES)]:
                if sums[i].samples:
                    rows.append((sums[i].native_id, sums[i].state,
                                 _frames_of(stacks, sums[i].frames, sums[i].depth, codes),
                                 sums[i].ns, sums[i].blame_ns, sums[i].samples))
            return {"stacks": rows, "samples": wanted, "dropped": dropped}
        finally:
            free(sums)

    def replay(self, looks, double width_s):
        """What looks would add up to, given as (seconds after the start, locked, waiting), one for each slot of
        ``width_s`` or late; for tests, instead of start()."""
        cdef int64_t slot = 0
        for at_s, locked, waiting in looks:
            slot = gs_replay(self._sampler, slot, <int64_t>(width_s * 1e9), <int64_t>(<double>at_s * 1e9), locked,
                             waiting)
        return self.snapshot()

    def spans(self):
        """The holds kept so far, as (native id or 0, start_ns, end_ns), and how many there was no room for.

        To be asked for after stop().
        """
        return _spans(&self._sampler.tally.spans)


cdef tuple _spans(const gs_spans *kept):
    cdef int i
    return [(kept.at[i].native_id, kept.at[i].start_ns, kept.at[i].end_ns) for i in range(kept.count)], kept.dropped


cdef class Tracer:
    """The polling thread, from start() to stop(); it keeps a CPU busy."""

    cdef gs_tracer *_tracer

    def __cinit__(self, *, int capacity, bint identify):
        cdef gs_gil gil
        _locate(&gil)
        self._tracer = gs_tracer_new(&gil, identify, capacity)
        if self._tracer == NULL:
            raise MemoryError("no memory for the GIL trace")

    def __dealloc__(self):
        gs_tracer_free(self._tracer)

    def start(self):
        """Start the thread."""
        cdef int error = gs_tracer_start(self._tracer)
        if error:
            raise OSError(error, "the GIL trace's thread could not be started")

    def stop(self):
        """Stop the thread and wait for it; a second call, or one in a forked child, does nothing."""
        with nogil:
            gs_tracer_stop(self._tracer)

    def spans(self):
        """The holds, as (native id or 0, start_ns, end_ns), and how many there was no room for; after stop()."""
        return _spans(&self._tracer.spans)

    def stats(self):
        """How exact it was; after stop()."""
        cdef gs_trace_stats *t = &self._tracer.stats
        return {"looks": t.looks, "began_ns": t.began_ns, "ended_ns": t.ended_ns,
                "longest_gap_ns": t.longest_gap_ns, "blind_ns": t.blind_ns}


cdef class _Copy:
    cdef gs_stats *stats

    def __cinit__(self):
        self.stats = <gs_stats *>calloc(1, sizeof(gs_stats))
        if self.stats == NULL:
            raise MemoryError("no memory for a snapshot of the GIL probe")

    def __dealloc__(self):
        free(self.stats)

    cdef dict to_dict(self):
        cdef gs_stats *t = self.stats
        cdef int i
        return {
            "began_ns": t.began_ns,
            "last_ns": t.last_ns,
            "samples": t.samples,
            "late": t.late,
            "unattributed": t.unattributed,
            "wall_ns": t.wall_ns,
            "squares": t.squares,
            "held_ns": t.held_ns,
            "held_differences": t.held_differences,
            "waiting_ns": t.waiting_ns,
            "waiting_differences": t.waiting_differences,
            "waiting_squares": t.waiting_squares,
            "contended_ns": t.contended_ns,
            "running_ns": t.running_ns,
            "overdue_ns": t.overdue_ns,
            "lateness_ns": t.lateness_ns,
            "switches": t.last_switch - t.first_switch,
            "cpu_ns": t.cpu_ns,
            "rate_hz": t.rate_hz,
            "busy": t.busy,
            "realtime": bool(t.realtime),
            "switch_interval_s": t.switch_interval_us * 1e-6,
            "bin_ns": t.bin_ns,
            "timeline": [
                (t.timeline[i].wall_ns, t.timeline[i].held_ns, t.timeline[i].waiting_ns, t.timeline[i].switches,
                 t.timeline[i].samples)
                for i in range(t.bins)
            ],
            "threads": [
                (t.table[i].native_id, t.table[i].samples, t.table[i].held_ns, t.table[i].overdue_ns)
                for i in range(t.threads)
            ],
            "other_threads": (t.table[GS_THREADS].samples, t.table[GS_THREADS].held_ns,
                              t.table[GS_THREADS].overdue_ns),
            "holds": [
                (i, t.holds[i].count, t.holds[i].ns) for i in range(GS_HOLD_BINS) if t.holds[i].count
            ],
        }
