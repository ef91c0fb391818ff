/* All shortest paths. Buffers: d. Parameters: n. */
#include <stdint.h>

static void row(int64_t i, int64_t k, int64_t n, int32_t *d) {
    for (int64_t j = 0; j < n; j++) {
        int32_t path = d[i * n + k] + d[k * n + j];
        d[i * n + j] = d[i * n + j] < path ? d[i * n + j] : path;
    }
}

int64_t floyd_warshall(int threads, void **buffers, const int64_t *params, int64_t *result) {
    int32_t *d = buffers[0];
    int64_t n = params[0];
    for (int64_t k = 0; k < n; k++)
        if (threads == 0)
            for (int64_t i = 0; i < n; i++)
                row(i, k, n, d);
        else
#pragma omp parallel for num_threads(threads) schedule(static)
            for (int64_t i = 0; i < n; i++)
                row(i, k, n, d);
    (void)result;
    return 0;
}
