/* Hold the GIL for a known time, release it for a known time, and say what really happened. */
#ifndef GILSCOPE_DUTY_H
#define GILSCOPE_DUTY_H

#include <Python.h>
#include <stdint.h>
#if defined(_WIN32)
#  include <windows.h>
#else
#  include <time.h>
#endif

static inline int64_t gs_now_ns(void)
{
#if defined(_WIN32)
    LARGE_INTEGER ticks, per_s;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&per_s);
    return (int64_t)((double)ticks.QuadPart * 1e9 / (double)per_s.QuadPart);
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
#endif
}

static inline void gs_spin_until(int64_t until_ns)
{
    while (gs_now_ns() < until_ns) {
    }
}

typedef struct {
    int64_t held_ns;  /* time this thread held the GIL inside the window */
    int64_t wall_ns;  /* the window: first acquisition to last release */
    int64_t cycles;
} gs_duty_result;

/* The lock changes hands inside a call: in its middle when nobody else wants it; a call that took longer waited for
 * other threads, after giving the lock away (PyEval_SaveThread) or before getting it (PyEval_RestoreThread). */
#define GS_UNCONTENDED_NS 1000

static inline int64_t gs_moment(int64_t before, int64_t after, int64_t if_waited)
{
    return after - before < GS_UNCONTENDED_NS ? before + (after - before) / 2 : if_waited;
}

/* GIL: held on entry and on return. Both parts spin on the clock, so a core is busy either way.
 * release_ns 0 never lets go; hold_ns 0 takes the lock and gives it back at once. */
static inline gs_duty_result gs_duty(int64_t hold_ns, int64_t release_ns, int64_t total_ns)
{
    gs_duty_result out = {0, 0, 0};
    int64_t began = gs_now_ns();
    int64_t acquired = began, end = began + total_ns;
    if (release_ns <= 0) {
        gs_spin_until(end);
        out.wall_ns = out.held_ns = gs_now_ns() - began;
        out.cycles = 1;
        return out;
    }
    for (;;) {
        if (hold_ns > 0)
            gs_spin_until(acquired + hold_ns);
        int64_t before = gs_now_ns();
        PyThreadState *self = PyEval_SaveThread();
        int64_t after = gs_now_ns();
        int64_t released = gs_moment(before, after, before);
        out.held_ns += released - acquired;
        out.cycles += 1;
        gs_spin_until(released + release_ns);
        before = gs_now_ns();
        int64_t over = before >= end;
        PyEval_RestoreThread(self);
        after = gs_now_ns();
        acquired = gs_moment(before, after, after);
        if (over) {
            out.wall_ns = acquired - began;
            return out;
        }
    }
}

#endif
