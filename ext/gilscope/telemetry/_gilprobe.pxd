"""What the GIL probe is made of, in C: the headers, and what ``_gilprobe.pyx`` uses of them."""

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint64_t, uintptr_t

cdef extern from "Python.h":
    str PyUnicode_FromKindAndData(int kind, const void *data, Py_ssize_t length)

# In this order: each includes those before it. Cython copies the headers it sees here to where it builds.
cdef extern from "_giltarget.h":
    int gs_refused(int64_t pid, uintptr_t address)
    int gs_allow()

cdef extern from "_gilwaiters.h":
    enum:
        GS_BY_LIBC
        GS_BY_STATES
    ctypedef struct gs_waits:
        int by
        int refs_at
    const char *gs_libc_version()
    int gs_refs_of(const char *version)
    int gs_refs_counted(int refs_at) nogil

cdef extern from "_gillayout.h":
    ctypedef struct gs_layout:
        int known
    enum:
        GS_REASON_SIZE

cdef extern from "_gilstate.h" nogil:
    ctypedef struct gs_gil:
        gs_waits waits
        gs_layout layout
    ctypedef struct gs_look:
        int locked
        uintptr_t holder
        unsigned long switch_number
        int waiting
    enum:
        GS_HAVE_PROBE
    int gs_locate(gs_gil *gil, size_t skew, char *reason)
    int gs_locate_in(gs_gil *gil, int64_t pid, uintptr_t runtime, uintptr_t code_type, int refs_at, char *reason)
    int gs_gil_on(const gs_gil *gil)

cdef extern from "duty.h":
    ctypedef struct gs_duty_result:
        int64_t held_ns
        int64_t wall_ns
        int64_t cycles
    gs_duty_result gs_duty(int64_t hold_ns, int64_t release_ns, int64_t total_ns)

cdef extern from "_gilcodes.h":
    ctypedef struct gs_text:
        int kind
        int length
        void *at
    ctypedef struct gs_code:
        gs_text file
        gs_text name
    ctypedef struct gs_codes:
        gs_code **at

cdef extern from "_gilframes.h":
    ctypedef struct gs_line:
        int code
        int line
    ctypedef struct gs_stack:
        gs_line *at
        int depth

cdef extern from "_gilstacks.h":
    enum:
        GS_STACKS
        GS_STACK_STATES
    ctypedef struct gs_stack_sum:
        int64_t native_id
        int state
        int depth
        gs_line *frames
        double ns
        double blame_ns
        uint64_t samples
    ctypedef struct gs_stacks:
        gs_codes codes

cdef extern from "_gilwatch.h":
    pass

cdef extern from "_gilstats.h":
    enum:
        GS_THREADS
        GS_HOLD_BINS
    ctypedef struct gs_thread:
        int64_t native_id
        uint64_t samples
        double held_ns
        double overdue_ns
        int64_t first_ns
        int64_t last_ns
    ctypedef struct gs_bin:
        double wall_ns
        double held_ns
        double waiting_ns
        uint64_t switches
        uint64_t samples
    ctypedef struct gs_hold_bin:
        uint64_t count
        double ns
    ctypedef struct gs_stats:
        int64_t began_ns
        int64_t last_ns
        uint64_t samples
        uint64_t late
        uint64_t unattributed
        double wall_ns
        double squares
        double held_ns
        double held_differences
        double waiting_ns
        double waiting_differences
        double waiting_squares
        double contended_ns
        double running_ns
        double overdue_ns
        double lateness_ns
        uint64_t first_switch
        uint64_t last_switch
        int64_t cpu_ns
        double rate_hz
        double busy
        int realtime
        unsigned long switch_interval_us
        int64_t bin_ns
        int bins
        int threads
        gs_bin *timeline
        gs_thread *table
        gs_hold_bin *holds
    ctypedef struct gs_span:
        int64_t native_id
        int64_t start_ns
        int64_t end_ns
    ctypedef struct gs_spans:
        gs_span *at
        int count
        uint64_t dropped
    ctypedef struct gs_tally:
        gs_spans spans
        gs_stacks *stacks

cdef extern from "_gilsampler.h":
    ctypedef struct gs_options:
        double rate_hz
        int adaptive
        double min_hz
        double max_hz
        double settled_hz
        double budget
        double machine_budget
        double wake_cost_ns
        double cpus
        double target
        int identify
        int keep
        int realtime
        int lines
        int waits

cdef extern from "_gilcheck.h":
    pass

cdef extern from "_giltrace.h":
    ctypedef struct gs_trace_stats:
        uint64_t looks
        int64_t began_ns
        int64_t ended_ns
        int64_t longest_gap_ns
        int64_t blind_ns

# Each of these is in a header above or, where there is no probe, in this one.
cdef extern from "_gilabsent.h":
    ctypedef struct gs_sampler:
        int running
        int gone
        gs_tally tally
    ctypedef struct gs_tracer:
        gs_spans spans
        gs_trace_stats stats
    gs_tracer *gs_tracer_new(const gs_gil *gil, int identify, int capacity)
    int gs_tracer_start(gs_tracer *t)
    void gs_tracer_stop(gs_tracer *t) nogil
    void gs_tracer_free(gs_tracer *t) nogil
    gs_sampler *gs_new(const gs_gil *gil, const gs_options *options, uint64_t seed)
    int gs_start(gs_sampler *s) nogil
    void gs_begin(gs_sampler *s)
    void gs_end(gs_sampler *s)
    void gs_stop(gs_sampler *s) nogil
    void gs_free(gs_sampler *s) nogil
    void gs_copy(gs_sampler *s, gs_stats *out)
    int gs_copy_stacks(gs_sampler *s, gs_stack_sum *sums, uint64_t *wanted, uint64_t *dropped)
    gs_stacks *gs_own_stack(const gs_gil *gil, gs_stack *stack)
    void gs_stacks_free(gs_stacks *s)
    int gs_sleeps_known(const gs_gil *gil, int64_t native_id)
    int gs_check_hold(const gs_gil *gil, char *reason)
    int gs_check_waiters(const gs_gil *gil, int *asked, char *reason)
    int gs_check_identity(const gs_gil *gil, char *reason)
    void gs_look_at(const gs_gil *gil, gs_look *look)
    int64_t gs_replay(gs_sampler *s, int64_t slot, int64_t width, int64_t now, int locked, int waiting)

cdef extern from "_gilmodules.h":
    int gs_declares_no_gil(PyObject *module)
    int gs_can_name_modules()
