/* How many threads want the GIL, read from memory that others write.
 *
 * the C library   threads that wait sleep on condition variables of the lock, and glibc counts the waiters of each in
 *                 __wrefs. That is private to glibc: byte 36 of pthread_cond_t in 2.25 to 2.40, byte 28 from 2.41 on,
 *                 where __g_refs went (nptl/pthread_cond_wait.c, bits/thread-shared-types.h). musl has no such count.
 * thread states   from 3.15 on each says whether its thread wants the lock (gil_requested). A thread that was asked to
 *                 let go and waits for the other one to take over has not set it yet; the C library knows those.
 *
 * Which byte it is follows from the libc that runs, not from the one this was built with, and is tried on a condition
 * variable of our own: distributions bring changes to releases that came before them.
 */
#ifndef GILSCOPE_GILWAITERS_H
#define GILSCOPE_GILWAITERS_H

#include "_giltarget.h"

#define GS_BY_LIBC 1
#define GS_BY_STATES 2
#define GS_REFS_UNKNOWN (-1)

#define GS_REFS_2_25 36
#define GS_REFS_2_41 28

/* Where to look. Nothing of it is believed before the self-check (_gilcheck.h). */
typedef struct {
    int by;                    /* GS_BY_LIBC, GS_BY_STATES, both or neither */
    int refs_at;               /* byte of a condition variable that counts its waiters; GS_REFS_UNKNOWN */
    gs_target target;
    const void *waiting;       /* condition variable of the threads that want the lock */
    const void *handing_over;  /* condition variable of the thread that was asked to let go */
    const char *interp;        /* interpreter whose threads are asked */
    size_t first, next, owner, requested; /* offsets in it, and in a thread state */
} gs_waits;

/* Version of the GNU C Library that runs, or "" where another one does. */
static inline const char *gs_libc_version(void);

/* Byte of __wrefs in a glibc of that version, as far as its number tells. */
static inline int gs_refs_of(const char *version)
{
    int major, minor;
    if (version == NULL || sscanf(version, "%d.%d", &major, &minor) != 2 || major < 2 || (major == 2 && minor < 25))
        return GS_REFS_UNKNOWN;
    return major > 2 || minor >= 41 ? GS_REFS_2_41 : GS_REFS_2_25;
}

#if !defined(_WIN32) && (defined(__GNUC__) || defined(__clang__))

#  include <dlfcn.h>
#  include <pthread.h>
#  include <time.h>

static inline const char *gs_libc_version(void)
{
    const char *(*version)(void);
    *(void **)&version = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
    return version != NULL ? version() : "";
}

/* Waiters of a condition variable; the low three bits are flags. A woken thread counts until it runs. */
static inline int gs_waiters_at(const void *cond, int refs_at)
{
    return (int)(__atomic_load_n((const uint32_t *)((const char *)cond + refs_at), __ATOMIC_RELAXED) >> 3);
}

#  define GS_TRIAL_THREADS 2
#  define GS_TRIAL_TRIES 5000 /* of 1 ms: a crowded machine may take a while to let a new thread run */

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int arrived, done;
} gs_trial;

static void *gs_trial_main(void *argument)
{
    gs_trial *t = (gs_trial *)argument;
    pthread_mutex_lock(&t->mutex);
    t->arrived += 1;
    while (!t->done)
        pthread_cond_wait(&t->cond, &t->mutex);
    pthread_mutex_unlock(&t->mutex);
    return NULL;
}

/* Whether exactly so many threads are counted. A thread that has arrived sleeps, or else it would have the mutex; it may
 * wake up for no reason and go back, so a count that is too low is looked at again. */
static inline int gs_trial_counts(gs_trial *t, int refs_at, int wanted)
{
    struct timespec pause = {0, 1000000};
    for (int tries = 0; tries < GS_TRIAL_TRIES; tries++) {
        pthread_mutex_lock(&t->mutex);
        int here = t->arrived == wanted, seen = gs_waiters_at(&t->cond, refs_at);
        pthread_mutex_unlock(&t->mutex);
        if (here && seen == wanted)
            return 1;
        if (seen > wanted || (here && tries > 100))
            return 0;
        nanosleep(&pause, NULL);
    }
    return 0;
}

/* Whether this byte of a condition variable counts its waiters: none, one, two, none. */
static inline int gs_refs_counted(int refs_at)
{
    gs_trial t;
    pthread_t threads[GS_TRIAL_THREADS];
    pthread_condattr_t monotonic;
    int started = 0, right;
    memset(&t, 0, sizeof t);
    pthread_mutex_init(&t.mutex, NULL);
    pthread_condattr_init(&monotonic);
#  if !defined(__APPLE__)
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* as CPython does: a flag beside the count */
#  endif
    pthread_cond_init(&t.cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
    right = gs_waiters_at(&t.cond, refs_at) == 0;
    while (right && started < GS_TRIAL_THREADS) {
        right = pthread_create(&threads[started], NULL, gs_trial_main, &t) == 0;
        started += right;
        right = right && gs_trial_counts(&t, refs_at, started);
    }
    pthread_mutex_lock(&t.mutex);
    t.done = 1;
    pthread_cond_broadcast(&t.cond);
    pthread_mutex_unlock(&t.mutex);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    right = right && gs_waiters_at(&t.cond, refs_at) == 0;
    pthread_cond_destroy(&t.cond);
    pthread_mutex_destroy(&t.mutex);
    return right;
}

/* The byte that counts waiters in the libc that runs: what its version says if that is true, else the other one. Tried
 * once per process; two threads that try at once find the same. */
static inline int gs_refs_at(void)
{
    static int tried, found = GS_REFS_UNKNOWN;
    if (__atomic_load_n(&tried, __ATOMIC_ACQUIRE))
        return found;
    int likely = gs_refs_of(gs_libc_version()), right = GS_REFS_UNKNOWN;
    if (likely != GS_REFS_UNKNOWN) {
        int other = likely == GS_REFS_2_25 ? GS_REFS_2_41 : GS_REFS_2_25;
        right = gs_refs_counted(likely) ? likely : gs_refs_counted(other) ? other : GS_REFS_UNKNOWN;
    }
    found = right;
    __atomic_store_n(&tried, 1, __ATOMIC_RELEASE);
    return right;
}

#  define GS_MOST_STATES 4096

/* Threads of the interpreter that want the lock; -1 where the list could not be followed.
 *
 * SAFETY: the list changes while we follow it and states are freed. A state that is not of this interpreter is one that
 * was freed meanwhile. */
static inline int gs_states_requesting(const gs_waits *w)
{
    for (int tries = 0; tries < 3; tries++) {
        uintptr_t state = 0, next = 0, owner = 0;
        int requested = 0, count = 0, steps = 0;
        gs_batch of;
        if (!gs_peek(&w->target, (uintptr_t)w->interp + w->first, &state, sizeof state))
            return -1;
        for (; state != 0 && steps < GS_MOST_STATES; steps++, state = next) {
            gs_batch_clear(&of);
            gs_batch_add(&of, state + w->next, &next, sizeof next);
            gs_batch_add(&of, state + w->owner, &owner, sizeof owner);
            gs_batch_add(&of, state + w->requested, &requested, sizeof requested);
            if (!gs_batch_fetch(&w->target, &of) || owner != (uintptr_t)w->interp)
                break;
            count += requested != 0;
        }
        if (state == 0)
            return count;
    }
    return -1;
}

/* Threads that want the lock and do not have it, as far as the C library of this process tells: of those whose states
 * say so, only the one that was asked to let go. */
static inline int gs_waiters_counted(const gs_waits *w)
{
    if (!(w->by & GS_BY_LIBC))
        return 0;
    return gs_waiters_at(w->handing_over, w->refs_at) + (w->by & GS_BY_STATES ? 0 : gs_waiters_at(w->waiting, w->refs_at));
}

/* Those whose states say so; where the list could not be followed, as the C library counts them. */
static inline int gs_waiters_asking(const gs_waits *w)
{
    int asking = gs_states_requesting(w);
    if (asking < 0)
        asking = w->by & GS_BY_LIBC && !w->target.pid ? gs_waiters_at(w->waiting, w->refs_at) : 0;
    return asking;
}

#else
static inline const char *gs_libc_version(void) { return ""; }
static inline int gs_refs_at(void) { return GS_REFS_UNKNOWN; }
static inline int gs_refs_counted(int refs_at) { (void)refs_at; return 0; }
#endif

#endif
