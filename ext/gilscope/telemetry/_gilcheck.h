/* Is what the sampler sees what really happens? Asked once per process, before anything is believed. */
#ifndef GILSCOPE_GILCHECK_H
#define GILSCOPE_GILCHECK_H

#include "_gilsampler.h"

#if GS_HAVE_PROBE

#define GS_CHECK_HZ 20000.0
#define GS_CHECK_SAMPLES 8
#define GS_CHECK_LIMIT_NS 500000000 /* a busy machine may take a while to let the sampler run */

static inline void gs_set_phase(gs_sampler *s, int phase)
{
    pthread_mutex_lock(&s->mutex);
    s->phase = phase;
    pthread_mutex_unlock(&s->mutex);
}

/* Wait, spinning, until the sampler has looked often enough in this phase. */
static inline void gs_await_phase(gs_sampler *s, int phase)
{
    int64_t limit = gs_now_ns() + GS_CHECK_LIMIT_NS;
    uint64_t seen = 0;
    gs_set_phase(s, phase);
    while (seen < GS_CHECK_SAMPLES && gs_now_ns() < limit) {
        gs_spin_until(gs_now_ns() + 20000);
        pthread_mutex_lock(&s->mutex);
        seen = s->tally.stats.checks[phase][0] + s->tally.stats.checks[phase][1];
        pthread_mutex_unlock(&s->mutex);
    }
    gs_set_phase(s, -1);
}

/* GIL: held; holds it for a while, lets go of it for a while, and expects the sampler to have seen just that. */
static inline int gs_check_hold(const gs_gil *gil, char *reason)
{
    gs_options options = {GS_CHECK_HZ, 0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0, 0, 1, 0, 0};
    gs_look look;
    uintptr_t self = (uintptr_t)PyThreadState_Get();
    gs_look_at(gil, &look);
    if (!look.locked || look.holder != self)
        return gs_refuse(reason, "self-check failed: the GIL was held and looked free");
    if (gs_interval_us(gil) == 0 || gs_interval_us(gil) > 100000000UL)
        return gs_refuse(reason, "self-check failed: the switch interval makes no sense");
    gs_sampler *s = gs_new(gil, &options, (uint64_t)gs_now_ns());
    if (s == NULL)
        return gs_refuse(reason, "self-check failed: out of memory");
    s->checked = self;
    if (gs_start(s) != 0) {
        free(s);
        return gs_refuse(reason, "self-check failed: no thread could be started");
    }
    gs_begin(s);
    gs_await_phase(s, 0);
    PyThreadState *saved = PyEval_SaveThread();
    gs_await_phase(s, 1);
    gs_stop(s);
    PyEval_RestoreThread(saved);
    uint64_t missed = s->tally.stats.checks[0][0], seen = s->tally.stats.checks[0][1];
    uint64_t free_seen = s->tally.stats.checks[1][0], ghost = s->tally.stats.checks[1][1];
    free(s);
    if (seen + missed == 0 || free_seen + ghost == 0)
        return gs_refuse(reason, "self-check failed: the sampler did not get to run within half a second");
    if (missed > 0)
        return gs_refuse(reason, "self-check failed: the GIL was held and the sampler saw it free");
    if (ghost > 0)
        return gs_refuse(reason, "self-check failed: the GIL was released and the sampler saw it held");
    return 1;
}

static void *gs_waiter_main(void *argument)
{
    (void)argument;
    PyGILState_STATE state = PyGILState_Ensure();
    PyGILState_Release(state);
    return NULL;
}

static inline void gs_join_released(pthread_t thread)
{
    PyThreadState *saved = PyEval_SaveThread();
    pthread_join(thread, NULL);
    PyEval_RestoreThread(saved);
}

#  define GS_STEADY_LOOKS 16
#  define GS_WAITER_TRIES 5

/* GIL: held. Threads of this interpreter besides this one; each of them may want the lock. */
static inline int gs_other_threads(void)
{
    int count = -1;
    for (PyThreadState *t = PyInterpreterState_ThreadHead(PyInterpreterState_Get()); t != NULL; t = PyThreadState_Next(t))
        count += 1;
    return count;
}

/* The most waiters seen for a while: one that times out and waits again is missing for a moment. */
static inline int gs_most_waiting(const gs_gil *gil)
{
    gs_look look;
    int most = 0;
    for (int i = 0; i < GS_STEADY_LOOKS; i++) {
        gs_spin_until(gs_now_ns() + 20000);
        gs_look_at(gil, &look);
        most = look.waiting > most ? look.waiting : most;
    }
    return most;
}

/* What one thread that wants the lock looked like. */
typedef struct {
    int before, during, after;  /* most threads seen waiting */
    int others_before, others_after;
    int requested, handed_over, failed;
} gs_waiter_seen;

static inline void gs_watch_waiter(const gs_gil *gil, gs_waiter_seen *seen)
{
    gs_look look;
    pthread_t waiter;
    memset(seen, 0, sizeof *seen);
    seen->others_before = gs_other_threads();
    seen->before = gs_most_waiting(gil);
    gs_look_at(gil, &look);
    unsigned long switches = look.switch_number;
    if (pthread_create(&waiter, NULL, gs_waiter_main, NULL) != 0) {
        seen->failed = 1;
        return;
    }
    int64_t limit = gs_now_ns() + GS_CHECK_LIMIT_NS;
    do {
        gs_spin_until(gs_now_ns() + 10000);
        gs_look_at(gil, &look);
        seen->during = look.waiting > seen->during ? look.waiting : seen->during;
        seen->requested |= gs_holder_of(gil, &look, 1).requested;
    } while ((seen->during <= seen->before || !seen->requested) && gs_now_ns() < limit);
    int steady = gs_most_waiting(gil); /* it must not grow without anybody who waits */
    seen->during = steady > seen->during ? steady : seen->during;
    gs_join_released(waiter);
    gs_look_at(gil, &look);
    seen->handed_over = look.switch_number != switches;
    seen->after = gs_most_waiting(gil);
    seen->others_after = gs_other_threads();
}

/* GIL: held; a thread that wants it must show up as exactly one waiter more than before and be gone afterwards, ask for
 * it after a switch interval (`asked`), and show up as a hand-over. Who is alone is never seen waiting. Where other
 * threads come and go meanwhile nothing follows, and it is tried again. */
static inline int gs_check_waiters(const gs_gil *gil, int *asked, char *reason)
{
    if (gil->waits.by == 0)
        return gs_refuse(reason, *gs_libc_version() == 0
            ? "the number of waiting threads is known with glibc 2.25 or newer, or from CPython 3.15 on"
            : "where this version of glibc counts waiting threads is not known");
#  ifdef Py_GIL_DISABLED
    /* Free-threaded 3.13 stops all threads when the second one ever is made, before that one wants the lock: let it pass
       first. */
    pthread_t first;
    if (pthread_create(&first, NULL, gs_waiter_main, NULL) == 0)
        gs_join_released(first);
#  endif
    gs_waiter_seen seen;
    for (int tries = 0; tries < GS_WAITER_TRIES; tries++) {
        gs_watch_waiter(gil, &seen);
        if (seen.failed)
            return gs_refuse(reason, "self-check failed: no thread could be started");
        int alone = seen.others_before == 0 && seen.others_after == 0;
        int counted = seen.before <= seen.others_before && seen.during == seen.before + 1 && seen.after == seen.before;
        if (counted && seen.handed_over) {
            *asked = seen.requested;
            return 1;
        }
        if (!alone)
            continue;
        if (seen.before > 0 || seen.after > 0)
            return gs_refuse(reason, "self-check failed: nobody waited for the GIL and somebody was seen");
        if (seen.during > 1)
            return gs_refuse(reason, "self-check failed: one thread waited for the GIL and more were seen");
        if (seen.during == 0)
            return gs_refuse(reason, "self-check failed: a thread waited for the GIL and was not seen");
        return gs_refuse(reason, "self-check failed: the GIL changed hands and the counter stood still");
    }
    return gs_refuse(reason, "self-check undecided: other threads began and ceased to wait for the GIL meanwhile");
}

/* GIL: held; the native id of the holder must be our own. */
static inline int gs_check_identity(const gs_gil *gil, char *reason)
{
#  if defined(__linux__)
    gs_look look;
    gs_look_at(gil, &look);
    if (gs_holder_of(gil, &look, 1).native_id != (int64_t)syscall(SYS_gettid))
        return gs_refuse(reason, "the system does not let a process copy its own memory (process_vm_readv)");
    return 1;
#  else
    (void)gil;
    return gs_refuse(reason, "telling which thread holds the GIL safely needs Linux (process_vm_readv)");
#  endif
}

#endif /* GS_HAVE_PROBE */
#endif
