/* Escape-time iterations, one pixel after the other. Buffers: counts. Parameters: w, h, max_iter. */
#include <stdint.h>

static int64_t row(int32_t *counts, int64_t y, int64_t w, int64_t h, int64_t max_iter) {
    int64_t total = 0;
    double ci = -1.25 + 2.5 * (y + 0.5) / h;
    for (int64_t x = 0; x < w; x++) {
        double cr = -2.0 + 2.5 * (x + 0.5) / w, zr = 0.0, zi = 0.0;
        int32_t n = 0;
        while (n < max_iter) {
            double zr2 = zr * zr, zi2 = zi * zi;
            if (zr2 + zi2 > 4.0)
                break;
            zi = 2.0 * zr * zi + ci;
            zr = zr2 - zi2 + cr;
            n++;
        }
        counts[y * w + x] = n;
        total += n;
    }
    return total;
}

int64_t mandelbrot(int threads, void **buffers, const int64_t *params, int64_t *result) {
    int32_t *counts = buffers[0];
    int64_t w = params[0], h = params[1], max_iter = params[2], total = 0;
    if (threads == 0)
        for (int64_t y = 0; y < h; y++)
            total += row(counts, y, w, h, max_iter);
    else
#pragma omp parallel for num_threads(threads) schedule(dynamic, 8) reduction(+ : total)
        for (int64_t y = 0; y < h; y++)
            total += row(counts, y, w, h, max_iter);
    result[0] = total;
    return 1;
}
