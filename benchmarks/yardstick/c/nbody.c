/* All pairs, one body after the other. Buffers: positions (2 planes), velocities, masses. Parameters: n, steps. */
#include <math.h>
#include <stdint.h>

static void body(int64_t i, int64_t n, const double *restrict old, double *restrict new, double *restrict v,
                 const double *restrict m) {
    const double *x = old, *y = old + n, *z = old + 2 * n;
    double ax = 0.0, ay = 0.0, az = 0.0;
    for (int64_t j = 0; j < n; j++) {
        double dx = x[j] - x[i], dy = y[j] - y[i], dz = z[j] - z[i];
        double r2 = dx * dx + dy * dy + dz * dz + 1e-4;
        double f = m[j] * (1.0 / (r2 * sqrt(r2)));
        ax += f * dx;
        ay += f * dy;
        az += f * dz;
    }
    v[i] += 1e-3 * ax;
    v[n + i] += 1e-3 * ay;
    v[2 * n + i] += 1e-3 * az;
    new[i] = x[i] + 1e-3 * v[i];
    new[n + i] = y[i] + 1e-3 * v[n + i];
    new[2 * n + i] = z[i] + 1e-3 * v[2 * n + i];
}

int64_t nbody(int threads, void **buffers, const int64_t *params, int64_t *result) {
    double *positions = buffers[0], *velocities = buffers[1], *masses = buffers[2];
    int64_t n = params[0], steps = params[1];
    for (int64_t step = 0; step < steps; step++) {
        double *old = positions + step % 2 * 3 * n, *new = positions + (step + 1) % 2 * 3 * n;
        if (threads == 0)
            for (int64_t i = 0; i < n; i++)
                body(i, n, old, new, velocities, masses);
        else
#pragma omp parallel for num_threads(threads) schedule(static)
            for (int64_t i = 0; i < n; i++)
                body(i, n, old, new, velocities, masses);
    }
    (void)result;
    return 0;
}
