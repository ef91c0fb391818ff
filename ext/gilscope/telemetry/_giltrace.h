/* A thread that looks at the GIL all the time, without sleeping: every hold with its times, at the price of a CPU.
 *
 * Two changes between two looks, some 50 ns apart, are seen as one. When the polling thread loses its CPU it sees
 * nothing: the longest gap between two looks says how exact the record is.
 */
#ifndef GILSCOPE_GILTRACE_H
#define GILSCOPE_GILTRACE_H

#include "_gilsampler.h"

typedef struct {
    uint64_t looks;
    int64_t began_ns, ended_ns, longest_gap_ns;
    int64_t blind_ns; /* time in gaps of more than GS_BLIND_NS */
} gs_trace_stats;

#define GS_BLIND_NS 20000

#if GS_HAVE_PROBE

typedef struct {
    gs_gil gil;
    gs_spans spans;
    gs_trace_stats stats;
    pthread_t thread;
    pid_t pid;
    int identify, running, stopping;
} gs_tracer;

static void *gs_tracer_main(void *argument)
{
    gs_tracer *t = (gs_tracer *)argument;
    gs_trace_stats *stats = &t->stats;
    gs_look seen, held = {0, 0, 0, 0, 0, 0};
    int64_t now = gs_clock_ns(CLOCK_MONOTONIC), last = now, start = now, holder = 0;
#  if defined(__linux__)
    pthread_setname_np(pthread_self(), "gilscope-trace");
#  endif
    stats->began_ns = now;
    while (!__atomic_load_n(&t->stopping, __ATOMIC_ACQUIRE)) {
        gs_look_once(&t->gil, &seen);
        now = gs_clock_ns(CLOCK_MONOTONIC);
        stats->looks += 1;
        int64_t gap = now - last;
        if (gap > stats->longest_gap_ns)
            stats->longest_gap_ns = gap;
        if (gap > GS_BLIND_NS)
            stats->blind_ns += gap;
        last = now;
        int same = seen.locked == held.locked
                   && (!seen.locked || (seen.holder == held.holder && seen.switch_number == held.switch_number));
        if (same)
            continue;
        if (held.locked)
            gs_keep(&t->spans, holder, start, now);
        if (seen.locked) {
            gs_look_at(&t->gil, &seen); /* the fields are not written at once */
            holder = gs_holder_of(&t->gil, &seen, t->identify).native_id;
            start = now;
        }
        held = seen;
    }
    if (held.locked)
        gs_keep(&t->spans, holder, start, now);
    stats->ended_ns = now;
    return NULL;
}

static inline gs_tracer *gs_tracer_new(const gs_gil *gil, int identify, int capacity)
{
    gs_tracer *t = (gs_tracer *)calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->gil = *gil;
    t->identify = identify;
    t->pid = getpid();
    t->spans.capacity = capacity;
    t->spans.at = (gs_span *)calloc((size_t)capacity, sizeof(gs_span));
    if (t->spans.at == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

/* Returns 0, or an errno. */
static inline int gs_tracer_start(gs_tracer *t)
{
    sigset_t all, before;
    sigfillset(&all); /* no signal of the program is to be handled here */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&t->thread, NULL, gs_tracer_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    t->running = !failed;
    return failed;
}

static inline void gs_tracer_stop(gs_tracer *t)
{
    if (!t->running)
        return;
    t->running = 0;
    if (getpid() != t->pid)
        return;
    __atomic_store_n(&t->stopping, 1, __ATOMIC_RELEASE);
    pthread_join(t->thread, NULL);
}

static inline void gs_tracer_free(gs_tracer *t)
{
    if (t == NULL)
        return;
    gs_tracer_stop(t);
    free(t->spans.at);
    free(t);
}

#endif /* GS_HAVE_PROBE */
#endif
