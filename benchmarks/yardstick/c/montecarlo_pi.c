/* Hits of the quarter disk. No buffers. Parameters: n. */
#include <stdint.h>

static double u(uint64_t i) {
    uint64_t z = (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return ((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static int hit(uint64_t i) {
    double x = u(2 * i), y = u(2 * i + 1);
    return x * x + y * y <= 1.0;
}

int64_t montecarlo_pi(int threads, void **buffers, const int64_t *params, int64_t *result) {
    int64_t n = params[0], hits = 0;
    (void)buffers;
    if (threads == 0)
        for (int64_t i = 0; i < n; i++)
            hits += hit(i);
    else
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : hits)
        for (int64_t i = 0; i < n; i++)
            hits += hit(i);
    result[0] = hits;
    return 1;
}
