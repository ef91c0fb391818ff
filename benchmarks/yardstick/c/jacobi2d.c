/* Five-point sweeps. Buffers: planes (2 of n x n). Parameters: n, steps. */
#include <stdint.h>

static void row(int64_t i, int64_t n, const double *restrict old, double *restrict new) {
    for (int64_t j = 1; j < n - 1; j++)
        new[i * n + j] = 0.2 * ((((old[i * n + j] + old[i * n + j - 1]) + old[i * n + j + 1]) + old[(i - 1) * n + j]) +
                                old[(i + 1) * n + j]);
}

int64_t jacobi2d(int threads, void **buffers, const int64_t *params, int64_t *result) {
    double *planes = buffers[0];
    int64_t n = params[0], steps = params[1];
    for (int64_t step = 0; step < steps; step++) {
        double *old = planes + step % 2 * n * n, *new = planes + (step + 1) % 2 * n * n;
        if (threads == 0)
            for (int64_t i = 1; i < n - 1; i++)
                row(i, n, old, new);
        else
#pragma omp parallel for num_threads(threads) schedule(static)
            for (int64_t i = 1; i < n - 1; i++)
                row(i, n, old, new);
    }
    (void)result;
    return 0;
}
