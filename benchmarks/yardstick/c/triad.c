/* STREAM triad. Buffers: a, b, c. Parameters: n. */
#include <stdint.h>

int64_t triad(int threads, void **buffers, const int64_t *params, int64_t *result) {
    double *restrict a = buffers[0];
    const double *restrict b = buffers[1], *restrict c = buffers[2];
    int64_t n = params[0];
    if (threads == 0)
        for (int64_t i = 0; i < n; i++)
            a[i] = b[i] + 3.0 * c[i];
    else
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int64_t i = 0; i < n; i++)
            a[i] = b[i] + 3.0 * c[i];
    (void)result;
    return 0;
}
