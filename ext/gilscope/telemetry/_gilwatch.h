/* Who holds the GIL with which stack, and who waits with which, at the moment of a look.
 *
 * From 3.15 on thread states say who wants the GIL. Before, and for locks, the kernel says what a thread sleeps on
 * (/proc/PID/task/TID/syscall): the address of a futex that lies in the GIL's own structure, or elsewhere, where locks,
 * conditions and queues are. A thread that spins, or was woken and has no CPU yet, sleeps on nothing. Of many threads a few
 * are drawn at random, and stand for all.
 */
#ifndef GILSCOPE_GILWATCH_H
#define GILSCOPE_GILWATCH_H

#include "_gilstacks.h"

#define GS_CROWD 2048           /* threads that are told apart */
#define GS_DRAWN_ASKING 2       /* whose stack is read in one look, of those that say they want the GIL */
#ifdef Py_GIL_DISABLED          /* there, locks are the answer */
#  define GS_DRAWN_ASLEEP 4
#  define GS_QUIET_LOOKS 1
#else
#  define GS_DRAWN_ASLEEP 1     /* of those of which only the kernel knows */
#  define GS_QUIET_LOOKS 4      /* while nobody wants the GIL, one look in so many asks the kernel, for all of them */
#endif
#define GS_WATCH_TRIES 3
#define GS_LIST_LOOKS 16        /* how long the list of a crowd is believed while no thread begins */
#define GS_FEW 16               /* threads whose states are copied in every look */

typedef struct {
    gs_stacks *stacks;
    int waits;                  /* whether the kernel says what threads sleep on */
    int count;
    uintptr_t at[GS_CROWD];     /* thread states, in their order */
    int chosen;
    int choice[GS_CROWD];       /* places in `at` */
    char *copy;                 /* of each state */
    int age;                    /* looks since the copies were made */
} gs_watch;

#if GS_HAVE_PROBE
static inline uint64_t gs_next_random(uint64_t *state)
{
    uint64_t x = *state; /* xorshift64* */
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545F4914F6CDD1DULL;
}
#endif

#if GS_HAVE_PROBE && GS_HAVE_LAYOUT

static inline const char *gs_crowd_copy(const gs_watch *v, int i)
{
    return v->copy + (size_t)i * GS_STATE_BYTES;
}

/* Copy all states that were there at the last look; 1 if they still are a list, and all of it. */
static inline int gs_crowd_again(gs_watch *v, const gs_gil *gil)
{
    gs_walker *w = &v->stacks->walker;
    gs_batch *b = &w->batch;
    uintptr_t head = 0;
    for (int i = 0; i < v->count;) {
        gs_batch_clear(b);
        if (i == 0)
            gs_batch_add(b, (uintptr_t)gil->interp + gil->layout.threads_head, &head, sizeof head);
        for (; i < v->count && b->count < GS_BATCH; i++)
            gs_batch_add(b, v->at[i], v->copy + (size_t)i * GS_STATE_BYTES, w->state_span);
        if (!gs_batch_fetch(&gil->target, b))
            return 0;
    }
    for (int i = 0; i < v->count; i++) {
        uintptr_t next = gs_word(gs_crowd_copy(v, i), gil->layout.state_next);
        if (gs_word(gs_crowd_copy(v, i), gil->layout.state_interp) != (uintptr_t)gil->interp
            || (i + 1 < v->count ? next != v->at[i + 1] : next != 0 && v->count < GS_CROWD))
            return 0;
    }
    return v->count > 0 && v->at[0] == head;
}

/* Copy all thread states of the interpreter. Where the list broke off, what was found so far is what there is. Of a crowd
 * whose states do not say who waits, those that are drawn are copied later; a new thread comes first in the list. */
static inline void gs_crowd_read(gs_watch *v, const gs_gil *gil)
{
    uintptr_t state = 0, head = (uintptr_t)gil->interp + gil->layout.threads_head;
    if (v->count > GS_FEW && !gil->layout.state_requested && ++v->age < GS_LIST_LOOKS
        && gs_peek(&gil->target, head, &state, sizeof state) && state == v->at[0])
        return;
    v->age = 0;
    if (gs_crowd_again(v, gil))
        return;
    v->count = 0;
    if (!gs_peek(&gil->target, head, &state, sizeof state))
        return;
    for (; state != 0 && v->count < GS_CROWD; v->count++) {
        char *copy = v->copy + (size_t)v->count * GS_STATE_BYTES;
        if (!gs_peek(&gil->target, state, copy, v->stacks->walker.state_span)
            || gs_word(copy, gil->layout.state_interp) != (uintptr_t)gil->interp)
            return;
        v->at[v->count] = state;
        state = gs_word(copy, gil->layout.state_next);
    }
}

/* The copy of a state, NULL if none was made in this look. */
static inline const char *gs_crowd_find(const gs_watch *v, uintptr_t state)
{
    for (int i = 0; i < v->count && v->age == 0; i++)
        if (v->at[i] == state)
            return gs_crowd_copy(v, i);
    return NULL;
}

/* Choose those that ask for the GIL, or those that do not, without the holder. */
static inline void gs_choose(gs_watch *v, const gs_gil *gil, uintptr_t holder, int asking)
{
    v->chosen = 0;
    for (int i = 0; i < v->count; i++) {
        int requested = 0;
        if (gil->layout.state_requested)
            memcpy(&requested, gs_crowd_copy(v, i) + gil->layout.state_requested, sizeof requested);
        if (v->at[i] != holder && (requested != 0) == asking)
            v->choice[v->chosen++] = i;
    }
}

/* Draw the i-th of the chosen ones, each with the same probability. */
static inline int gs_draw(gs_watch *v, int i, uint64_t *random)
{
    int j = i + (int)((gs_next_random(random) >> 33) % (uint64_t)(v->chosen - i));
    int drawn = v->choice[j];
    v->choice[j] = v->choice[i];
    v->choice[i] = drawn;
    return drawn;
}

/* What a thread sleeps on: GS_WAITS_GIL, GS_WAITS_LOCK, or -1 for something else or nothing. */
static inline int gs_sleeps_on(const gs_gil *gil, int64_t native_id)
{
#  if defined(__linux__) && defined(SYS_futex)
    char text[256];
    long call;
    unsigned long address;
    uintptr_t lock = (uintptr_t)gil->interval_us - offsetof(struct _gil_runtime_state, interval);
    if (gs_task_file(&gil->target, native_id, "syscall", text, sizeof text) <= 0
        || sscanf(text, "%ld 0x%lx", &call, &address) != 2 || call != SYS_futex)
        return -1;
    return address - lock < sizeof(struct _gil_runtime_state) ? GS_WAITS_GIL : GS_WAITS_LOCK;
#  else
    (void)gil, (void)native_id;
    return -1;
#  endif
}

/* Whether the system says what threads of the target sleep on. */
static inline int gs_sleeps_known(const gs_gil *gil, int64_t native_id)
{
#  if defined(__linux__) && defined(SYS_futex)
    char text[256];
    int lock_known = gil->waits.by & GS_BY_STATES || gil->refs_at != GS_REFS_UNKNOWN; /* glibc: sleeps on the lock itself */
    return lock_known && gs_task_file(&gil->target, native_id, "syscall", text, sizeof text) > 0;
#  else
    (void)gil, (void)native_id;
    return 0;
#  endif
}

static inline void gs_watch_waiters(gs_watch *v, const gs_gil *gil, const gs_look *look, uint64_t *random)
{
    double looks = look->waiting > 0 ? 1.0 : GS_QUIET_LOOKS;
    for (int asking = 1; asking >= 0; asking--) {
        if (asking ? !gil->layout.state_requested : !v->waits)
            continue;
        if (!asking && looks > 1.0 && (gs_next_random(random) >> 33) % GS_QUIET_LOOKS != 0)
            return;
        gs_choose(v, gil, look->locked ? look->holder : 0, asking);
        int most = asking ? GS_DRAWN_ASKING : GS_DRAWN_ASLEEP, drawn = v->chosen < most ? v->chosen : most;
        for (int i = 0; i < drawn; i++) {
            int one = gs_draw(v, i, random), state = GS_WAITS_GIL;
            char *copy = v->copy + (size_t)one * GS_STATE_BYTES;
            if (v->age > 0 && (!gs_peek(&gil->target, v->at[one], copy, v->stacks->walker.state_span)
                               || gs_word(copy, gil->layout.state_interp) != (uintptr_t)gil->interp)) {
                v->count = 0; /* it has ended: list them anew */
                return;
            }
            if (!asking)
                state = gs_sleeps_on(gil, (int64_t)gs_word(copy, gil->layout.state_native));
            if (state >= 0)
                gs_note_stack(v->stacks, v->at[one], copy, state, (asking ? 1.0 : looks) * v->chosen / drawn, 0.0);
        }
    }
}

/* What the copy of its state says of the holder. */
static inline gs_holder gs_holder_seen(const gs_watch *v, const gs_look *look)
{
    const gs_walker *w = &v->stacks->walker;
    gs_holder found = {(int64_t)gs_word(w->state, w->at->state_native), look->asked};
#  if PY_VERSION_HEX >= 0x030D0000
    found.requested = (int)(gs_word(w->state, offsetof(PyThreadState, eval_breaker)) & 1);
#  endif
    return found;
}

/* Look at the lock and the stacks around it. Where it changed hands meanwhile, look again. */
static inline void gs_watch_look(gs_watch *v, const gs_gil *gil, gs_look *look, gs_holder *holder, int identify,
                                 uint64_t *random)
{
    gs_stacks *stacks = v->stacks;
    for (int tries = 1;; tries++) {
        int counted = look->waiting;
        gs_crowd_read(v, gil);
        if (gil->waits.by & GS_BY_STATES) {
            gs_choose(v, gil, look->holder, 1);
            look->waiting = counted + v->chosen;
        }
        if (!look->locked)
            break;
        stacks->fresh_count = 0;
        int read = gs_note_stack(stacks, look->holder, gs_crowd_find(v, look->holder), GS_HOLDS, 1.0, look->waiting);
        *holder = read ? gs_holder_seen(v, look) : gs_holder_of(gil, look, identify);
        if (read && stacks->walker.holder == look->holder && stacks->walker.switches == look->switch_number)
            break;
        if (tries == GS_WATCH_TRIES) {
            stacks->dropped += read;
            stacks->fresh_count = 0;
            break;
        }
        gs_look later;
        gs_look_lock(gil, &later);
        if (!read && later.holder == look->holder && later.switch_number == look->switch_number)
            break;
        *look = later;
        stacks->wanted -= 1;
        stacks->dropped -= !read;
    }
    gs_watch_waiters(v, gil, look, random);
}

static inline void gs_watch_free(gs_watch *v)
{
    if (v == NULL)
        return;
    gs_stacks_free(v->stacks);
    free(v->copy);
    free(v);
}

/* The stack of the calling thread; for the self-check. Returns NULL without memory, or where it cannot be read. */
static inline gs_stacks *gs_own_stack(const gs_gil *gil, gs_stack *stack)
{
    gs_stacks *s = gs_stacks_new(gil);
    if (s != NULL && gs_walk(&s->walker, (uintptr_t)PyThreadState_Get(), NULL, stack) == GS_STACK_READ)
        return s;
    gs_stacks_free(s);
    return NULL;
}

/* NULL where there is no memory, or the layout is not known. */
static inline gs_watch *gs_watch_new(const gs_gil *gil, int waits)
{
    gs_watch *v = (gs_watch *)calloc(1, sizeof *v);
    if (v == NULL)
        return NULL;
    v->stacks = gs_stacks_new(gil);
    v->copy = (char *)malloc((size_t)GS_CROWD * GS_STATE_BYTES);
    v->waits = waits;
    if (v->stacks == NULL || v->copy == NULL) {
        gs_watch_free(v);
        return NULL;
    }
    return v;
}

#elif GS_HAVE_PROBE
static inline void gs_watch_look(gs_watch *v, const gs_gil *g, gs_look *l, gs_holder *h, int i, uint64_t *r)
{ (void)v, (void)g, (void)l, (void)h, (void)i, (void)r; }
static inline void gs_watch_free(gs_watch *v) { free(v); }
static inline gs_watch *gs_watch_new(const gs_gil *gil, int waits) { (void)gil, (void)waits; return NULL; }
static inline gs_stacks *gs_own_stack(const gs_gil *gil, gs_stack *stack) { (void)gil, (void)stack; return NULL; }
static inline int gs_sleeps_known(const gs_gil *gil, int64_t native_id) { (void)gil, (void)native_id; return 0; }
#endif

#endif
