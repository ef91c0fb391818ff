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
    gs_options options = {GS_CHECK_HZ, 0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0, 0};
    gs_look look;
    uintptr_t self = (uintptr_t)PyThreadState_Get();
    gs_look_at(gil, &look);
    if (!look.locked || look.holder != self)
        return gs_refuse(reason, "self-check failed: the GIL was held and looked free");
    if (*gil->interval_us == 0 || *gil->interval_us > 100000000UL)
        return gs_refuse(reason, "self-check failed: the switch interval makes no sense");
    gs_sampler *s = gs_new(gil, &options, (uint64_t)gs_now_ns());
    if (s == NULL)
        return gs_refuse(reason, "self-check failed: out of memory");
    s->checked = self;
    if (gs_start(s) != 0) {
        free(s);
        return gs_refuse(reason, "self-check failed: no thread could be started");
    }
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

/* GIL: held; a thread that wants it must show up as waiting, ask for it after a switch interval (`asked`), and show up
 * as a hand-over afterwards. */
static inline int gs_check_waiters(const gs_gil *gil, int *asked, char *reason)
{
#  if !GS_HAVE_WAITERS
    (void)gil, (void)asked, (void)gs_waiter_main;
    return gs_refuse(reason, "the number of waiting threads is known with glibc 2.25 or newer only");
#  else
    gs_look look, after;
    pthread_t waiter;
#    ifdef Py_GIL_DISABLED
    /* Free-threaded 3.13 stops all threads when the second one ever is made, before that one wants the lock: let it
       pass first. */
    if (pthread_create(&waiter, NULL, gs_waiter_main, NULL) == 0)
        gs_join_released(waiter);
#    endif
    gs_look_at(gil, &look);
    unsigned long before = look.switch_number;
    if (pthread_create(&waiter, NULL, gs_waiter_main, NULL) != 0)
        return gs_refuse(reason, "self-check failed: no thread could be started");
    int64_t limit = gs_now_ns() + GS_CHECK_LIMIT_NS;
    int requested = 0;
    do {
        gs_spin_until(gs_now_ns() + 10000);
        gs_look_at(gil, &look);
        requested = gs_holder_of(gil, &look, 1).requested;
    } while ((look.waiting == 0 || !requested) && gs_now_ns() < limit);
    gs_join_released(waiter);
    gs_look_at(gil, &after);
    if (look.waiting < 1 || look.waiting > 100000)
        return gs_refuse(reason, "self-check failed: a thread waited for the GIL and was not seen");
    if (after.switch_number == before)
        return gs_refuse(reason, "self-check failed: the GIL changed hands and the counter stood still");
    *asked = requested;
    return 1;
#  endif
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
