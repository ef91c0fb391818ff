/* Four vectors of pixels at a time, eight iterations between two looks at who is still inside. */
#include "simd.h"

#define VECTORS 4
#define BURST 8

#if defined(__AVX512F__)
typedef __mmask8 Inside;
#define EVERYONE 0xFF
#define ANYONE(inside) (inside)
#define COUNT(inside, n, r2)                                             \
    (inside = _mm512_mask_cmp_pd_mask(inside, r2, all(4.0), _CMP_LE_OQ), \
     n = (M)_mm512_mask_sub_epi64((__m512i)n, inside, (__m512i)n, _mm512_set1_epi64(-1)))
#else
typedef M Inside;
#define EVERYONE ((M){0} - 1)
#define ANYONE(inside) any(inside)
#define COUNT(inside, n, r2) (inside &= (M)(r2 <= 4.0), n -= inside)
#endif

static int64_t row(int32_t *counts, int64_t y, int64_t w, int64_t h, int64_t max_iter) {
    int64_t total = 0;
    double ci = -1.25 + 2.5 * (y + 0.5) / h;
    for (int64_t x = 0; x < w; x += VECTORS * LANES) {
        V zr[VECTORS] = {0}, zi[VECTORS] = {0}, cr[VECTORS];
        M n[VECTORS] = {0};
        Inside inside[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            cr[v] = -2.0 + 2.5 * ((double)(x + v * LANES) + iota() + 0.5) / (double)w;
            inside[v] = EVERYONE;
        }
        for (int64_t done = 0, here; done < max_iter; done += here) {
            here = max_iter - done < BURST ? max_iter - done : BURST;
            for (int64_t step = 0; step < here; step++)
                for (int v = 0; v < VECTORS; v++) {
                    V zr2 = zr[v] * zr[v], zi2 = zi[v] * zi[v];
                    COUNT(inside[v], n[v], (zr2 + zi2));
                    zi[v] = 2.0 * zr[v] * zi[v] + ci;
                    zr[v] = zr2 - zi2 + cr[v];
                }
            int left = 0;
            for (int v = 0; v < VECTORS; v++)
                left |= ANYONE(inside[v]);
            if (!left)
                break;
        }
        for (int64_t k = 0; k < VECTORS * LANES && x + k < w; k++) {
            counts[y * w + x + k] = n[k / LANES][k % LANES];
            total += n[k / LANES][k % LANES];
        }
    }
    return total;
}

int64_t mandelbrot(int threads, void **buffers, const int64_t *params, int64_t *result) {
    (void)threads;
    result[0] = 0;
    for (int64_t y = 0; y < params[1]; y++)
        result[0] += row(buffers[0], y, params[0], params[1], params[2]);
    return 1;
}
