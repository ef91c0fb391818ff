/* What the looks of the sampler add up to. Memory does not grow with the length of the measurement. */
#ifndef GILSCOPE_GILSTATS_H
#define GILSCOPE_GILSTATS_H

#include "_gilwatch.h"

#define GS_BINS 512          /* timeline: doubled in width whenever it is full */
#define GS_THREADS 1024      /* distinct threads counted apart; further ones are summed in `others` */
#define GS_HOLD_BINS 96      /* quarter octaves from 1 us to 16 s */
#define GS_FIRST_BIN_NS 5000000

typedef struct {
    int64_t native_id;
    uint64_t samples;
    double held_ns;
    double overdue_ns;
    int64_t first_ns, last_ns;
} gs_thread;

typedef struct {
    double wall_ns, held_ns, waiting_ns;
    uint64_t switches, samples;
} gs_bin;

typedef struct {
    uint64_t count;
    double ns;
} gs_hold_bin;

/* Who held the GIL from when to when; kept where a timeline is wanted. */
typedef struct {
    int64_t native_id, start_ns, end_ns;
} gs_span;

typedef struct {
    gs_span *at;
    int capacity, count;
    uint64_t dropped;
} gs_spans;

typedef struct {
    int64_t began_ns, last_ns;
    uint64_t samples, late, unattributed;
    double wall_ns, squares;             /* sum of weights, of their squares */
    double held_ns, held_differences;    /* weighted sum; von Neumann's sum of squared successive differences */
    double waiting_ns, waiting_differences, waiting_squares;
    double contended_ns;                 /* held while somebody waits */
    double running_ns, overdue_ns;       /* held by a thread that had a CPU; of that, after it was asked to let go */
    double lateness_ns;
    uint64_t first_switch, last_switch;
    int64_t cpu_ns;                      /* the sampler's own */
    double rate_hz, busy;                /* now */
    int realtime;                        /* the sampler gets a CPU as soon as it wants one */
    unsigned long switch_interval_us;
    uint64_t checks[2][2];               /* self-check: [phase][locked by the checking thread] */
    int64_t bin_ns;
    int bins, threads;
    gs_bin timeline[GS_BINS];
    gs_thread table[GS_THREADS + 1];     /* the last one: all others */
    gs_hold_bin holds[GS_HOLD_BINS];
} gs_stats;

#if GS_HAVE_PROBE

#  include <math.h>

/* A stretch of samples that saw the same holder and no hand-over in between. */
typedef struct {
    uintptr_t holder;
    unsigned long switch_number;
    int64_t native_id;
    int64_t before_ns, first_ns, last_ns;  /* last sample before it, its own first and last */
    double weight_ns;
    int open;
} gs_run;

/* The sums, and what the next look needs to know of the last one. */
typedef struct {
    gs_stats stats;
    gs_spans spans;
    gs_stacks *stacks;       /* NULL: not wanted */
    const gs_target *target;
    gs_run run;
    double last_held, last_waiting, last_weight;
    unsigned long last_switch;
    int64_t last_native_id, last_holder_id, last_holder_cpu_ns;
} gs_tally;

static inline gs_bin *gs_bin_at(gs_stats *t, int64_t now)
{
    int64_t index = (now - t->began_ns) / t->bin_ns;
    while (index >= GS_BINS) {
        for (int i = 0; i < GS_BINS / 2; i++) {
            gs_bin *a = &t->timeline[2 * i], *b = a + 1, *to = &t->timeline[i];
            gs_bin sum = {a->wall_ns + b->wall_ns, a->held_ns + b->held_ns, a->waiting_ns + b->waiting_ns,
                          a->switches + b->switches, a->samples + b->samples};
            *to = sum;
        }
        memset(&t->timeline[GS_BINS / 2], 0, sizeof(gs_bin) * (GS_BINS / 2));
        t->bin_ns *= 2;
        index = (now - t->began_ns) / t->bin_ns;
    }
    if (index + 1 > t->bins)
        t->bins = (int)index + 1;
    return &t->timeline[index];
}

static inline gs_thread *gs_thread_of(gs_stats *t, int64_t native_id)
{
    for (int i = 0; i < t->threads; i++)
        if (t->table[i].native_id == native_id)
            return &t->table[i];
    if (t->threads == GS_THREADS)
        return &t->table[GS_THREADS];
    gs_thread *made = &t->table[t->threads++];
    made->native_id = native_id;
    return made;
}

static inline void gs_keep(gs_spans *spans, int64_t native_id, int64_t start, int64_t end)
{
    if (spans->capacity == 0)
        return;
    if (spans->count == spans->capacity) {
        spans->dropped += 1;
        return;
    }
    gs_span span = {native_id, start, end};
    spans->at[spans->count++] = span;
}

/* The hold began between before_ns and first_ns and ended between last_ns and now: take the middles. */
static inline void gs_close_run(gs_tally *y, int64_t now)
{
    gs_run *run = &y->run;
    if (!run->open)
        return;
    run->open = 0;
    gs_stats *t = &y->stats;
    double length = (double)(run->last_ns - run->first_ns) + 0.5 * (double)(now - run->last_ns)
                    + 0.5 * (double)(run->first_ns - run->before_ns);
    int64_t before = (run->first_ns - run->before_ns) / 2, after = (now - run->last_ns) / 2;
    gs_keep(&y->spans, run->native_id, run->first_ns - before, run->last_ns + after);
    int bin = length <= 1000.0 ? 0 : (int)(4.0 * log2(length / 1000.0));
    gs_hold_bin *hold = &t->holds[bin < GS_HOLD_BINS ? bin : GS_HOLD_BINS - 1];
    hold->count += 1;
    hold->ns += run->weight_ns;
}

static inline void gs_follow_run(gs_tally *y, const gs_look *look, int64_t native_id, int64_t now, double weight)
{
    gs_run *run = &y->run;
    if (run->open && !(look->locked && look->holder == run->holder && look->switch_number == run->switch_number))
        gs_close_run(y, now);
    if (!look->locked)
        return;
    if (!run->open) {
        gs_run fresh = {look->holder, look->switch_number, native_id, y->stats.last_ns, now, now, 0.0, 1};
        *run = fresh;
    }
    run->last_ns = now;
    run->weight_ns += weight;
}

static inline void gs_add_thread(gs_stats *t, int64_t native_id, int64_t now, double weight, double overdue)
{
    gs_thread *thread = gs_thread_of(t, native_id);
    if (thread->samples++ == 0)
        thread->first_ns = now;
    thread->last_ns = now;
    thread->held_ns += weight;
    thread->overdue_ns += overdue;
}

/* How much of the time of this look the holder could have answered a request, 0 to 1: by the CPU time it got since the
 * last look, all of it if it sleeps with the lock. A holder without a CPU cannot let go, whatever it runs. */
static inline double gs_able(gs_tally *y, const gs_holder *holder, int64_t now)
{
    int64_t cpu = holder->native_id ? gs_thread_cpu_ns(y->target, holder->native_id) : -1;
    int64_t got = cpu - y->last_holder_cpu_ns, wall = now - y->stats.last_ns;
    int known = cpu >= 0 && y->last_holder_cpu_ns >= 0 && holder->native_id == y->last_holder_id && wall > 0;
    y->last_holder_id = holder->native_id;
    y->last_holder_cpu_ns = cpu;
    if (holder->native_id == 0)
        return 1.0;
    if (holder->requested) { /* rare enough for a look at its state */
        gs_thread_now state = gs_thread_state(y->target, holder->native_id);
        if (!state.ready)
            return 1.0;
        if (!known)
            return state.here || gs_thread_cpu_ns(y->target, holder->native_id) != cpu ? 1.0 : 0.0;
    }
    double share = known ? (double)got / (double)wall : 1.0;
    return share < 0.0 ? 0.0 : share > 1.0 ? 1.0 : share;
}

/* Add time to the sums, all of it in the state that was seen at `at`. */
static inline void gs_count(gs_stats *t, double held, double waiting, int64_t at, double weight)
{
    t->wall_ns += weight;
    t->held_ns += weight * held;
    t->waiting_ns += weight * waiting;
    t->waiting_squares += weight * waiting * waiting;
    t->contended_ns += held > 0.0 && waiting > 0.0 ? weight : 0.0;
    gs_bin *bin = gs_bin_at(t, at);
    bin->wall_ns += weight;
    bin->held_ns += weight * held;
    bin->waiting_ns += weight * waiting;
}

/* The last look stands for more time than it was thought to. */
static inline void gs_extend(gs_tally *y, double more)
{
    gs_stats *t = &y->stats;
    gs_count(t, y->last_held, y->last_waiting, t->last_ns, more);
    t->squares += more * (more + 2.0 * y->last_weight);
    y->last_weight += more;
    if (y->stacks != NULL)
        gs_stacks_extend(y->stacks, more);
    if (y->run.open)
        y->run.weight_ns += more;
    if (y->last_held > 0.0 && y->last_native_id)
        gs_thread_of(t, y->last_native_id)->held_ns += more;
}

static inline void gs_add(gs_tally *y, const gs_look *look, const gs_holder *holder, int64_t now, double weight)
{
    gs_stats *t = &y->stats;
    double held = look->locked, waiting = look->waiting;
    gs_follow_run(y, look, holder->native_id, now, weight);
    if (y->stacks != NULL)
        gs_stacks_add(y->stacks, weight);
    if (t->samples > 0) {
        double w = 0.5 * (weight + y->last_weight), dh = held - y->last_held, dw = waiting - y->last_waiting;
        t->held_differences += w * w * dh * dh;
        t->waiting_differences += w * w * dw * dw;
    }
    t->samples += 1;
    t->squares += weight * weight;
    t->last_switch = look->switch_number;
    gs_count(t, held, waiting, now, weight);
    gs_bin *bin = gs_bin_at(t, now);
    bin->switches += look->switch_number - y->last_switch;
    bin->samples += 1;
    double able = look->locked ? gs_able(y, holder, now) * weight : 0.0;
    double overdue = holder->requested ? able : 0.0;
    t->running_ns += able;
    t->overdue_ns += overdue;
    if (holder->native_id)
        gs_add_thread(t, holder->native_id, now, weight, overdue);
    else
        t->unattributed += look->locked;
    t->last_ns = now;
    y->last_held = held;
    y->last_waiting = waiting;
    y->last_weight = weight;
    y->last_switch = look->switch_number;
    y->last_native_id = holder->native_id;
}

/* Add a look that was meant for a moment of the slot and happened `now`; return where the next slot begins.
 *
 * One that comes after its slot was kept from a CPU, and nobody knows what was missed. The moment at which a thread gets
 * a CPU again is not a random one: others give theirs up where they wait or let go. So what was missed goes half to the
 * look before and half to this one (the trapezoidal rule), whichever way time runs. */
static inline int64_t gs_place(gs_tally *y, const gs_look *look, const gs_holder *holder, int64_t slot, int64_t width,
                               int64_t now)
{
    int64_t end = slot + width;
    double missed = now > end ? (double)(now - end) : 0.0;
    if (missed > 0.0 && y->stats.samples > 0)
        gs_extend(y, missed *= 0.5);
    gs_add(y, look, holder, now, (double)width + missed);
    y->stats.late += now > end;
    return now > end ? now : end;
}

/* Variance of the held share so far, as `reading.py` computes it: half the sum of squared successive differences, and
 * one more for the change that was not seen. */
static inline double gs_held_variance(const gs_stats *t)
{
    if (t->samples < 2)
        return 1.0;
    return 0.5 * (t->held_differences + t->squares / (double)t->samples) / (t->wall_ns * t->wall_ns);
}

#endif /* GS_HAVE_PROBE */
#endif
