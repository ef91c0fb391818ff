/* Code objects that were seen on a stack: names and lines are copied when they first appear, so that nothing is lost when
 * they, or their process, end. Entries are only ever added, and never change: readers need no lock for them. */
#ifndef GILSCOPE_GILCODES_H
#define GILSCOPE_GILCODES_H

#include "_gilstate.h"

#define GS_CODES 8192                /* distinct code objects; further ones are not told apart */
#define GS_CODE_SLOTS (2 * GS_CODES)
#define GS_UNITS (1 << 24)           /* code units whose lines are kept, of all code objects */
#define GS_MOST_TEXT 1024            /* characters of a name or path */
#define GS_MOST_TABLE (1 << 22)      /* bytes of a line table */
#define GS_CODE_BYTES 320            /* of a code object up to the last field that is read */
#define GS_COPIES 16                 /* of a code object, whose addresses are kept */
#define GS_NO_CODE (-1)              /* that is none */
#define GS_NO_ROOM (-2)              /* one too many */

/* What tells a code object from another one at the same address later. */
typedef struct {
    uintptr_t type, file, name, lines;
    int64_t units;
    int first_line;
} gs_code_mark;

typedef struct {
    int kind, length;  /* bytes per character, characters */
    void *at;
} gs_text;

typedef struct {
    uintptr_t address;
    gs_code_mark mark;
    gs_text file, name;
    int32_t *line;     /* of each code unit; 0: none. NULL where there was no room */
    uintptr_t copy[GS_COPIES]; /* where threads have their own copies of the byte code, as far as it was asked */
} gs_code;

typedef struct {
    gs_code *at[GS_CODES];
    int count;
    int64_t units;
    int slot[GS_CODE_SLOTS]; /* place in `at` + 1, by address; the newest of an address that was used again */
} gs_codes;

#if GS_HAVE_PROBE && GS_HAVE_LAYOUT

#  include <stdlib.h>

/* Bytes of a code object that a mark is made of. */
static inline size_t gs_code_span(const gs_layout *at)
{
    size_t span = at->code_first + sizeof(int);
    size_t last[4] = {at->code_file, at->code_name, at->code_lines, at->code_copies};
    for (int i = 0; i < 4; i++)
        span = last[i] + sizeof(uintptr_t) > span ? last[i] + sizeof(uintptr_t) : span;
    return span;
}

static inline uintptr_t gs_word(const char *copy, size_t at)
{
    uintptr_t word;
    memcpy(&word, copy + at, sizeof word);
    return word;
}

static inline gs_code_mark gs_mark_of(const gs_layout *at, const char *copy)
{
    gs_code_mark mark;
    memset(&mark, 0, sizeof mark); /* the padding is compared too */
    mark.type = gs_word(copy, offsetof(PyObject, ob_type));
    mark.file = gs_word(copy, at->code_file);
    mark.name = gs_word(copy, at->code_name);
    mark.lines = gs_word(copy, at->code_lines);
    mark.units = (int64_t)gs_word(copy, offsetof(PyVarObject, ob_size));
    memcpy(&mark.first_line, copy + at->code_first, sizeof mark.first_line);
    return mark;
}

/* Copy a string; 1, or 0 if it is not one. */
static inline int gs_text_copy(const gs_target *t, uintptr_t from, gs_text *text)
{
    PyASCIIObject head;
    if (!gs_peek(t, from, &head, sizeof head))
        return 0;
    int kind = (int)head.state.kind;
    if (!head.state.compact || (kind != 1 && kind != 2 && kind != 4) || head.length < 0)
        return 0;
    int length = head.length < GS_MOST_TEXT ? (int)head.length : GS_MOST_TEXT;
    size_t size = (size_t)kind * (size_t)length;
    text->at = malloc(size + 1);
    if (text->at == NULL)
        return 0;
    text->kind = kind;
    text->length = length;
    return gs_peek(t, from + (head.state.ascii ? sizeof(PyASCIIObject) : sizeof(PyCompactUnicodeObject)), text->at, size);
}

static inline int gs_varint(const unsigned char *table, int64_t size, int64_t *at)
{
    unsigned value = 0;
    for (int shift = 0; *at < size && shift < 32; shift += 6) {
        unsigned byte = table[(*at)++];
        value |= (byte & 63u) << shift;
        if (!(byte & 64u))
            break;
    }
    return (int)value;
}

/* Lines of all code units from co_linetable (Objects/locations.md, InternalDocs/code_objects.md): each entry begins with
 * a byte above 127, with its kind in bits 3 to 6 and its code units - 1 in bits 0 to 2. */
static inline void gs_lines_of(const unsigned char *table, int64_t size, int first, int32_t *line, int64_t units)
{
    int now = first;
    int64_t at = 0, unit = 0;
    while (at < size && unit < units) {
        int kind = (table[at] >> 3) & 15, length = (table[at] & 7) + 1;
        at += 1;
        if (kind == 13 || kind == 14) { /* a signed step: no columns, or long form */
            unsigned step = (unsigned)gs_varint(table, size, &at);
            now += step & 1u ? -(int)(step >> 1) : (int)(step >> 1);
        } else if (kind >= 10 && kind <= 12) {
            now += kind - 10;
        }
        for (int i = 0; i < length && unit < units; i++)
            line[unit++] = kind == 15 ? 0 : now;
        while (at < size && !(table[at] & 0x80)) /* what is left are columns */
            at += 1;
    }
}

/* Copy the line table and decode it. */
static inline int gs_lines_copy(const gs_target *t, gs_codes *codes, gs_code *code)
{
    int64_t size = 0, units = code->mark.units;
    if (!gs_peek(t, code->mark.lines + offsetof(PyVarObject, ob_size), &size, sizeof size) || size < 0)
        return 0;
    if (size > GS_MOST_TABLE || codes->units + units > GS_UNITS)
        return 1; /* a line less */
    unsigned char *table = (unsigned char *)malloc((size_t)size + 1);
    code->line = (int32_t *)calloc((size_t)units, sizeof *code->line);
    int right = table != NULL && code->line != NULL
                && gs_peek(t, code->mark.lines + offsetof(PyBytesObject, ob_sval), table, (size_t)size);
    if (right)
        gs_lines_of(table, size, code->mark.first_line, code->line, units);
    free(table);
    codes->units += right ? units : 0;
    return right;
}

static inline void gs_code_free(gs_code *code)
{
    free(code->file.at);
    free(code->name.at);
    free(code->line);
    free(code);
}

static inline int gs_code_learn(const gs_target *t, gs_codes *codes, uintptr_t address, const gs_code_mark *mark)
{
    if (codes->count == GS_CODES)
        return GS_NO_ROOM;
    gs_code *code = (gs_code *)calloc(1, sizeof *code);
    if (code == NULL)
        return GS_NO_CODE;
    code->address = address;
    code->mark = *mark;
    if (!gs_text_copy(t, mark->file, &code->file) || !gs_text_copy(t, mark->name, &code->name)
        || !gs_lines_copy(t, codes, code)) {
        gs_code_free(code);
        return GS_NO_CODE;
    }
    codes->at[codes->count] = code;
    return codes->count++;
}

/* Which code object that is, by its address and a copy of its beginning. */
static inline int gs_code_of(const gs_target *t, const gs_layout *at, gs_codes *codes, uintptr_t address, const char *copy)
{
    gs_code_mark mark = gs_mark_of(at, copy);
    if (mark.type != at->code_type || mark.units <= 0 || mark.units > GS_UNITS)
        return GS_NO_CODE;
    unsigned slot = (unsigned)((address >> 4) * 0x9E3779B1u) % GS_CODE_SLOTS;
    for (; codes->slot[slot] != 0; slot = (slot + 1) % GS_CODE_SLOTS) {
        gs_code *known = codes->at[codes->slot[slot] - 1];
        if (known->address != address)
            continue;
        if (memcmp(&known->mark, &mark, sizeof mark) == 0)
            return codes->slot[slot] - 1;
        break;
    }
    int found = gs_code_learn(t, codes, address, &mark);
    if (found >= 0)
        codes->slot[slot] = found + 1;
    return found;
}

/* The line of an instruction, by its address and that of the first one: 0 where it has none, -1 where it is not in this
 * code object. An instruction just before the first one is that of a frame that has not begun (up to 3.12). */
static inline int gs_line_at(const gs_code *code, uintptr_t first, uintptr_t instruction)
{
    int64_t unit = (int64_t)(instruction - first) / 2;
    if (instruction + 2 == first)
        return code->mark.first_line;
    if (instruction < first || unit >= code->mark.units)
        return -1;
    return code->line != NULL ? code->line[unit] : 0;
}

/* The same where each thread may run its own copy of the byte code, of which `head` knows where they are. A copy that
 * turns out to be none of ours was freed since: ask again. */
static inline int gs_line_in_copy(const gs_target *t, const gs_layout *at, gs_code *code, const char *head, int copy,
                                  uintptr_t instruction)
{
    uintptr_t array = gs_word(head, at->code_copies), first = 0;
    int64_t count = 0;
    if (copy == 0 || array == 0)
        return gs_line_at(code, code->address + at->code_units, instruction);
    if (copy > 0 && copy < GS_COPIES && code->copy[copy] != 0) {
        int line = gs_line_at(code, code->copy[copy], instruction);
        if (line >= 0)
            return line;
    }
    if (copy < 0 || !gs_peek(t, array, &count, sizeof count) || copy >= count
        || !gs_peek(t, array + sizeof count + sizeof first * (size_t)copy, &first, sizeof first))
        return -1;
    if (copy < GS_COPIES)
        code->copy[copy] = first;
    return gs_line_at(code, first, instruction);
}

static inline void gs_codes_free(gs_codes *codes)
{
    for (int i = 0; i < codes->count; i++)
        gs_code_free(codes->at[i]);
}

#endif
#endif
