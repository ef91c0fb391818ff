#define _GNU_SOURCE
/* What STREAM and a loop of fused multiply-adds reach on one thread, written apart from gilscope's own. */
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

typedef double V __attribute__((vector_size(BITS / 8)));

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + 1e-9 * at.tv_nsec;
}

static double kernel(int which, double *restrict a, const double *restrict b, const double *restrict c, long n) {
    if (which == 0)
        for (long i = 0; i < n; i++) a[i] = 3.0 * b[i];
    else if (which == 1)
        for (long i = 0; i < n; i++) a[i] = b[i] + c[i];
    else
        for (long i = 0; i < n; i++) a[i] = b[i] + 3.0 * c[i];
    return which == 0 ? 16.0 * n : 24.0 * n;
}

/* Bytes per second of the best of scale, add and triad. */
double stream(long n, int tries) {
    double best = 0.0, *arrays[3];
    for (int k = 0; k < 3; k++) {
        if (posix_memalign((void **)&arrays[k], 1 << 21, 8 * n)) return -1.0;
#ifdef MADV_HUGEPAGE
        madvise(arrays[k], 8 * n, MADV_HUGEPAGE);
#endif
        for (long i = 0; i < n; i++) arrays[k][i] = 1.0 + i;
    }
    for (int which = 0; which < 3; which++)
        for (int k = 0; k < tries; k++) {
            double began = now(), bytes = kernel(which, arrays[0], arrays[1], arrays[2], n), speed = bytes / (now() - began);
            best = speed > best ? speed : best;
        }
    for (int k = 0; k < 3; k++) free(arrays[k]);
    return best;
}

/* Floating-point operations per second of x = x * m + c in twelve chains. */
double fused(long steps, int tries) {
    double best = 0.0;
    for (int k = 0; k < tries; k++) {
        V x[12], m = (V){0} + 0.999999, c = (V){0} + 1e-6;
        for (int i = 0; i < 12; i++) x[i] = (V){0} + i;
        double began = now();
        for (long s = 0; s < steps; s++)
#pragma GCC unroll 12
            for (int i = 0; i < 12; i++) {
                x[i] = x[i] * m + c;
                __asm__ volatile("" : "+x"(x[i]));
            }
        double speed = 2.0 * 12 * (BITS / 64) * steps / (now() - began);
        best = speed > best ? speed : best;
    }
    return best;
}
