/* The Python stack of a thread that may be running, copied in as few calls as the version allows.
 *
 * Most frames are in one piece of memory, the data stack. So one call finds it, from the thread state, and a second one
 * copies the thread state again and the data stack. Frames of generators, and those that mark where C called Python, are
 * elsewhere and are read one by one. A generator may have yielded meanwhile: then the second call is made again, with what
 * is known to be elsewhere in it. A third call copies the beginning of each code object, and once more the frames that were
 * read one by one, which must be what they were.
 *
 * A function that is called over and over comes and goes faster than it can be read. Taking what is there at the next try
 * would favour its caller, which stays: so the tries go on until the frame that was on top at first is there again.
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
#define GS_ROUNDS 2             /* in the last one any frame may be on top */
#define GS_TRIES 8              /* in each round */
#define GS_LATE 128             /* frames that are read one by one, in all tries */
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
    const gs_gil *gil;
    const gs_target *target;
    const gs_layout *at;
    gs_codes *codes;
    uintptr_t holder;                     /* of the GIL, and the number of switches, after the stack was copied */
    unsigned long switches;
    gs_batch batch;
    size_t state_span, code_span;
    char state[GS_STATE_BYTES];
    uintptr_t via_frame, via_top;         /* the C frame, and the frame on top by it; up to 3.12 */
    uintptr_t chunk;                      /* newest piece of the data stack */
    uintptr_t low, high;                  /* what of the data stack was copied */
    char data[GS_STACK_BYTES];
    int elsewhere, settled;               /* frames there; of these, read with the rest */
    int generators, late;                 /* of the others, those of generators; and all that were in all tries */
    uintptr_t place[GS_ELSEWHERE];
    char frame[GS_ELSEWHERE][GS_FRAME_BYTES], again[GS_ELSEWHERE][GS_FRAME_BYTES];
    int depth;
    uintptr_t code[GS_MOST_FRAMES], instruction[GS_MOST_FRAMES];
    int32_t copy[GS_MOST_FRAMES];         /* of the byte code, that the frame runs */
    char head[GS_MOST_FRAMES][GS_CODE_BYTES];
} gs_walker;

/* 0 where the layout of this version does not fit what was reckoned with. */
static inline int gs_walker_init(gs_walker *w, const gs_gil *gil, gs_codes *codes)
{
    const gs_layout *at = &gil->layout;
    size_t span = at->state_chunk + 3 * sizeof(uintptr_t), others[4];
    others[0] = at->state_frame, others[1] = at->state_native, others[2] = at->state_next, others[3] = at->state_interp;
    for (int i = 0; i < 4; i++)
        span = others[i] + sizeof(uintptr_t) > span ? others[i] + sizeof(uintptr_t) : span;
    span = at->state_requested + sizeof(int) > span ? at->state_requested + sizeof(int) : span;
    w->gil = gil;
    w->target = &gil->target;
    w->at = at;
    w->codes = codes;
    w->state_span = span;
    w->code_span = gs_code_span(at);
    return at->known && span <= GS_STATE_BYTES && w->code_span <= GS_CODE_BYTES && at->frame_size <= GS_FRAME_BYTES;
}

static inline uintptr_t gs_top_frame(const gs_walker *w)
{
    return w->at->via_cframe ? w->via_top : gs_word(w->state, w->at->state_frame);
}

/* Where the data stack is, by the thread state, of which `copy` was made just now, if it was. */
static inline int gs_find_data(gs_walker *w, uintptr_t state, const char *copy)
{
    if (copy != NULL)
        memcpy(w->state, copy, w->state_span);
    else if (!gs_peek(w->target, state, w->state, w->state_span))
        return 0;
    uintptr_t chunk = gs_word(w->state, w->at->state_chunk), top = gs_word(w->state, w->at->state_chunk + sizeof chunk);
    uintptr_t limit = gs_word(w->state, w->at->state_chunk + 2 * sizeof chunk);
    w->chunk = chunk;
    w->via_frame = gs_word(w->state, w->at->state_frame);
    w->high = top + GS_ABOVE_TOP < limit ? top + GS_ABOVE_TOP : limit;
    w->low = w->high - chunk > GS_STACK_BYTES ? w->high - GS_STACK_BYTES : chunk;
    if (chunk == 0 || top < chunk || limit < top)
        w->low = w->high = 0;
    return 1;
}

/* The thread state, the data stack and the known frames elsewhere, at one moment. */
static inline int gs_snapshot(gs_walker *w, uintptr_t state)
{
    gs_batch *b = &w->batch;
    w->settled = w->elsewhere;
    gs_batch_clear(b);
    gs_batch_add(b, state, w->state, w->state_span);
    if (w->at->via_cframe)
        gs_batch_add(b, w->via_frame + w->at->c_frame_top, &w->via_top, sizeof w->via_top);
    for (int i = 0; i < w->elsewhere; i++)
        gs_batch_add(b, w->place[i], w->frame[i], w->at->frame_size);
    if (w->high > w->low)
        gs_batch_add(b, w->low, w->data, w->high - w->low);
    return gs_batch_fetch(w->target, b);
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
    if (w->elsewhere == GS_ELSEWHERE || w->late++ == GS_LATE || !gs_peek(w->target, frame, w->frame[w->elsewhere], size))
        return NULL;
    w->place[w->elsewhere] = frame;
    *late = 1;
    return w->frame[w->elsewhere++];
}

/* Follow the frames from the innermost one; 0 if they lead nowhere. */
static inline int gs_follow(gs_walker *w)
{
    uintptr_t frame = gs_top_frame(w);
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
            w->copy[w->depth] = 0;
            if (w->at->frame_copy)
                memcpy(&w->copy[w->depth], copy + w->at->frame_copy, sizeof w->copy[0]);
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
    gs_batch_add(b, (uintptr_t)w->gil->holder, &w->holder, sizeof w->holder);
    gs_batch_add(b, (uintptr_t)w->gil->switch_number, &w->switches, sizeof w->switches);
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
        if (code < 0)
            return GS_STACK_DROPPED;
        gs_code *found = w->codes->at[code];
        int line = w->at->code_copies
            ? gs_line_in_copy(w->target, w->at, found, w->head[i], w->copy[i], w->instruction[i])
            : gs_line_at(found, found->address + w->at->code_units, w->instruction[i]);
        if (line < 0)
            return GS_STACK_DROPPED;
        gs_line place = {code, line};
        stack->at[i] = place;
    }
    stack->depth = w->depth;
    return GS_STACK_READ;
}

/* One try to copy the stack; `top`: the frame that must be on top, 0 for any; the one that was, if it was not known. */
static inline gs_stack_result gs_try(gs_walker *w, uintptr_t state, uintptr_t *top, gs_stack *stack)
{
    if (!gs_snapshot(w, state)) { /* one of them was freed */
        w->elsewhere = 0;
        return GS_STACK_DROPPED;
    }
    if (w->at->via_cframe && gs_word(w->state, w->at->state_frame) != w->via_frame)
        return GS_STACK_DROPPED;
    if (*top == 0)
        *top = gs_top_frame(w);
    if (gs_top_frame(w) != *top || !gs_follow(w) || w->generators > 0)
        return GS_STACK_DROPPED;
    gs_stack_result result = gs_confirm(w) ? gs_name_frames(w, stack) : GS_STACK_DROPPED;
    if (result == GS_STACK_DROPPED)
        w->elsewhere = 0;
    return result;
}

/* Copy the stack of a thread state; `copy` as in gs_find_data. What does not add up is tried again a few times, then
 * dropped. */
static inline gs_stack_result gs_walk(gs_walker *w, uintptr_t state, const char *copy, gs_stack *stack)
{
    w->late = 0;
    for (int round = 1; round <= GS_ROUNDS; round++) {
        if (!gs_find_data(w, state, round == 1 ? copy : NULL))
            return GS_STACK_DROPPED;
        uintptr_t wanted = w->at->via_cframe ? 0 : gs_top_frame(w), top = wanted;
        w->elsewhere = 0;
        for (int tries = 0; tries < GS_TRIES; tries++) {
            gs_stack_result result = gs_try(w, state, &top, stack);
            if (result != GS_STACK_DROPPED)
                return result;
            if (gs_word(w->state, w->at->state_chunk) != w->chunk || w->late >= GS_LATE)
                break;
            top = round < GS_ROUNDS ? top : 0;
        }
    }
    return GS_STACK_DROPPED;
}

#endif
#endif
