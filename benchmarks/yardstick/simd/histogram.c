/* A vector of bins at a time, counted in a table per lane: a count just stored cannot be loaded again at once. */
#include "simd.h"

#define BINS 256

int64_t histogram(int threads, void **buffers, const int64_t *params, int64_t *result) {
    const double *values = buffers[0];
    int64_t n = params[0], i = 0;
    static int64_t tables[LANES][BINS];
    for (int t = 0; t < LANES; t++)
        for (int b = 0; b < BINS; b++)
            tables[t][b] = 0;
    for (; i + LANES <= n; i += LANES) {
        typedef int32_t Half __attribute__((vector_size(BYTES / 2)));
        Half bins = __builtin_convertvector(*(const V *)(values + i) * BINS, Half);
        for (int t = 0; t < LANES; t++)
            tables[t][bins[t]]++;
    }
    for (; i < n; i++)
        tables[0][(int)(values[i] * BINS)]++;
    for (int b = 0; b < BINS; b++) {
        result[b] = 0;
        for (int t = 0; t < LANES; t++)
            result[b] += tables[t][b];
    }
    (void)threads;
    return BINS;
}
