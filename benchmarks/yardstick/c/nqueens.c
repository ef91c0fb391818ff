/* Placements of queens by bit masks. No buffers. Parameters: n. Answer: placements, nodes. */
#include <stdint.h>

static int64_t place(uint32_t full, uint32_t columns, uint32_t left, uint32_t right, int64_t *nodes) {
    if (columns == full)
        return 1;
    int64_t solutions = 0;
    for (uint32_t free = full & ~(columns | left | right); free; free &= free - 1) {
        uint32_t queen = free & -free;
        ++*nodes;
        solutions += place(full, columns | queen, (left | queen) << 1, (right | queen) >> 1, nodes);
    }
    return solutions;
}

int64_t nqueens(int threads, void **buffers, const int64_t *params, int64_t *result) {
    int n = params[0];
    int64_t solutions = 0, nodes = 0;
    (void)buffers;
#pragma omp parallel for if (threads > 0) num_threads(threads > 0 ? threads : 1) schedule(dynamic) \
    reduction(+ : solutions, nodes)
    for (int item = 0; item < n * n; item++) {
        uint32_t a = 1u << item / n, b = 1u << item % n;
        if (b & (a | a << 1 | a >> 1))
            continue;
        int64_t placed = 1;
        solutions += place((1u << n) - 1, a | b, (a << 1 | b) << 1, (a >> 1 | b) >> 1, &placed);
        nodes += placed;
    }
    result[0] = solutions;
    result[1] = nodes;
    return 2;
}
