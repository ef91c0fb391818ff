/* Distinct stacks and the time spent with each. Memory does not grow with the length of the measurement. */
#ifndef GILSCOPE_GILSTACKS_H
#define GILSCOPE_GILSTACKS_H

#include "_gilframes.h"

#define GS_STACKS 4096          /* distinct stacks; further ones are summed up by what their threads did */
#define GS_STACK_SLOTS (2 * GS_STACKS)
#define GS_MARKS 32             /* stacks that one look may see */

enum { GS_HOLDS, GS_WAITS_GIL, GS_WAITS_LOCK, GS_STACK_STATES };

typedef struct {
    int64_t native_id;
    int state, depth;
    gs_line *frames;           /* never changed once it is here */
    uint64_t hash;
    double ns, blame_ns;        /* time spent so; thread time that others waited meanwhile */
    uint64_t samples;
} gs_stack_sum;

/* What a look saw, so that time which turns out to belong to it can be added later. */
typedef struct {
    gs_stack_sum *sum;
    double times;               /* threads that it stands for */
    double waiting;             /* holders: threads that waited */
} gs_mark;

typedef struct {
    gs_stack_sum sums[GS_STACKS + GS_STACK_STATES]; /* the last ones: all others, by state */
    int count;
    int slot[GS_STACK_SLOTS];   /* place in `sums` + 1 */
    gs_mark last[GS_MARKS], fresh[GS_MARKS];
    int last_count, fresh_count;
    uint64_t wanted, dropped;
    gs_codes codes;
#if GS_HAVE_PROBE && GS_HAVE_LAYOUT
    gs_walker walker;
#endif
} gs_stacks;

#if GS_HAVE_PROBE && GS_HAVE_LAYOUT

static inline uint64_t gs_stack_hash(const gs_stack *stack, int64_t native_id, int state)
{
    uint64_t hash = 0xCBF29CE484222325ULL ^ (uint64_t)native_id ^ ((uint64_t)state << 56);
    for (int i = 0; i < stack->depth; i++) {
        hash = (hash ^ (uint64_t)(uint32_t)stack->at[i].code) * 0x100000001B3ULL;
        hash = (hash ^ (uint64_t)(uint32_t)stack->at[i].line) * 0x100000001B3ULL;
    }
    return hash ^ (hash >> 29);
}

static inline gs_stack_sum *gs_sum_of(gs_stacks *s, const gs_stack *stack, int64_t native_id, int state)
{
    uint64_t hash = gs_stack_hash(stack, native_id, state);
    size_t size = sizeof(gs_line) * (size_t)stack->depth;
    unsigned slot = (unsigned)(hash % GS_STACK_SLOTS);
    for (; s->slot[slot] != 0; slot = (slot + 1) % GS_STACK_SLOTS) {
        gs_stack_sum *known = &s->sums[s->slot[slot] - 1];
        if (known->hash == hash && known->native_id == native_id && known->state == state
            && known->depth == stack->depth && memcmp(known->frames, stack->at, size) == 0)
            return known;
    }
    gs_line *frames = s->count < GS_STACKS ? (gs_line *)malloc(size + 1) : NULL;
    if (frames == NULL)
        return &s->sums[GS_STACKS + state];
    memcpy(frames, stack->at, size);
    gs_stack_sum made = {native_id, state, stack->depth, frames, hash, 0.0, 0.0, 0};
    s->sums[s->count] = made;
    s->slot[slot] = ++s->count;
    return &s->sums[s->count - 1];
}

/* Read the stack of a thread state, of which `copy` was made just now if it is not NULL, and note it for this look. */
static inline int gs_note_stack(gs_stacks *s, uintptr_t thread, const char *copy, int state, double times, double waiting)
{
    gs_stack stack;
    s->wanted += 1;
    gs_stack_result result = gs_walk(&s->walker, thread, copy, &stack);
    if (result == GS_STACK_DROPPED || s->fresh_count == GS_MARKS) {
        s->dropped += 1;
        return 0;
    }
    gs_mark mark = {&s->sums[GS_STACKS + state], times, waiting};
    if (result == GS_STACK_READ)
        mark.sum = gs_sum_of(s, &stack, (int64_t)gs_word(s->walker.state, s->walker.at->state_native), state);
    s->fresh[s->fresh_count++] = mark;
    return 1;
}

/* More time for what the last look saw. */
static inline void gs_stacks_extend(gs_stacks *s, double weight)
{
    for (int i = 0; i < s->last_count; i++) {
        gs_mark *mark = &s->last[i];
        mark->sum->ns += weight * mark->times;
        mark->sum->blame_ns += weight * mark->waiting;
    }
}

/* What was noted is what the last look saw. */
static inline void gs_stacks_add(gs_stacks *s, double weight)
{
    memcpy(s->last, s->fresh, sizeof s->last);
    s->last_count = s->fresh_count;
    s->fresh_count = 0;
    for (int i = 0; i < s->last_count; i++)
        s->last[i].sum->samples += 1;
    gs_stacks_extend(s, weight);
}

static inline gs_stacks *gs_stacks_new(const gs_gil *gil)
{
    gs_stacks *s = (gs_stacks *)calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    for (int i = 0; i < GS_STACK_STATES; i++)
        s->sums[GS_STACKS + i].state = i;
    if (!gs_walker_init(&s->walker, gil, &s->codes)) {
        free(s);
        return NULL;
    }
    return s;
}

static inline void gs_stacks_free(gs_stacks *s)
{
    if (s == NULL)
        return;
    for (int i = 0; i < s->count; i++)
        free(s->sums[i].frames);
    gs_codes_free(&s->codes);
    free(s);
}

#elif GS_HAVE_PROBE
static inline void gs_stacks_extend(gs_stacks *s, double weight) { (void)s, (void)weight; }
static inline void gs_stacks_add(gs_stacks *s, double weight) { (void)s, (void)weight; }
static inline gs_stacks *gs_stacks_new(const gs_gil *gil) { (void)gil; return NULL; }
static inline void gs_stacks_free(gs_stacks *s) { free(s); }
#endif

#endif
