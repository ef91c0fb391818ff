/* The Python stack of a thread that may be running, copied in as few calls as the version allows.
 *
 * Most frames are in one piece of memory, the data stack. So one call finds it (from the thread state) and a second one
 * copies the thread state, the data stack and the thread state again: the stack counts if its top is the same in both.
 * Frames of generators, and those that mark where C called Python, are elsewhere. Where a generator's was met, it may have
 * yielded before it was read: the second call is made again with all of them in it. A third call copies the beginning of
 * each code object, and once more the frames that were read one by one, which must be what they were.
 */
#ifndef GILSCOPE_GILFRAMES_H
#define GILSCOPE_GILFRAMES_H

#include "_gilcodes.h"

#define GS_MOST_FRAMES 64
#define GS_MOST_STEPS 160       /* frames and marks of C calls in between */
#define GS_ELSEWHERE 96         /* frames that are not on the data stack */
#define GS_FRAME_BYTES 128
#define GS_STATE_BYTES 512
#define GS_STACK_BYTES 16384    /* of the data stack, its newest end */
#define GS_ABOVE_TOP 1024       /* what the thread may have pushed meanwhile */
#define GS_WALK_TRIES 4
#define GS_BY_GENERATOR 1       /* owner of a frame */
#define GS_BY_C 3               /* from here on: no frame of Python code (3.12 and on) */

typedef struct {
    int code;  /* place in gs_codes */
    int line;  /* 0: none */
} gs_line;

/* The frames of one stack, innermost first. */
typedef struct {
    gs_line at[GS_MOST_FRAMES];
    int depth;
} gs_stack;

typedef enum { GS_STACK_DROPPED, GS_STACK_READ, GS_STACK_OTHER } gs_stack_result;

#if GS_HAVE_PROBE && GS_HAVE_LAYOUT

/* What reading a stack needs, in one piece: too large for the sampler's own stack. */
typedef struct {
    const gs_target *target;
    const gs_layout *at;
    gs_codes *codes;
    gs_batch batch;
    size_t state_span, code_span;
    char before[GS_STATE_BYTES], after[GS_STATE_BYTES];
    uintptr_t frame_before, frame_after;  /* of the C frame, up to 3.12 */
    uintptr_t low, high;                  /* what of the data stack was copied */
    char data[GS_STACK_BYTES];
    int elsewhere, settled, generators;   /* frames there; of these, read with the rest; of the others, of generators */
    uintptr_t place[GS_ELSEWHERE];
    char frame[GS_ELSEWHERE][GS_FRAME_BYTES], again[GS_ELSEWHERE][GS_FRAME_BYTES];
    int depth;
    uintptr_t code[GS_MOST_FRAMES], instruction[GS_MOST_FRAMES];
    char head[GS_MOST_FRAMES][GS_CODE_BYTES];
} gs_walker;

/* 0 where the layout of this version does not fit what was reckoned with. */
static inline int gs_walker_init(gs_walker *w, const gs_target *target, const gs_layout *at, gs_codes *codes)
{
    size_t span = at->state_chunk + 3 * sizeof(uintptr_t), others[4];
    others[0] = at->state_frame, others[1] = at->state_native, others[2] = at->state_next, others[3] = at->state_interp;
    for (int i = 0; i < 4; i++)
        span = others[i] + sizeof(uintptr_t) > span ? others[i] + sizeof(uintptr_t) : span;
    span = at->state_requested + sizeof(int) > span ? at->state_requested + sizeof(int) : span;
    w->target = target;
    w->at = at;
    w->codes = codes;
    w->state_span = span;
    w->code_span = gs_code_span(at);
    return at->known && span <= GS_STATE_BYTES && w->code_span <= GS_CODE_BYTES && at->frame_size <= GS_FRAME_BYTES;
}

static inline uintptr_t gs_top_frame(const gs_walker *w, const char *state, uintptr_t by_c)
{
    return w->at->via_cframe ? by_c : gs_word(state, w->at->state_frame);
}

/* The thread state, the data stack and the known frames elsewhere, at one moment; 0 if the top moved meanwhile. */
static inline int gs_snapshot(gs_walker *w, uintptr_t state)
{
    const gs_layout *at = w->at;
    gs_batch *b = &w->batch;
    uintptr_t c_frame = gs_word(w->before, at->state_frame);
    uintptr_t chunk = gs_word(w->before, at->state_chunk), top = gs_word(w->before, at->state_chunk + sizeof chunk);
    uintptr_t limit = gs_word(w->before, at->state_chunk + 2 * sizeof chunk);
    w->high = top + GS_ABOVE_TOP < limit ? top + GS_ABOVE_TOP : limit;
    w->low = w->high - chunk > GS_STACK_BYTES ? w->high - GS_STACK_BYTES : chunk;
    if (chunk == 0 || top < chunk || limit < top)
        w->low = w->high = 0;
    w->settled = w->elsewhere;
    gs_batch_clear(b);
    gs_batch_add(b, state, w->before, w->state_span);
    if (at->via_cframe)
        gs_batch_add(b, c_frame + at->c_frame_top, &w->frame_before, sizeof w->frame_before);
    if (w->high > w->low)
        gs_batch_add(b, w->low, w->data, w->high - w->low);
    for (int i = 0; i < w->elsewhere; i++)
        gs_batch_add(b, w->place[i], w->frame[i], at->frame_size);
    gs_batch_add(b, state, w->after, w->state_span);
    if (at->via_cframe)
        gs_batch_add(b, c_frame + at->c_frame_top, &w->frame_after, sizeof w->frame_after);
    if (!gs_batch_fetch(w->target, b))
        return 0;
    return gs_word(w->before, at->state_frame) == gs_word(w->after, at->state_frame)
           && gs_word(w->before, at->state_chunk) == chunk && gs_word(w->after, at->state_chunk) == chunk
           && gs_word(w->before, at->state_chunk + sizeof chunk) == gs_word(w->after, at->state_chunk + sizeof chunk)
           && gs_top_frame(w, w->before, w->frame_before) == gs_top_frame(w, w->after, w->frame_after)
           && (!at->via_cframe || gs_word(w->before, at->state_frame) == c_frame);
}

/* A copy of that frame; NULL where it cannot be read. One that is elsewhere is read now if it was not yet. */
static inline const char *gs_frame_at(gs_walker *w, uintptr_t frame, int *late)
{
    size_t size = w->at->frame_size;
    *late = 0;
    if (frame >= w->low && frame < w->high && w->high - frame >= size)
        return w->data + (frame - w->low);
    for (int i = 0; i < w->elsewhere; i++)
        if (w->place[i] == frame)
            return w->frame[i];
    if (w->elsewhere == GS_ELSEWHERE || !gs_peek(w->target, frame, w->frame[w->elsewhere], size))
        return NULL;
    w->place[w->elsewhere] = frame;
    *late = 1;
    return w->frame[w->elsewhere++];
}

/* Follow the frames from the innermost one; 0 if they lead nowhere. */
static inline int gs_follow(gs_walker *w)
{
    uintptr_t frame = gs_top_frame(w, w->before, w->frame_before);
    int late;
    w->depth = w->generators = 0;
    for (int steps = 0; frame != 0 && w->depth < GS_MOST_FRAMES; steps++) {
        const char *copy = steps < GS_MOST_STEPS ? gs_frame_at(w, frame, &late) : NULL;
        if (copy == NULL)
            return 0;
        int owner = copy[w->at->frame_owner];
        w->generators += late && owner == GS_BY_GENERATOR;
        if (owner < GS_BY_C) {
            w->code[w->depth] = gs_word(copy, w->at->frame_code) & ~(uintptr_t)3; /* a tagged reference from 3.14 on */
            w->instruction[w->depth++] = gs_word(copy, w->at->frame_instr);
        }
        frame = gs_word(copy, w->at->frame_previous);
    }
    return 1;
}

/* Whether the frames that were read later are what they were, and all code objects can be copied. */
static inline int gs_confirm(gs_walker *w)
{
    const gs_layout *at = w->at;
    gs_batch *b = &w->batch;
    gs_batch_clear(b);
    for (int i = 0; i < w->depth; i++)
        gs_batch_add(b, w->code[i], w->head[i], w->code_span);
    for (int i = w->settled; i < w->elsewhere; i++)
        gs_batch_add(b, w->place[i], w->again[i], at->frame_size);
    if (!gs_batch_fetch(w->target, b))
        return 0;
    for (int i = w->settled; i < w->elsewhere; i++)
        if (gs_word(w->frame[i], at->frame_code) != gs_word(w->again[i], at->frame_code)
            || gs_word(w->frame[i], at->frame_previous) != gs_word(w->again[i], at->frame_previous))
            return 0;
    return 1;
}

/* Name the frames: code object and line of each. */
static inline gs_stack_result gs_name_frames(gs_walker *w, gs_stack *stack)
{
    for (int i = 0; i < w->depth; i++) {
        int code = gs_code_of(w->target, w->at, w->codes, w->code[i], w->head[i]);
        if (code == GS_NO_ROOM)
            return GS_STACK_OTHER;
        int line = code >= 0 ? gs_line_at(w->at, w->codes->at[code], w->instruction[i]) : -1;
        if (line < 0)
            return GS_STACK_DROPPED;
        gs_line place = {code, line};
        stack->at[i] = place;
    }
    stack->depth = w->depth;
    return GS_STACK_READ;
}

/* Copy the stack of a thread state. What does not add up is tried again a few times, then dropped. */
static inline gs_stack_result gs_walk(gs_walker *w, uintptr_t state, gs_stack *stack)
{
    w->elsewhere = 0;
    for (int tries = 0; tries < GS_WALK_TRIES; tries++) {
        if (!gs_peek(w->target, state, w->before, w->state_span))
            return GS_STACK_DROPPED;
        if (!gs_snapshot(w, state) || !gs_follow(w) || w->generators > 0 || !gs_confirm(w)) {
            w->elsewhere = w->generators > 0 ? w->elsewhere : 0;
            continue;
        }
        gs_stack_result result = gs_name_frames(w, stack);
        if (result != GS_STACK_DROPPED)
            return result;
        w->elsewhere = 0;
    }
    return GS_STACK_DROPPED;
}

#endif
#endif
