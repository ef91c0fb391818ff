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

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE 1 /* process_vm_readv, RTLD_DEFAULT */
#endif
#include <Python.h>

#include "_gilwaiters.h"

#if !defined(_WIN32) && (defined(__GNUC__) || defined(__clang__))
#  define GS_HAVE_PROBE 1
#  include <dlfcn.h>
#  include <fcntl.h>
#  include <pthread.h>
#  include <sched.h>
#  include <sys/types.h>
#  include <time.h>
#  include <unistd.h>
#else
#  define GS_HAVE_PROBE 0
#endif

#if defined(__linux__)
#  include <sys/syscall.h>
#  include <sys/uio.h>
#endif

/* Internal headers: only for offsets, and only those that compile on their own. */
#if GS_HAVE_PROBE && defined(__has_include)
#  if __has_include("internal/pycore_gil.h")
#    ifndef Py_BUILD_CORE
#      define Py_BUILD_CORE 1
#      define GS_DEFINED_BUILD_CORE 1
#    endif
#    undef _PyGC_FINALIZED /* 3.12 defines it again as a macro */
#    if PY_VERSION_HEX < 0x030C0000
#      include "internal/pycore_runtime.h"
#    elif PY_VERSION_HEX < 0x030D0000
#      include "internal/pycore_interp.h"
#    else
#      include "internal/pycore_gil.h"
#      if __has_include("internal/pycore_debug_offsets.h")
#        include "internal/pycore_debug_offsets.h"
#        define GS_DEBUG_OFFSETS _Py_DebugOffsets
#        if PY_VERSION_HEX >= 0x030F0000
#          define GS_HAVE_GIL_REQUESTED 1
#        endif
#      endif
#    endif
#    if defined(Py_GIL_DISABLED) && __has_include("internal/pycore_moduleobject.h")
#      include "internal/pycore_moduleobject.h"
#      define GS_HAVE_MODULE_GIL 1
#    endif
#    ifdef GS_DEFINED_BUILD_CORE
#      undef Py_BUILD_CORE
#    endif
#    define GS_HAVE_LAYOUT 1
#  endif
#endif
#ifndef GS_HAVE_LAYOUT
#  define GS_HAVE_LAYOUT 0
#endif
#ifndef GS_HAVE_GIL_REQUESTED
#  define GS_HAVE_GIL_REQUESTED 0
#endif

#if GS_HAVE_LAYOUT && PY_VERSION_HEX >= 0x030D0000 && !defined(GS_DEBUG_OFFSETS)
/* 3.13 declares its table inside pycore_runtime.h, which drags in the whole runtime: the part that is needed. */
typedef struct {
    char cookie[8];
    uint64_t version;
    uint64_t free_threaded;
    struct {
        uint64_t size, finalizing, interpreters_head;
    } runtime_state;
    struct {
        uint64_t size, id, next, threads_head, gc, imports_modules, sysdict, builtins;
        uint64_t ceval_gil, gil_runtime_state, gil_runtime_state_enabled;
        uint64_t gil_runtime_state_locked, gil_runtime_state_holder;
    } interpreter_state;
} gs_debug_offsets;
#  define GS_DEBUG_OFFSETS gs_debug_offsets
#endif

/* Addresses inside the interpreter, none of them ever freed while the interpreter lives. */
typedef struct {
    const int *locked;
    const uintptr_t *holder;
    const unsigned long *switch_number;
    const unsigned long *interval_us;
    gs_waits waits;             /* how many threads want it */
    const int *drop_request;    /* asked to let go; NULL from 3.13 on, where it is a bit in the holder's thread state */
} gs_gil;

#define GS_REASON_SIZE 160

static inline int gs_refuse(char *reason, const char *text)
{
    snprintf(reason, GS_REASON_SIZE, "%s", text);
    return 0;
}

#if GS_HAVE_LAYOUT
static inline void gs_gil_at(gs_gil *gil, const char *base, size_t locked, size_t holder)
{
    gil->locked = (const int *)(base + locked);
    gil->holder = (const uintptr_t *)(base + holder);
    gil->switch_number = (const unsigned long *)(base + offsetof(struct _gil_runtime_state, switch_number));
    gil->interval_us = (const unsigned long *)(base + offsetof(struct _gil_runtime_state, interval));
    memset(&gil->waits, 0, sizeof gil->waits);
    gil->waits.waiting = base + offsetof(struct _gil_runtime_state, cond);
    gil->waits.handing_over = base + offsetof(struct _gil_runtime_state, switch_cond);
    gil->waits.refs_at = gs_refs_at();
    gil->waits.by = gil->waits.refs_at != GS_REFS_UNKNOWN ? GS_BY_LIBC : 0;
    gil->drop_request = NULL;
}
#endif

#if GS_HAVE_LAYOUT && GS_HAVE_GIL_REQUESTED
static inline void gs_states_at(gs_waits *waits, const char *interp, const GS_DEBUG_OFFSETS *table)
{
    waits->interp = interp;
    waits->first = table->interpreter_state.threads_head;
    waits->next = table->thread_state.next;
    waits->owner = table->thread_state.interp;
    waits->requested = table->thread_state.gil_requested;
    if (gs_states_requesting(waits) >= 0) /* the system may forbid to copy */
        waits->by |= GS_BY_STATES;
}
#endif

/* GIL: held. Fills `gil`, or returns 0 with the reason. `skew` shifts all addresses: tests use it to play a build for
 * another version. */
static inline int gs_locate(gs_gil *gil, size_t skew, char *reason)
{
#if !GS_HAVE_PROBE
    (void)gil, (void)skew;
    return gs_refuse(reason, "the GIL probe needs POSIX threads and a GCC-compatible compiler");
#elif !GS_HAVE_LAYOUT
    (void)gil, (void)skew;
    return gs_refuse(reason, "gilscope was built without CPython's internal headers, so where the GIL is stays unknown");
#else
    const char *runtime = (const char *)dlsym(RTLD_DEFAULT, "_PyRuntime");
    const char *interp = (const char *)PyInterpreterState_Get();
    if (runtime == NULL)
        return gs_refuse(reason, "this interpreter does not export _PyRuntime (not CPython?)");
#  if PY_VERSION_HEX < 0x030D0000
    size_t locked = offsetof(struct _gil_runtime_state, locked);
    size_t holder = offsetof(struct _gil_runtime_state, last_holder);
#    if PY_VERSION_HEX < 0x030C0000
    const char *base = runtime + offsetof(_PyRuntimeState, ceval.gil);
#    else
    const char *base = *(const char *const *)(interp + offsetof(PyInterpreterState, ceval.gil));
#    endif
#  else
    GS_DEBUG_OFFSETS table;
    memcpy(&table, runtime, sizeof table);
    if (memcmp(table.cookie, "xdebugpy", 8) != 0)
        return gs_refuse(reason, "_PyRuntime does not start with the table of offsets of CPython 3.13 and newer");
    if ((table.version >> 16) != (PY_VERSION_HEX >> 16))
        return gs_refuse(reason, "gilscope was built for another version of CPython");
    size_t size = table.interpreter_state.size;
    size_t own = table.interpreter_state.gil_runtime_state;
    size_t locked = table.interpreter_state.gil_runtime_state_locked - own;
    size_t holder = table.interpreter_state.gil_runtime_state_holder - own;
    if (own >= size || locked >= sizeof(struct _gil_runtime_state) || holder >= sizeof(struct _gil_runtime_state)
        || table.interpreter_state.ceval_gil > size - sizeof(void *))
        return gs_refuse(reason, "the offsets this interpreter publishes make no sense to gilscope");
    const char *base = *(const char *const *)(interp + table.interpreter_state.ceval_gil);
#  endif
    if (base == NULL)
        return gs_refuse(reason, "this interpreter has no GIL structure");
    gs_gil_at(gil, base + skew, locked, holder);
#  if GS_HAVE_GIL_REQUESTED
    gs_states_at(&gil->waits, interp, &table);
#  endif
#  if PY_VERSION_HEX < 0x030D0000
    gil->drop_request = (const int *)(interp + offsetof(PyInterpreterState, ceval.gil_drop_request) + skew);
#  endif
    return 1;
#endif
}

#if GS_HAVE_PROBE

/* One look at the lock; `waiting` by gs_look_at only. */
typedef struct {
    int locked;
    uintptr_t holder;
    unsigned long switch_number;
    int waiting;
} gs_look;

static inline void gs_look_once(const gs_gil *gil, gs_look *look)
{
    look->switch_number = __atomic_load_n(gil->switch_number, __ATOMIC_ACQUIRE);
    look->holder = __atomic_load_n(gil->holder, __ATOMIC_ACQUIRE);
    look->locked = __atomic_load_n(gil->locked, __ATOMIC_ACQUIRE) > 0;
    look->waiting = 0;
}

/* The fields are not written at once: look again until two looks agree on who holds it. */
static inline void gs_look_at(const gs_gil *gil, gs_look *look)
{
    gs_look again;
    gs_look_once(gil, look);
    for (int tries = 0, same = 0; tries < 3 && !same; tries++) {
        gs_look_once(gil, &again);
        same = again.holder == look->holder && again.switch_number == look->switch_number;
        *look = again;
    }
    look->waiting = gs_wanting(&gil->waits);
}

/* What only the holder's thread state knows. */
typedef struct {
    int64_t native_id;  /* 0: not known */
    int requested;      /* asked to let go */
} gs_holder;

/* SAFETY: the thread state may be freed while we look, so its memory is never dereferenced: the kernel copies it, and
 * answers EFAULT where nothing is mapped. The copy counts only if nobody else took the lock meanwhile. */
static inline gs_holder gs_holder_of(const gs_gil *gil, const gs_look *look, int identify)
{
    gs_holder found = {0, 0};
    if (gil->drop_request != NULL)
        found.requested = __atomic_load_n(gil->drop_request, __ATOMIC_RELAXED) != 0;
#  if defined(__linux__)
    if (!identify)
        return found;
    unsigned long native = 0;
    uintptr_t breaker = 0;
    char *state = (char *)look->holder;
    struct iovec to[2] = {{&native, sizeof native}, {&breaker, sizeof breaker}};
    struct iovec from[2] = {{state + offsetof(PyThreadState, native_thread_id), sizeof native}, {state, sizeof breaker}};
#    if PY_VERSION_HEX >= 0x030D0000
    from[1].iov_base = state + offsetof(PyThreadState, eval_breaker);
#    endif
    if (process_vm_readv(getpid(), to, 2, from, 2, 0) != (ssize_t)(sizeof native + sizeof breaker))
        return found;
    gs_look after;
    gs_look_once(gil, &after);
    if (after.holder != look->holder)
        return found;
    found.native_id = (int64_t)native;
#    if PY_VERSION_HEX >= 0x030D0000
    found.requested = (int)(breaker & 1); /* _PY_GIL_DROP_REQUEST_BIT */
#    endif
#  else
    (void)look, (void)identify;
#  endif
    return found;
}

#  define GS_SKIP_5_FIELDS " %*s %*s %*s %*s %*s"
#  define GS_SKIP_35_FIELDS \
      GS_SKIP_5_FIELDS GS_SKIP_5_FIELDS GS_SKIP_5_FIELDS GS_SKIP_5_FIELDS GS_SKIP_5_FIELDS GS_SKIP_5_FIELDS \
      GS_SKIP_5_FIELDS

/* CPU time of a thread of this process, in ns; -1 if unknown (man 2 clock_getres: clocks by thread id). */
static inline int64_t gs_thread_cpu_ns(int64_t native_id)
{
    struct timespec now;
    if (clock_gettime((clockid_t)((~(uint32_t)native_id << 3) | 6), &now) != 0)
        return -1;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

typedef struct {
    int ready;  /* running, or could run */
    int here;   /* last ran on this CPU: it had it until we woke up, as far as one can tell */
} gs_thread_now;

static inline gs_thread_now gs_thread_state(int64_t native_id)
{
    gs_thread_now unknown = {1, 1};
#  if defined(__linux__)
    char path[64], text[512], state;
    int cpu;
    snprintf(path, sizeof path, "/proc/self/task/%lld/stat", (long long)native_id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return unknown;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return unknown;
    text[size] = 0;
    const char *rest = strrchr(text, ')'); /* the name may hold anything; state is field 3, processor field 39 */
    if (rest == NULL || sscanf(rest + 1, " %c" GS_SKIP_35_FIELDS " %d", &state, &cpu) != 2)
        return unknown;
    gs_thread_now found = {state == 'R', cpu == sched_getcpu()};
    return found;
#  else
    (void)native_id;
    return unknown;
#  endif
}

#endif /* GS_HAVE_PROBE */
#endif
