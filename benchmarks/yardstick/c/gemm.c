/* C = A B, the loops in the order i, k, j. Buffers: c, a, b. Parameters: n. */
#include <stdint.h>

static void row(int64_t i, int64_t n, const double *restrict a, const double *restrict b, double *restrict c) {
    for (int64_t j = 0; j < n; j++)
        c[i * n + j] = 0.0;
    for (int64_t k = 0; k < n; k++)
        for (int64_t j = 0; j < n; j++)
            c[i * n + j] += a[i * n + k] * b[k * n + j];
}

int64_t gemm(int threads, void **buffers, const int64_t *params, int64_t *result) {
    double *c = buffers[0], *a = buffers[1], *b = buffers[2];
    int64_t n = params[0];
    if (threads == 0)
        for (int64_t i = 0; i < n; i++)
            row(i, n, a, b, c);
    else
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int64_t i = 0; i < n; i++)
            row(i, n, a, b, c);
    (void)result;
    return 0;
}
