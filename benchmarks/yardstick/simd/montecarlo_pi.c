/* A vector of samples at a time. */
#include "simd.h"

static inline V u(U i) {
    U z = (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z = (z ^ (z >> 31)) >> 11;
#if defined(__AVX512DQ__)
    return _mm512_cvtepu64_pd((__m512i)z) * 0x1p-53;
#else /* both halves of 53 bits put behind the exponents of 2^84 and 2^52: exact */
    V high = (V)(z >> 32 | 0x4530000000000000u) - 0x1.00000001p84;
    return (high + (V)((z & 0xFFFFFFFFu) | 0x4330000000000000u)) * 0x1p-53;
#endif
}

int64_t montecarlo_pi(int threads, void **buffers, const int64_t *params, int64_t *result) {
    int64_t n = params[0], i = 0;
    M hits = {0};
    U at = __builtin_convertvector(2.0 * iota(), U);
    for (; i + LANES <= n; i += LANES, at += 2 * LANES) {
        V x = u(at), y = u(at + 1);
        hits -= (M)(x * x + y * y <= 1.0);
    }
    result[0] = 0;
    for (int lane = 0; lane < LANES; lane++)
        result[0] += hits[lane] + (i + lane < n && u(at)[lane] * u(at)[lane] + u(at + 1)[lane] * u(at + 1)[lane] <= 1.0);
    (void)threads, (void)buffers;
    return 1;
}
