/* How CPython lays out what is read here: offsets from its internal headers, and from 3.13 on from the table that the
 * interpreter publishes for debuggers at the start of _PyRuntime (debug_offsets).
 *
 * Nothing of it is believed before the self-check (_gilcheck.h).
 */
#ifndef GILSCOPE_GILLAYOUT_H
#define GILSCOPE_GILLAYOUT_H

#include "_gilwaiters.h"

#include <Python.h>

#if !defined(_WIN32) && (defined(__GNUC__) || defined(__clang__))
#  define GS_HAVE_PROBE 1
#  include <dlfcn.h>
#  include <fcntl.h>
#  include <pthread.h>
#  include <sched.h>
#  include <sys/types.h>
#  include <time.h>
#else
#  define GS_HAVE_PROBE 0
#endif

#if defined(__linux__)
#  include <sys/syscall.h>
#endif

/* Internal headers: only for offsets, and only those that compile on their own. */
#if GS_HAVE_PROBE && defined(__has_include)
#  if __has_include("internal/pycore_gil.h")
#    ifndef Py_BUILD_CORE
#      define Py_BUILD_CORE 1
#      define GS_DEFINED_BUILD_CORE 1
#    endif
#    undef _PyGC_FINALIZED /* 3.12 defines it again as a macro */
#    if PY_VERSION_HEX < 0x030D0000
#      include "internal/pycore_runtime.h"
#      include "internal/pycore_interp.h"
#      include "internal/pycore_frame.h"
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
    struct {
        uint64_t size, prev, next, interp, current_frame, thread_id, native_thread_id, datastack_chunk, status;
    } thread_state;
    struct {
        uint64_t size, previous, executable, instr_ptr, localsplus, owner;
    } interpreter_frame;
    struct {
        uint64_t size, filename, name, qualname, linetable, firstlineno, argcount, localsplusnames, localspluskinds;
        uint64_t co_code_adaptive;
    } code_object;
} gs_debug_offsets;
#  define GS_DEBUG_OFFSETS gs_debug_offsets
#endif

#define GS_REASON_SIZE 160

static inline int gs_refuse(char *reason, const char *text)
{
    snprintf(reason, GS_REASON_SIZE, "%s", text);
    return 0;
}

/* Where to find what in thread states, frames, code objects and strings. */
typedef struct {
    size_t threads_head;                                    /* in an interpreter */
    size_t state_next, state_interp, state_native, state_chunk, state_requested; /* requested 0: there is none */
    size_t state_frame;                                     /* current frame, or what points to it (via_cframe) */
    int via_cframe;                                         /* up to 3.12: thread state -> C frame -> current frame */
    size_t c_frame_top;                                     /* in the C frame */
    size_t frame_code, frame_previous, frame_instr, frame_owner, frame_size;
    size_t code_file, code_name, code_lines, code_first, code_units;
    size_t frame_copy, code_copies;                         /* free-threaded from 3.14 on: which of its copies a thread runs */
    uintptr_t code_type;                                    /* address of the type of code objects */
    int known;                                              /* whether all of this is */
} gs_layout;

#if GS_HAVE_PROBE

/* Bytes of the target, by plain loads where it is this process: for memory that is never freed. */
static inline int gs_load(const gs_target *t, uintptr_t from, void *to, size_t size)
{
    if (t->pid)
        return gs_peek(t, from, to, size);
    memcpy(to, (const void *)from, size);
    return 1;
}

#endif

#if GS_HAVE_LAYOUT && PY_VERSION_HEX < 0x030D0000
typedef int gs_table;

static inline int gs_table_of(const gs_target *t, uintptr_t runtime, gs_table *table, char *reason)
{
    (void)t, (void)runtime, (void)reason;
    *table = 0;
    return 1;
}

static inline uintptr_t gs_main_interp(const gs_target *t, uintptr_t runtime, const gs_table *table)
{
    uintptr_t interp = 0;
    (void)table;
    return gs_load(t, runtime + offsetof(_PyRuntimeState, interpreters.main), &interp, sizeof interp) ? interp : 0;
}

static inline void gs_layout_of(gs_layout *at, const gs_table *table, uintptr_t code_type)
{
    (void)table;
    memset(at, 0, sizeof *at);
    at->threads_head = offsetof(PyInterpreterState, threads.head);
    at->state_next = offsetof(PyThreadState, next);
    at->state_interp = offsetof(PyThreadState, interp);
    at->state_native = offsetof(PyThreadState, native_thread_id);
    at->state_chunk = offsetof(PyThreadState, datastack_chunk);
    at->state_frame = offsetof(PyThreadState, cframe);
    at->via_cframe = 1;
    at->c_frame_top = offsetof(_PyCFrame, current_frame);
    at->frame_code = offsetof(_PyInterpreterFrame, f_code);
    at->frame_previous = offsetof(_PyInterpreterFrame, previous);
    at->frame_instr = offsetof(_PyInterpreterFrame, prev_instr);
    at->frame_owner = offsetof(_PyInterpreterFrame, owner);
    at->frame_size = offsetof(_PyInterpreterFrame, localsplus);
    at->code_file = offsetof(PyCodeObject, co_filename);
    at->code_name = offsetof(PyCodeObject, co_qualname);
    at->code_lines = offsetof(PyCodeObject, co_linetable);
    at->code_first = offsetof(PyCodeObject, co_firstlineno);
    at->code_units = offsetof(PyCodeObject, co_code_adaptive);
    at->code_type = code_type;
    at->known = 1;
}
#elif GS_HAVE_LAYOUT
typedef GS_DEBUG_OFFSETS gs_table;

/* Copy the table and see whether it is one of this version, with offsets that can be. */
static inline int gs_table_of(const gs_target *t, uintptr_t runtime, gs_table *table, char *reason)
{
    if (!gs_load(t, runtime, table, sizeof *table))
        return gs_refuse(reason, "its memory cannot be read");
    if (memcmp(table->cookie, "xdebugpy", 8) != 0)
        return gs_refuse(reason, "_PyRuntime does not start with the table of offsets of CPython 3.13 and newer");
    if ((table->version >> 16) != (PY_VERSION_HEX >> 16))
        return gs_refuse(reason, "gilscope was built for another version of CPython");
#  ifdef Py_GIL_DISABLED
    int free_threaded = 1;
#  else
    int free_threaded = 0;
#  endif
    if ((table->free_threaded != 0) != free_threaded)
        return gs_refuse(reason, free_threaded ? "it is no free-threaded build and this one is: use its interpreter"
                                               : "it is a free-threaded build and this one is not: use its interpreter");
    return 1;
}

static inline uintptr_t gs_main_interp(const gs_target *t, uintptr_t runtime, const gs_table *table)
{
    uintptr_t interp = 0, next = 0; /* the newest is first, the main one last */
    if (!gs_load(t, runtime + table->runtime_state.interpreters_head, &interp, sizeof interp))
        return 0;
    for (int steps = 0; interp != 0 && steps < 4096; steps++, interp = next) {
        if (!gs_peek(t, interp + table->interpreter_state.next, &next, sizeof next))
            return 0;
        if (next == 0)
            return interp;
    }
    return 0;
}

static inline void gs_layout_of(gs_layout *at, const gs_table *table, uintptr_t code_type)
{
    memset(at, 0, sizeof *at);
    at->threads_head = table->interpreter_state.threads_head;
    at->state_next = table->thread_state.next;
    at->state_interp = table->thread_state.interp;
    at->state_native = table->thread_state.native_thread_id;
    at->state_chunk = table->thread_state.datastack_chunk;
    at->state_frame = table->thread_state.current_frame;
#  if GS_HAVE_GIL_REQUESTED
    at->state_requested = table->thread_state.gil_requested;
#  endif
    at->frame_code = table->interpreter_frame.executable;
    at->frame_previous = table->interpreter_frame.previous;
    at->frame_instr = table->interpreter_frame.instr_ptr;
    at->frame_owner = table->interpreter_frame.owner;
    at->frame_size = table->interpreter_frame.localsplus;
    at->code_file = table->code_object.filename;
    at->code_name = table->code_object.qualname;
    at->code_lines = table->code_object.linetable;
    at->code_first = table->code_object.firstlineno;
    at->code_units = table->code_object.co_code_adaptive;
#  if defined(Py_GIL_DISABLED) && PY_VERSION_HEX >= 0x030E0000
    at->frame_copy = table->interpreter_frame.tlbc_index;
    at->code_copies = table->code_object.co_tlbc;
#  endif
    at->code_type = code_type;
    at->known = 1;
}
#endif

#endif
