/* A thread that looks at the GIL at random moments and never takes it.
 *
 * Time is cut into slots of 1 / rate; each slot is looked at once, at a uniformly random moment (stratified sampling:
 * unbiased for any signal, no aliasing, and never less precise than as many independent moments). A sample stands for
 * the time of its slot. Everything is summed up as it comes: memory does not grow with the length of the measurement.
 */
#ifndef GILSCOPE_GILSAMPLER_H
#define GILSCOPE_GILSAMPLER_H

#include "_gilstate.h"
#include "duty.h"

#define GS_BINS 512          /* timeline: doubled in width whenever it is full */
#define GS_THREADS 1024      /* distinct threads told apart; further ones are summed in `others` */
#define GS_HOLD_BINS 96      /* quarter octaves from 1 us to 16 s */
#define GS_FIRST_BIN_NS 5000000
#define GS_CONTROL_NS 100000000  /* how often the adaptive rate is thought over */
#define GS_OWN_COST_NS 20000.0   /* CPU time of one look before it has been measured: setting a timer and waking up */

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
    unsigned long switch_interval_us;
    uint64_t checks[2][2];               /* self-check: [phase][locked by the checking thread] */
    int64_t bin_ns;
    int bins, threads;
    gs_bin timeline[GS_BINS];
    gs_thread table[GS_THREADS + 1];     /* the last one: all others */
    gs_hold_bin holds[GS_HOLD_BINS];
} gs_stats;

typedef struct {
    double rate_hz;       /* fixed rate, or the first one */
    int adaptive;
    double min_hz, max_hz, settled_hz;
    double budget;        /* share of one CPU's time the probe may cost with a CPU to spare */
    double machine_budget;/* share of the usable CPUs it may cost when all are busy */
    double wake_cost_ns;  /* what waking the sampler takes from a busy CPU, besides its own CPU time */
    double cpus;
    double target;        /* standard error of the held share that is precise enough */
    int identify;         /* read native ids of holders */
} gs_options;

#if GS_HAVE_PROBE

#  if defined(__linux__)
#    include <sys/prctl.h>
#  endif
#  include <errno.h>
#  include <fcntl.h>
#  include <math.h>
#  include <signal.h>
#  include <stdlib.h>
#  include <time.h>

/* A stretch of samples that saw the same holder and no hand-over in between. */
typedef struct {
    uintptr_t holder;
    unsigned long switch_number;
    int64_t before_ns, first_ns, last_ns;  /* last sample before it, its own first and last */
    double weight_ns;
    int open;
} gs_run;

typedef struct {
    gs_gil gil;
    gs_options options;
    gs_stats stats;
    gs_run run;
    pthread_t thread;
    pthread_mutex_t mutex;   /* guards stats and stopping */
    pthread_cond_t wake;
    pid_t pid;               /* a forked child has no sampler: nothing to join there */
    int running, stopping;
    uint64_t random;
    /* previous sample */
    double last_held, last_waiting, last_weight;
    unsigned long last_switch;
    int64_t last_holder_id, last_holder_cpu_ns;
    /* control */
    int64_t control_ns, control_cpu_ns, control_own_ns;
    uint64_t control_samples;
    double own_per_sample_ns;
    /* self-check */
    uintptr_t checked;
    int phase;               /* -1: not checking */
} gs_sampler;

static inline int64_t gs_clock_ns(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline double gs_uniform(gs_sampler *s)
{
    uint64_t x = s->random; /* xorshift64* */
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    s->random = x;
    return (double)((x * 0x2545F4914F6CDD1DULL) >> 11) * 0x1p-53;
}

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

/* The hold began between before_ns and first_ns and ended between last_ns and now: take the middles. */
static inline void gs_close_run(gs_sampler *s, int64_t now)
{
    gs_run *run = &s->run;
    if (!run->open)
        return;
    run->open = 0;
    gs_stats *t = &s->stats;
    double length = (double)(run->last_ns - run->first_ns) + 0.5 * (double)(now - run->last_ns)
                    + 0.5 * (double)(run->first_ns - run->before_ns);
    int bin = length <= 1000.0 ? 0 : (int)(4.0 * log2(length / 1000.0));
    gs_hold_bin *hold = &t->holds[bin < GS_HOLD_BINS ? bin : GS_HOLD_BINS - 1];
    hold->count += 1;
    hold->ns += run->weight_ns;
}

static inline void gs_follow_run(gs_sampler *s, const gs_look *look, int64_t now, double weight)
{
    gs_run *run = &s->run;
    if (run->open && !(look->locked && look->holder == run->holder && look->switch_number == run->switch_number))
        gs_close_run(s, now);
    if (!look->locked)
        return;
    if (!run->open) {
        gs_run fresh = {look->holder, look->switch_number, s->stats.last_ns, now, now, 0.0, 1};
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
static inline double gs_able(gs_sampler *s, const gs_holder *holder, int64_t now)
{
    int64_t cpu = holder->native_id ? gs_thread_cpu_ns(holder->native_id) : -1;
    int64_t got = cpu - s->last_holder_cpu_ns, wall = now - s->stats.last_ns;
    int known = cpu >= 0 && s->last_holder_cpu_ns >= 0 && holder->native_id == s->last_holder_id && wall > 0;
    s->last_holder_id = holder->native_id;
    s->last_holder_cpu_ns = cpu;
    if (holder->native_id == 0)
        return 1.0;
    if (holder->requested) { /* rare enough for a look at its state */
        gs_thread_now state = gs_thread_state(holder->native_id);
        if (!state.ready)
            return 1.0;
        if (!known)
            return state.here || gs_thread_cpu_ns(holder->native_id) != cpu ? 1.0 : 0.0;
    }
    double share = known ? (double)got / (double)wall : 1.0;
    return share < 0.0 ? 0.0 : share > 1.0 ? 1.0 : share;
}

/* mutex held */
static inline void gs_add(gs_sampler *s, const gs_look *look, const gs_holder *holder, int64_t now, double weight)
{
    gs_stats *t = &s->stats;
    double held = look->locked, waiting = look->waiting;
    gs_follow_run(s, look, now, weight);
    if (t->samples > 0) {
        double w = 0.5 * (weight + s->last_weight), dh = held - s->last_held, dw = waiting - s->last_waiting;
        t->held_differences += w * w * dh * dh;
        t->waiting_differences += w * w * dw * dw;
    }
    t->samples += 1;
    t->wall_ns += weight;
    t->squares += weight * weight;
    t->held_ns += weight * held;
    t->waiting_ns += weight * waiting;
    t->waiting_squares += weight * waiting * waiting;
    t->contended_ns += look->locked && look->waiting ? weight : 0.0;
    t->last_switch = look->switch_number;
    gs_bin *bin = gs_bin_at(t, now);
    bin->wall_ns += weight;
    bin->held_ns += weight * held;
    bin->waiting_ns += weight * waiting;
    bin->switches += look->switch_number - s->last_switch;
    bin->samples += 1;
    double able = look->locked ? gs_able(s, holder, now) * weight : 0.0;
    double overdue = holder->requested ? able : 0.0;
    t->running_ns += able;
    t->overdue_ns += overdue;
    if (holder->native_id)
        gs_add_thread(t, holder->native_id, now, weight, overdue);
    else
        t->unattributed += look->locked;
    t->last_ns = now;
    s->last_held = held;
    s->last_waiting = waiting;
    s->last_weight = weight;
    s->last_switch = look->switch_number;
}

/* Variance of the held share so far, as `reading.py` computes it: half the sum of squared successive differences, and
 * one more for the change that was not seen. */
static inline double gs_held_variance(const gs_stats *t)
{
    if (t->samples < 2)
        return 1.0;
    return 0.5 * (t->held_differences + t->squares / (double)t->samples) / (t->wall_ns * t->wall_ns);
}

/* Runnable threads of the whole machine other than this one, or -1 where the system does not tell. */
static inline int gs_runnable_elsewhere(void)
{
#  if defined(__linux__)
    char text[96];
    int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return -1;
    text[size] = 0;
    int running;
    if (sscanf(text, "%*s %*s %*s %d/", &running) != 1)
        return -1;
    return running - 1;
#  else
    return -1;
#  endif
}

/* Keep the probe's cost within its budget. With a CPU to spare a sample costs what the sampler itself uses; with all
 * CPUs busy it also costs the thread that was interrupted (wake_cost_ns). */
static inline void gs_control(gs_sampler *s, int64_t now)
{
    gs_options *o = &s->options;
    gs_stats *t = &s->stats;
    int64_t process = gs_clock_ns(CLOCK_PROCESS_CPUTIME_ID), own = gs_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    double wall = (double)(now - s->control_ns);
    uint64_t samples = t->samples - s->control_samples;
    double used = (double)(process - s->control_cpu_ns) / wall;
    double busy = used - (o->cpus - 1.0);
    busy = busy < 0.0 ? 0.0 : busy > 1.0 ? 1.0 : busy;
    int elsewhere = gs_runnable_elsewhere();
    double crowded = elsewhere >= (int)sysconf(_SC_NPROCESSORS_ONLN) ? 1.0 : 0.0;
    if (crowded > busy)
        busy = crowded;
    t->busy = busy > t->busy ? busy : t->busy + 0.3 * (busy - t->busy); /* up at once, down slowly */
    if (samples > 0) {
        double cost = (double)(own - s->control_own_ns) / (double)samples;
        s->own_per_sample_ns += 0.3 * (cost - s->own_per_sample_ns);
    }
    s->control_ns = now;
    s->control_cpu_ns = process;
    s->control_own_ns = own;
    s->control_samples = t->samples;
    t->cpu_ns = own;
    if (!o->adaptive)
        return;
    double spare = o->budget * 1e9 / s->own_per_sample_ns;
    double crowd = o->machine_budget * o->cpus * 1e9 / (s->own_per_sample_ns + t->busy * o->wake_cost_ns);
    double rate = spare < crowd ? spare : crowd;
    double most = gs_held_variance(t) <= o->target * o->target ? o->settled_hz : o->max_hz;
    rate = rate > most ? most : rate;
    t->rate_hz = rate < o->min_hz ? o->min_hz : rate;
}

/* mutex held; returns 1 when it is time to stop */
static inline int gs_sleep_until(gs_sampler *s, int64_t until)
{
    while (!s->stopping) {
        int64_t now = gs_clock_ns(CLOCK_MONOTONIC);
        if (now >= until)
            return 0;
#  if defined(__APPLE__)
        struct timespec left = {(until - now) / 1000000000, (until - now) % 1000000000};
        pthread_cond_timedwait_relative_np(&s->wake, &s->mutex, &left);
#  else
        struct timespec at = {until / 1000000000, until % 1000000000};
        pthread_cond_timedwait(&s->wake, &s->mutex, &at);
#  endif
    }
    return 1;
}

static inline void gs_begin(gs_sampler *s)
{
    gs_stats *t = &s->stats;
    gs_look look;
    gs_look_at(&s->gil, &look);
    t->began_ns = t->last_ns = s->control_ns = gs_clock_ns(CLOCK_MONOTONIC);
    t->first_switch = t->last_switch = s->last_switch = look.switch_number;
    t->bin_ns = GS_FIRST_BIN_NS;
    t->rate_hz = s->options.rate_hz;
    t->switch_interval_us = *s->gil.interval_us;
    s->control_cpu_ns = gs_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    s->control_own_ns = gs_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    s->own_per_sample_ns = GS_OWN_COST_NS;
}

static void *gs_sampler_main(void *argument)
{
    gs_sampler *s = (gs_sampler *)argument;
    gs_stats *t = &s->stats;
#  if defined(__linux__)
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    pthread_setname_np(pthread_self(), "gilscope-probe");
#  endif
    pthread_mutex_lock(&s->mutex);
    gs_begin(s);
    int64_t slot = t->began_ns;
    for (;;) {
        int64_t width = (int64_t)(1e9 / t->rate_hz);
        int64_t target = slot + (int64_t)(gs_uniform(s) * (double)width);
        if (gs_sleep_until(s, target))
            break;
        gs_look look;
        gs_look_at(&s->gil, &look);
        int64_t now = gs_clock_ns(CLOCK_MONOTONIC);
        gs_holder holder = {0, 0};
        if (look.locked)
            holder = gs_holder_of(&s->gil, &look, s->options.identify);
        int64_t end = slot + width > now ? slot + width : now;
        gs_add(s, &look, &holder, now, (double)(end - slot));
        t->lateness_ns += (double)(now - target);
        t->late += now > slot + width;
        if (s->phase >= 0)
            t->checks[s->phase][look.locked && look.holder == s->checked] += 1;
        slot = end;
        if (now - s->control_ns >= GS_CONTROL_NS)
            gs_control(s, now);
    }
    gs_close_run(s, gs_clock_ns(CLOCK_MONOTONIC));
    t->cpu_ns = gs_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

static inline gs_sampler *gs_new(const gs_gil *gil, const gs_options *options, uint64_t seed)
{
    gs_sampler *s = (gs_sampler *)calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->gil = *gil;
    s->options = *options;
    s->random = seed | 1;
    s->phase = -1;
    s->pid = getpid();
    return s;
}

/* Returns 0, or an errno. */
static inline int gs_start(gs_sampler *s)
{
    sigset_t all, before;
    pthread_condattr_t monotonic;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_condattr_init(&monotonic);
#  if !defined(__APPLE__)
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
#  endif
    pthread_cond_init(&s->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigfillset(&all); /* no signal of the program is to be handled here */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&s->thread, NULL, gs_sampler_main, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    s->running = !failed;
    return failed;
}

static inline void gs_stop(gs_sampler *s)
{
    if (!s->running)
        return;
    s->running = 0;
    if (getpid() != s->pid)
        return;
    pthread_mutex_lock(&s->mutex);
    s->stopping = 1;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->thread, NULL);
}

static inline void gs_copy(gs_sampler *s, gs_stats *out)
{
    int shared = s->running && getpid() == s->pid;
    if (shared)
        pthread_mutex_lock(&s->mutex);
    *out = s->stats;
    if (shared)
        pthread_mutex_unlock(&s->mutex);
}

static inline void gs_free(gs_sampler *s)
{
    if (s == NULL)
        return;
    gs_stop(s);
    free(s);
}

/* ---- self-check ------------------------------------------------------------------------------------------------ */

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
        seen = s->stats.checks[phase][0] + s->stats.checks[phase][1];
        pthread_mutex_unlock(&s->mutex);
    }
    gs_set_phase(s, -1);
}

/* GIL: held; holds it for a while, lets go of it for a while, and expects the sampler to have seen just that. */
static inline int gs_check_hold(const gs_gil *gil, char *reason)
{
    gs_options options = {GS_CHECK_HZ, 0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0};
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
    uint64_t missed = s->stats.checks[0][0], seen = s->stats.checks[0][1];
    uint64_t free_seen = s->stats.checks[1][0], ghost = s->stats.checks[1][1];
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
