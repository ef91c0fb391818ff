/* Compressed sparse rows times a vector. Buffers: y, starts, columns, values, x. Parameters: rows, nnz. */
#include <stdint.h>

static double row(int64_t i, const int64_t *starts, const int32_t *columns, const double *values, const double *x) {
    double sum = 0.0;
    for (int64_t k = starts[i]; k < starts[i + 1]; k++)
        sum += values[k] * x[columns[k]];
    return sum;
}

int64_t spmv(int threads, void **buffers, const int64_t *params, int64_t *result) {
    double *y = buffers[0];
    const int64_t *starts = buffers[1];
    const int32_t *columns = buffers[2];
    const double *values = buffers[3], *x = buffers[4];
    int64_t rows = params[0];
    if (threads == 0)
        for (int64_t i = 0; i < rows; i++)
            y[i] = row(i, starts, columns, values, x);
    else
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1024)
        for (int64_t i = 0; i < rows; i++)
            y[i] = row(i, starts, columns, values, x);
    (void)result;
    return 0;
}
