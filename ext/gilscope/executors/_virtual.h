/* A worker's virtual clock: its own time without what other programs took while it was runnable.
 *
 * Two things are taken out: the scheduler's queue (schedstat of the calling thread; Documentation/scheduler/
 * sched-stats.rst) and the hypervisor's steal, known only of stretches in which the thread never gave up its CPU of its
 * own accord (ru_nvcsw): there, what is neither CPU time nor queueing was stolen. Reading takes two system calls, about
 * 2 us, so short stretches are not read: an episode of queueing lasts milliseconds and makes its stretch a long one.
 */
#ifndef GS_VIRTUAL_H
#define GS_VIRTUAL_H
#include <stdint.h>

#define GS_STRETCH_NS 500000 /* read after stretches from this length on: costs less than half a per cent */
#define GS_WAKE_NS 30000     /* queueing of a wake-up on an idle CPU, which is no other program's doing */

typedef struct {
    int fd;              /* of schedstat; -1: cannot be known */
    int64_t at, value;   /* when the clock was last advanced, and what it said then */
    int64_t read_at, queue, cpu, switches; /* when the counters were last read, and what they said */
    int64_t queued, stolen;                /* taken out since the start barrier opened */
} gs_virtual;

#if defined(__linux__)
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#ifndef RUSAGE_THREAD
#define RUSAGE_THREAD 1 /* linux/resource.h; behind _GNU_SOURCE in glibc */
#endif

static int gs_virtual_read(gs_virtual *c, int64_t *queue, int64_t *cpu, int64_t *switches) {
    char text[96], *rest;
    struct rusage usage;
    struct timespec t;
    ssize_t size = pread(c->fd, text, sizeof text - 1, 0);
    if (size <= 0 || getrusage(RUSAGE_THREAD, &usage) || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t)) return -1;
    text[size] = 0;
    strtoll(text, &rest, 10);
    if (rest == text || *rest != ' ') return -1;
    *queue = strtoll(rest, NULL, 10);
    *cpu = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    *switches = usage.ru_nvcsw;
    return 0;
}

static int gs_virtual_open(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }
static void gs_virtual_close(int fd) { if (fd >= 0) close(fd); }
#else
static int gs_virtual_read(gs_virtual *c, int64_t *queue, int64_t *cpu, int64_t *switches) {
    (void)c; (void)queue; (void)cpu; (void)switches;
    return -1;
}
static int gs_virtual_open(const char *path) { (void)path; return -1; }
static void gs_virtual_close(int fd) { (void)fd; }
#endif

/* Read the counters; return what other programs took since they were last read, of it at most the time that passed. */
static int64_t gs_virtual_lost(gs_virtual *c, int64_t now) {
    int64_t queue, cpu, switches, queued, stolen = 0, passed = now - c->read_at;
    if (c->fd < 0) return 0;
    if (gs_virtual_read(c, &queue, &cpu, &switches)) { gs_virtual_close(c->fd); c->fd = -1; return 0; }
    queued = queue - c->queue;
    if (switches == c->switches && passed - (cpu - c->cpu) > queued) stolen = passed - (cpu - c->cpu) - queued;
    c->read_at = now; c->queue = queue; c->cpu = cpu; c->switches = switches;
    c->stolen += stolen;
    c->queued += queued;
    return queued + stolen;
}

static int64_t gs_least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Advance to `now` after own work. */
static int64_t gs_virtual_advance(gs_virtual *c, int64_t now, int last) {
    int64_t passed = now - c->at;
    int64_t lost = last || passed >= GS_STRETCH_NS ? gs_virtual_lost(c, now) : 0;
    c->at = now;
    return c->value += passed - gs_least(lost, passed);
}

/* Go on after a wait that ended, for the last to arrive, at `latest`, when the latest virtual clock said `value`. */
static void gs_virtual_resume(gs_virtual *c, int64_t value, int64_t latest, int64_t now, int blocked) {
    int64_t waking = now - latest;
    int64_t lost = blocked || now - c->at >= GS_STRETCH_NS ? gs_virtual_lost(c, now) : 0;
    lost = gs_least(lost, waking);
    c->value = value + waking - (lost >= GS_WAKE_NS ? lost : 0);
    c->at = now;
}

/* Begin anew on arrival at the start barrier; the clock is at zero when the last one arrives. */
static void gs_virtual_start(gs_virtual *c, int64_t now) {
    c->at = c->read_at = now;
    if (c->fd >= 0 && gs_virtual_read(c, &c->queue, &c->cpu, &c->switches)) { gs_virtual_close(c->fd); c->fd = -1; }
}
#endif
