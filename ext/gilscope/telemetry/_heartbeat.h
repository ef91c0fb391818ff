/* One wake-up of a thread, and when it had the GIL again. */
#ifndef GILSCOPE_HEARTBEAT_H
#define GILSCOPE_HEARTBEAT_H

#include "duty.h"

/* Sleep until a moment, or until the lock is released, without the GIL; then wait for it. Returns whether the moment
 * came. The thread runs at *ready_ns: what waking up costs is over by then, and the rest is the wait for the GIL.
 * GIL: held on entry and on return. */
static inline int gs_beat(PyThread_type_lock stop, int64_t moment_ns, int64_t *ready_ns, int64_t *acquired_ns)
{
    PyThreadState *self = PyEval_SaveThread();
    int64_t left_us = (moment_ns - gs_now_ns()) / 1000;
    int stopped = PyThread_acquire_lock_timed(stop, left_us > 0 ? left_us : 0, 0) == PY_LOCK_ACQUIRED;
    *ready_ns = gs_now_ns();
    PyEval_RestoreThread(self);
    *acquired_ns = gs_now_ns();
    return !stopped;
}

#endif
