/* Where CPython keeps the state of its GIL, and how to read it from a thread that never takes it.
 *
 * 3.11         _PyRuntime.ceval.gil, offset from the internal headers of the Python this is built for
 * 3.12         interp->ceval.gil, likewise
 * 3.13 and on  interp->ceval.gil, `locked` and `last_holder` from the table the interpreter itself publishes for
 *              debuggers at the start of _PyRuntime (debug_offsets); the rest of the struct from the headers
 *
 * A build for another version would read plausible zeros: nothing here is trusted before the self-check (_gilcheck.h).
 */
#ifndef GILSCOPE_GILSTATE_H
#define GILSCOPE_GILSTATE_H

#include "_gillayout.h"

/* Addresses inside the interpreter, none of them ever freed while the interpreter lives. */
typedef struct {
    gs_target target;           /* the process they are in */
    gs_layout layout;
    const char *runtime, *interp;
    int refs_at;                /* byte of a condition variable that counts waiters, in the libc of that process */
    const int *locked;
    const uintptr_t *holder;
    const unsigned long *switch_number;
    const unsigned long *interval_us;
    gs_waits waits;             /* how many threads want it */
    const int *drop_request;    /* asked to let go; NULL from 3.13 on, where it is a bit in the holder's thread state */
} gs_gil;

#if GS_HAVE_LAYOUT
static inline void gs_gil_at(gs_gil *gil, const char *base, size_t locked, size_t holder)
{
    gil->locked = (const int *)(base + locked);
    gil->holder = (const uintptr_t *)(base + holder);
    gil->switch_number = (const unsigned long *)(base + offsetof(struct _gil_runtime_state, switch_number));
    gil->interval_us = (const unsigned long *)(base + offsetof(struct _gil_runtime_state, interval));
    gil->waits.target = gil->target;
    gil->waits.waiting = base + offsetof(struct _gil_runtime_state, cond);
    gil->waits.handing_over = base + offsetof(struct _gil_runtime_state, switch_cond);
    gil->waits.refs_at = gil->refs_at;
    gil->waits.by = gil->refs_at != GS_REFS_UNKNOWN ? GS_BY_LIBC : 0;
}

#  if GS_HAVE_GIL_REQUESTED
static inline void gs_states_at(gs_waits *waits, const char *interp, const gs_layout *at)
{
    waits->interp = interp;
    waits->first = at->threads_head;
    waits->next = at->state_next;
    waits->owner = at->state_interp;
    waits->requested = at->state_requested;
    if (gs_states_requesting(waits) >= 0) /* the system may forbid to copy */
        waits->by |= GS_BY_STATES;
}
#  endif

#  if PY_VERSION_HEX < 0x030D0000
static inline int gs_lock_of(gs_gil *gil, const gs_table *table, size_t skew, char *reason)
{
    uintptr_t base = (uintptr_t)gil->runtime;
    (void)table;
#    if PY_VERSION_HEX < 0x030C0000
    base += offsetof(_PyRuntimeState, ceval.gil);
#    else
    if (!gs_load(&gil->target, (uintptr_t)gil->interp + offsetof(PyInterpreterState, ceval.gil), &base, sizeof base))
        base = 0;
#    endif
    if (base == 0)
        return gs_refuse(reason, "this interpreter has no GIL structure");
    gs_gil_at(gil, (const char *)base + skew, offsetof(struct _gil_runtime_state, locked),
              offsetof(struct _gil_runtime_state, last_holder));
    gil->drop_request = (const int *)(gil->interp + offsetof(PyInterpreterState, ceval.gil_drop_request) + skew);
    return 1;
}
#  else
static inline int gs_lock_of(gs_gil *gil, const gs_table *table, size_t skew, char *reason)
{
    size_t size = table->interpreter_state.size;
    size_t own = table->interpreter_state.gil_runtime_state;
    size_t locked = table->interpreter_state.gil_runtime_state_locked - own;
    size_t holder = table->interpreter_state.gil_runtime_state_holder - own;
    uintptr_t base = 0;
    if (own >= size || locked >= sizeof(struct _gil_runtime_state) || holder >= sizeof(struct _gil_runtime_state)
        || table->interpreter_state.ceval_gil > size - sizeof(void *))
        return gs_refuse(reason, "the offsets this interpreter publishes make no sense to gilscope");
    if (!gs_load(&gil->target, (uintptr_t)gil->interp + table->interpreter_state.ceval_gil, &base, sizeof base)
        || base == 0)
        return gs_refuse(reason, "this interpreter has no GIL structure");
    gs_gil_at(gil, (const char *)base + skew, locked, holder);
    return 1;
}
#  endif
#endif

/* GIL: held, of this process. Fills `gil`, or returns 0 with the reason. `skew` shifts all addresses: tests use it to
 * play a build for another version. */
static inline int gs_locate(gs_gil *gil, size_t skew, char *reason)
{
#if !GS_HAVE_PROBE
    (void)gil, (void)skew;
    return gs_refuse(reason, "the GIL probe needs POSIX threads and a GCC-compatible compiler");
#elif !GS_HAVE_LAYOUT
    (void)gil, (void)skew;
    return gs_refuse(reason, "gilscope was built without CPython's internal headers, so where the GIL is stays unknown");
#else
    gs_table table;
    memset(gil, 0, sizeof *gil);
    gil->runtime = (const char *)dlsym(RTLD_DEFAULT, "_PyRuntime");
    gil->interp = (const char *)PyInterpreterState_Get();
    gil->refs_at = gs_refs_at();
    if (gil->runtime == NULL)
        return gs_refuse(reason, "this interpreter does not export _PyRuntime (not CPython?)");
    if (!gs_table_of(&gil->target, (uintptr_t)gil->runtime, &table, reason) || !gs_lock_of(gil, &table, skew, reason))
        return 0;
    gs_layout_of(&gil->layout, &table, (uintptr_t)&PyCode_Type);
#  if GS_HAVE_GIL_REQUESTED
    gs_states_at(&gil->waits, gil->interp, &gil->layout);
#  endif
    return 1;
#endif
}

/* The same for another process of the same minor version, by the addresses of its _PyRuntime and PyCode_Type and the
 * byte of a condition variable that counts waiters in its libc. */
static inline int gs_locate_in(gs_gil *gil, int64_t pid, uintptr_t runtime, uintptr_t code_type, int refs_at, char *reason)
{
#if !GS_HAVE_PROBE || !GS_HAVE_LAYOUT || !defined(__linux__)
    (void)gil, (void)pid, (void)runtime, (void)code_type, (void)refs_at;
    return gs_refuse(reason, "measuring another process needs Linux and a gilscope built with CPython's internal headers");
#else
    gs_table table;
    memset(gil, 0, sizeof *gil);
    gil->target.pid = pid;
    gil->runtime = (const char *)runtime;
    gil->refs_at = refs_at;
    if (!gs_table_of(&gil->target, runtime, &table, reason))
        return 0;
    gs_layout_of(&gil->layout, &table, code_type);
    uintptr_t interp = gs_main_interp(&gil->target, runtime, &table), state = 0, owner = 0;
    if (interp == 0)
        return gs_refuse(reason, "its interpreter has not started yet, or is ending");
    gil->interp = (const char *)interp;
    if (!gs_lock_of(gil, &table, 0, reason))
        return 0;
    unsigned long interval = 0;
    int locked = 0;
    if (!gs_peek(&gil->target, interp + gil->layout.threads_head, &state, sizeof state)
        || !gs_peek(&gil->target, state + gil->layout.state_interp, &owner, sizeof owner)
        || !gs_peek(&gil->target, (uintptr_t)gil->interval_us, &interval, sizeof interval)
        || !gs_peek(&gil->target, (uintptr_t)gil->locked, &locked, sizeof locked)
        || owner != interp || interval == 0 || interval > 100000000UL || locked < -1 || locked > 1)
        return gs_refuse(reason, "its memory does not look as gilscope knows it from this version of CPython");
#  if GS_HAVE_GIL_REQUESTED
    gs_states_at(&gil->waits, gil->interp, &gil->layout);
#  endif
    return 1;
#endif
}

#if GS_HAVE_PROBE

/* Whether the process has a GIL now. */
static inline int gs_gil_on(const gs_gil *gil)
{
    int enabled = 1;
#  if GS_HAVE_LAYOUT && defined(Py_GIL_DISABLED)
    uintptr_t base = (uintptr_t)gil->interval_us - offsetof(struct _gil_runtime_state, interval);
    gs_peek(&gil->target, base + offsetof(struct _gil_runtime_state, enabled), &enabled, sizeof enabled);
#  else
    (void)gil;
#  endif
    return enabled != 0;
}

/* One look at the lock; `waiting` by gs_look_at only. */
typedef struct {
    int locked;
    uintptr_t holder;
    unsigned long switch_number;
    int waiting;
    int asked; /* the holder was asked to let go; up to 3.12 */
    int gone;  /* the process that is watched has ended, or become another program */
} gs_look;

/* All in one call; the waiting threads too, where the C library counts them. */
static inline void gs_look_afar(const gs_gil *gil, gs_look *look)
{
    const gs_waits *w = &gil->waits;
    gs_batch of;
    int locked = 0, asked = 0;
    uint32_t waiting = 0, handing_over = 0;
    gs_batch_clear(&of);
    gs_batch_add(&of, (uintptr_t)gil->switch_number, &look->switch_number, sizeof look->switch_number);
    gs_batch_add(&of, (uintptr_t)gil->holder, &look->holder, sizeof look->holder);
    gs_batch_add(&of, (uintptr_t)gil->locked, &locked, sizeof locked);
    if (gil->drop_request != NULL)
        gs_batch_add(&of, (uintptr_t)gil->drop_request, &asked, sizeof asked);
    if (w->by & GS_BY_LIBC) {
        gs_batch_add(&of, (uintptr_t)w->waiting + (size_t)w->refs_at, &waiting, sizeof waiting);
        gs_batch_add(&of, (uintptr_t)w->handing_over + (size_t)w->refs_at, &handing_over, sizeof handing_over);
    }
    look->gone = !gs_batch_fetch(&gil->target, &of);
    look->locked = locked > 0 && !look->gone;
    look->asked = asked != 0;
    look->waiting = (int)(handing_over >> 3) + (w->by & GS_BY_STATES ? 0 : (int)(waiting >> 3));
}

/* A look that does not ask thread states who waits. */
static inline void gs_look_once(const gs_gil *gil, gs_look *look)
{
    memset(look, 0, sizeof *look);
    if (gil->target.pid) {
        gs_look_afar(gil, look);
        return;
    }
    look->switch_number = __atomic_load_n(gil->switch_number, __ATOMIC_ACQUIRE);
    look->holder = __atomic_load_n(gil->holder, __ATOMIC_ACQUIRE);
    look->locked = __atomic_load_n(gil->locked, __ATOMIC_ACQUIRE) > 0;
    if (gil->drop_request != NULL)
        look->asked = __atomic_load_n(gil->drop_request, __ATOMIC_RELAXED) != 0;
    look->waiting = gs_waiters_counted(&gil->waits);
}

/* The fields are not written at once: look again until two looks agree on who holds it. */
static inline void gs_look_lock(const gs_gil *gil, gs_look *look)
{
    gs_look again;
    gs_look_once(gil, look);
    for (int tries = 0, same = 0; tries < 3 && !same && !gil->target.pid; tries++) {
        gs_look_once(gil, &again);
        same = again.holder == look->holder && again.switch_number == look->switch_number;
        *look = again;
    }
}

static inline void gs_look_at(const gs_gil *gil, gs_look *look)
{
    gs_look_lock(gil, look);
    if (gil->waits.by & GS_BY_STATES && !look->gone)
        look->waiting += gs_waiters_asking(&gil->waits);
}

static inline unsigned long gs_interval_us(const gs_gil *gil)
{
    unsigned long interval = 0;
    return gs_load(&gil->target, (uintptr_t)gil->interval_us, &interval, sizeof interval) ? interval : 0;
}

/* What only the holder's thread state knows. */
typedef struct {
    int64_t native_id;  /* 0: not known */
    int requested;      /* asked to let go */
} gs_holder;

/* The copy of its state, which may be freed meanwhile, counts only if nobody else took the lock. */
static inline gs_holder gs_holder_of(const gs_gil *gil, const gs_look *look, int identify)
{
    gs_holder found = {0, look->asked};
    if (!identify)
        return found;
#  if GS_HAVE_LAYOUT
    unsigned long native = 0;
    uintptr_t breaker = 0;
    gs_batch of;
    gs_batch_clear(&of);
    gs_batch_add(&of, look->holder + gil->layout.state_native, &native, sizeof native);
#    if PY_VERSION_HEX >= 0x030D0000
    gs_batch_add(&of, look->holder + offsetof(PyThreadState, eval_breaker), &breaker, sizeof breaker);
#    endif
    if (!gs_batch_fetch(&gil->target, &of))
        return found;
    gs_look after;
    gs_look_once(gil, &after);
    if (after.holder != look->holder)
        return found;
    found.native_id = (int64_t)native;
    found.requested |= (int)(breaker & 1); /* _PY_GIL_DROP_REQUEST_BIT */
#  endif
    return found;
}

#  define GS_SKIP_5_FIELDS " %*s %*s %*s %*s %*s"
#  define GS_SKIP_35_FIELDS \
      GS_SKIP_5_FIELDS GS_SKIP_5_FIELDS GS_SKIP_5_FIELDS GS_SKIP_5_FIELDS GS_SKIP_5_FIELDS GS_SKIP_5_FIELDS \
      GS_SKIP_5_FIELDS

/* CPU time of a thread, in ns; -1 if unknown (man 2 clock_getres: clocks by thread id; those of other processes' threads
 * cannot be read, but the scheduler's statistics can, as of its last tick). */
static inline int64_t gs_thread_cpu_ns(const gs_target *t, int64_t native_id)
{
    struct timespec now;
    char text[96];
    long long ran;
    if (t->pid)
        return gs_task_file(t, native_id, "schedstat", text, sizeof text) > 0 && sscanf(text, "%lld", &ran) == 1 ? ran : -1;
    if (clock_gettime((clockid_t)((~(uint32_t)native_id << 3) | 6), &now) != 0)
        return -1;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

typedef struct {
    int ready;  /* running, or could run */
    int here;   /* last ran on this CPU: it had it until we woke up, as far as one can tell */
} gs_thread_now;

static inline gs_thread_now gs_thread_state(const gs_target *t, int64_t native_id)
{
    gs_thread_now unknown = {1, 1};
#  if defined(__linux__)
    char text[512], state;
    int cpu;
    if (gs_task_file(t, native_id, "stat", text, sizeof text) <= 0)
        return unknown;
    const char *rest = strrchr(text, ')'); /* the name may hold anything; state is field 3, processor field 39 */
    if (rest == NULL || sscanf(rest + 1, " %c" GS_SKIP_35_FIELDS " %d", &state, &cpu) != 2)
        return unknown;
    gs_thread_now found = {state == 'R', cpu == sched_getcpu()};
    return found;
#  else
    (void)t, (void)native_id;
    return unknown;
#  endif
}

#endif /* GS_HAVE_PROBE */
#endif
