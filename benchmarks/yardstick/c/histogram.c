/* Counts in 256 bins, one private table per thread. Buffers: values. Parameters: n. Returns the counts in `result`. */
#include <stdint.h>

#define BINS 256

int64_t histogram(int threads, void **buffers, const int64_t *params, int64_t *result) {
    const double *values = buffers[0];
    int64_t n = params[0], bins[BINS] = {0};
    if (threads == 0)
        for (int64_t i = 0; i < n; i++)
            bins[(int)(values[i] * BINS)]++;
    else
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : bins)
        for (int64_t i = 0; i < n; i++)
            bins[(int)(values[i] * BINS)]++;
    for (int i = 0; i < BINS; i++)
        result[i] = bins[i];
    return BINS;
}
