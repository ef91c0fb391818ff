/* Where there is no probe its door still opens: everything here says so instead of working. */
#ifndef GILSCOPE_GILABSENT_H
#define GILSCOPE_GILABSENT_H

#include "_giltrace.h"

#if !GS_HAVE_PROBE
typedef struct { gs_spans spans; gs_stacks *stacks; } gs_tally;
typedef struct { int running, gone; gs_tally tally; } gs_sampler;
typedef struct { gs_spans spans; gs_trace_stats stats; } gs_tracer;
static gs_tracer *gs_tracer_new(const gs_gil *g, int i, int c) { (void)g, (void)i, (void)c; return NULL; }
static int gs_tracer_start(gs_tracer *t) { (void)t; return -1; }
static void gs_tracer_stop(gs_tracer *t) { (void)t; }
static void gs_tracer_free(gs_tracer *t) { (void)t; }
static gs_sampler *gs_new(const gs_gil *g, const gs_options *o, uint64_t seed)
{ (void)g, (void)o, (void)seed; return NULL; }
static int gs_start(gs_sampler *s) { (void)s; return -1; }
static void gs_begin(gs_sampler *s) { (void)s; }
static void gs_end(gs_sampler *s) { (void)s; }
static void gs_stop(gs_sampler *s) { (void)s; }
static void gs_free(gs_sampler *s) { (void)s; }
static int64_t gs_replay(gs_sampler *s, int64_t slot, int64_t width, int64_t now, int l, int w)
{ (void)s, (void)slot, (void)width, (void)now, (void)l, (void)w; return 0; }
static void gs_copy(gs_sampler *s, gs_stats *out) { (void)s, (void)out; }
static int gs_check_hold(const gs_gil *g, char *r) { (void)g, (void)r; return 0; }
static int gs_check_waiters(const gs_gil *g, int *a, char *r) { (void)g, (void)a, (void)r; return 0; }
static int gs_check_identity(const gs_gil *g, char *r) { (void)g, (void)r; return 0; }
typedef struct { int locked; uintptr_t holder; unsigned long switch_number; int waiting, gone; } gs_look;
static void gs_look_at(const gs_gil *g, gs_look *l) { (void)g, (void)l; }
static int gs_copy_stacks(gs_sampler *s, gs_stack_sum *o, uint64_t *w, uint64_t *d)
{ (void)s, (void)o, (void)w, (void)d; return 0; }
static gs_stacks *gs_own_stack(const gs_gil *g, gs_stack *k) { (void)g, (void)k; return NULL; }
static void gs_stacks_free(gs_stacks *s) { (void)s; }
static int gs_sleeps_known(const gs_gil *g, int64_t n) { (void)g, (void)n; return 0; }
#endif

#endif
