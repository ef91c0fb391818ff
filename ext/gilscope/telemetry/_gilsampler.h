/* A thread that looks at the GIL at random moments and never takes it.
 *
 * Time is cut into slots of 1 / rate; each slot is looked at once, at a uniformly random moment (stratified sampling:
 * unbiased for any signal, no aliasing, and never less precise than as many independent moments). A sample stands for
 * the time of its slot; one that comes too late shares what was missed with the one before (gs_place).
 */
#ifndef GILSCOPE_GILSAMPLER_H
#define GILSCOPE_GILSAMPLER_H

#include "_gilstats.h"
#include "duty.h"

#define GS_CONTROL_NS 100000000  /* how often the adaptive rate is thought over */
#define GS_OWN_COST_NS 20000.0   /* CPU time of one look before it has been measured: setting a timer and waking up */

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
    int keep;             /* holds to keep with their times, for a timeline */
    int realtime;         /* ask for a CPU at once, where the system allows it */
    int lines;            /* read the stacks of the holder and of those that wait */
    int waits;            /* whether the kernel says what threads sleep on */
} gs_options;

#if GS_HAVE_PROBE

#  if defined(__linux__)
#    include <sys/prctl.h>
#  endif
#  include <errno.h>
#  include <fcntl.h>
#  include <signal.h>
#  include <stdlib.h>
#  include <time.h>

typedef struct {
    gs_gil gil;
    gs_options options;
    gs_tally tally;
    gs_files files;
    gs_watch *watch;         /* NULL: stacks are not wanted */
    pthread_t thread;
    pthread_mutex_t mutex;   /* guards tally and what follows */
    pthread_cond_t wake;
    int ready, looking, stopping;
    int gone;                /* the process that is watched has ended */
    int64_t stopped_ns;      /* where the window ends */
    pid_t pid;               /* a forked child has no sampler: nothing to join there */
    int running;
    uint64_t random;
    /* control */
    int64_t control_ns, control_cpu_ns, control_own_ns, began_own_ns;
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
    return (double)(gs_next_random(&s->random) >> 11) * 0x1p-53;
}

/* CPU time of the process that is watched. */
static inline int64_t gs_process_cpu_ns(const gs_sampler *s)
{
    int64_t pid = s->gil.target.pid;
    return gs_clock_ns(pid ? (clockid_t)((~(uint32_t)pid << 3) | 2) : CLOCK_PROCESS_CPUTIME_ID);
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
    gs_stats *t = &s->tally.stats;
    int64_t process = gs_process_cpu_ns(s), own = gs_clock_ns(CLOCK_THREAD_CPUTIME_ID);
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
        s->own_per_sample_ns += (s->control_samples > 0 ? 0.3 : 1.0) * (cost - s->own_per_sample_ns);
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

/* Length of the next slot. An adaptive rate follows the mean cost; a look that cost more than that, because it met much
 * that is new, is paid for before the next one. */
static inline int64_t gs_slot_width(const gs_sampler *s)
{
    const gs_options *o = &s->options;
    const gs_stats *t = &s->tally.stats;
    double width = 1e9 / t->rate_hz;
    if (!o->adaptive)
        return (int64_t)width;
    double used = (double)(gs_clock_ns(CLOCK_THREAD_CPUTIME_ID) - s->began_own_ns);
    double owed = used / o->budget - (double)(gs_clock_ns(CLOCK_MONOTONIC) - t->began_ns), most = 1e9 / o->min_hz;
    owed = owed > most ? most : owed;
    return (int64_t)(owed > width ? owed : width);
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

/* The window begins now. Called by who is measured, so that it does not begin when the sampler first gets a CPU. */
static inline void gs_begin(gs_sampler *s)
{
    gs_stats *t = &s->tally.stats;
    gs_look look;
    pthread_mutex_lock(&s->mutex);
    gs_look_at(&s->gil, &look);
    t->began_ns = t->last_ns = s->control_ns = gs_clock_ns(CLOCK_MONOTONIC);
    t->first_switch = t->last_switch = s->tally.last_switch = look.switch_number;
    t->bin_ns = GS_FIRST_BIN_NS;
    t->rate_hz = s->options.rate_hz;
    t->switch_interval_us = gs_interval_us(&s->gil);
    s->control_cpu_ns = gs_process_cpu_ns(s);
    s->own_per_sample_ns = GS_OWN_COST_NS;
    s->looking = 1;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->mutex);
}

/* A look is one of a random moment only if it happens at that moment. Beside busy neighbours a thread may wait for the
 * end of their slices, milliseconds; the lowest real-time priority goes before them. It needs CAP_SYS_NICE or RLIMIT_RTPRIO
 * (man 7 sched); what the sampler may use is bounded by its budget. Returns whether it was allowed. */
static inline int gs_ask_for_realtime(void)
{
#  if defined(__linux__)
    struct sched_param lowest = {0};
    lowest.sched_priority = sched_get_priority_min(SCHED_FIFO);
    return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) == 0; /* 0: this thread */
#  else
    return 0;
#  endif
}

static void *gs_sampler_main(void *argument)
{
    gs_sampler *s = (gs_sampler *)argument;
    gs_stats *t = &s->tally.stats;
#  if defined(__linux__)
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    pthread_setname_np(pthread_self(), "gilscope-probe");
#  endif
    int realtime = s->options.realtime && gs_ask_for_realtime();
    pthread_mutex_lock(&s->mutex);
    t->realtime = realtime;
    s->ready = 1;
    pthread_cond_broadcast(&s->wake);
    while (!s->looking && !s->stopping)
        pthread_cond_wait(&s->wake, &s->mutex);
    s->control_own_ns = s->began_own_ns = gs_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    int64_t slot = t->began_ns;
    for (;;) {
        int64_t width = gs_slot_width(s);
        int64_t target = slot + (int64_t)(gs_uniform(s) * (double)width);
        if (gs_sleep_until(s, target))
            break;
        gs_look look;
        if (s->watch != NULL)
            gs_look_lock(&s->gil, &look);
        else
            gs_look_at(&s->gil, &look);
        if (look.gone) {
            s->gone = 1;
            s->stopped_ns = slot;
            break;
        }
        int64_t now = gs_clock_ns(CLOCK_MONOTONIC);
        gs_holder holder = {0, 0};
        if (s->watch != NULL)
            gs_watch_look(s->watch, &s->gil, &look, &holder, s->options.identify, &s->random);
        else if (look.locked)
            holder = gs_holder_of(&s->gil, &look, s->options.identify);
        t->lateness_ns += (double)(now - target);
        slot = gs_place(&s->tally, &look, &holder, slot, width, now);
        if (s->phase >= 0)
            t->checks[s->phase][look.locked && look.holder == s->checked] += 1;
        if (now - s->control_ns >= GS_CONTROL_NS)
            gs_control(s, now);
    }
    if (t->samples > 0 && s->stopped_ns > slot) /* a slot that was not looked at: it ended too early, or a CPU came too late */
        gs_extend(&s->tally, (double)(s->stopped_ns - slot));
    gs_close_run(&s->tally, gs_clock_ns(CLOCK_MONOTONIC));
    t->cpu_ns = gs_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    gs_files_close(&s->files);
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

/* A look that never happened, of a sampler that was not started: what would it add? Returns where the next slot begins. */
static inline int64_t gs_replay(gs_sampler *s, int64_t slot, int64_t width, int64_t now, int locked, int waiting)
{
    gs_stats *t = &s->tally.stats;
    gs_look look = {locked, (uintptr_t)1, 0, waiting, 0, 0};
    gs_holder holder = {0, 0};
    if (t->samples == 0) {
        t->began_ns = t->last_ns = slot;
        t->bin_ns = GS_FIRST_BIN_NS;
    }
    return gs_place(&s->tally, &look, &holder, slot, width, now);
}

static inline gs_sampler *gs_new(const gs_gil *gil, const gs_options *options, uint64_t seed)
{
    gs_sampler *s = (gs_sampler *)calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->gil = *gil;
    s->gil.target.files = &s->files;
    s->options = *options;
    s->random = seed | 1;
    s->phase = -1;
    s->pid = getpid();
    s->tally.target = &s->gil.target;
    if (options->lines && (s->watch = gs_watch_new(&s->gil, options->waits)) == NULL) {
        free(s);
        return NULL;
    }
    s->tally.stacks = s->watch != NULL ? s->watch->stacks : NULL;
    if (options->keep > 0) {
        s->tally.spans.at = (gs_span *)calloc((size_t)options->keep, sizeof(gs_span));
        if (s->tally.spans.at == NULL) {
            gs_watch_free(s->watch);
            free(s);
            return NULL;
        }
        s->tally.spans.capacity = options->keep;
    }
    return s;
}

/* Returns 0 when the sampler has a CPU and waits for gs_begin, or an errno. */
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
    if (failed)
        return failed;
    pthread_mutex_lock(&s->mutex);
    while (!s->ready)
        pthread_cond_wait(&s->wake, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
    return 0;
}

/* The window ends now; gs_stop may take its time. */
static inline void gs_end(gs_sampler *s)
{
    if (s->running && getpid() == s->pid && s->stopped_ns == 0)
        s->stopped_ns = gs_clock_ns(CLOCK_MONOTONIC);
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

/* Copy the sums of all stacks to `sums`, of GS_STACKS + GS_STACK_STATES; returns how many there are besides the last ones.
 * Frames and code objects never change, so they need not be copied. */
static inline int gs_copy_stacks(gs_sampler *s, gs_stack_sum *sums, uint64_t *wanted, uint64_t *dropped)
{
    gs_stacks *stacks = s->tally.stacks;
    int shared = s->running && getpid() == s->pid;
    if (shared)
        pthread_mutex_lock(&s->mutex);
    int count = stacks->count;
    memcpy(sums, stacks->sums, sizeof stacks->sums);
    *wanted = stacks->wanted;
    *dropped = stacks->dropped;
    if (shared)
        pthread_mutex_unlock(&s->mutex);
    return count;
}

static inline void gs_copy(gs_sampler *s, gs_stats *out)
{
    int shared = s->running && getpid() == s->pid;
    if (shared)
        pthread_mutex_lock(&s->mutex);
    *out = s->tally.stats;
    if (shared)
        pthread_mutex_unlock(&s->mutex);
}

static inline void gs_free(gs_sampler *s)
{
    if (s == NULL)
        return;
    gs_stop(s);
    free(s->tally.spans.at);
    gs_watch_free(s->watch);
    free(s);
}

#endif /* GS_HAVE_PROBE */
#endif
