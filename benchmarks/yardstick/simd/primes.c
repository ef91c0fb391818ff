/* Two vectors of divisors at a time, in doubles: n / d is whole in doubles exactly if d divides n, for n < 2^31. */
#include "simd.h"

#define VECTORS 2
#define FIRST 18 /* below it one by one: most numbers have a small divisor */

static inline V whole(V q) {
#if defined(__AVX512F__)
    return _mm512_roundscale_pd(q, 9);
#elif defined(__AVX__)
    return _mm256_floor_pd(q);
#else
    for (int lane = 0; lane < LANES; lane++)
        q[lane] = __builtin_floor(q[lane]);
    return q;
#endif
}

static int any_divides(int n, int first) {
    M found = {0};
    for (int v = 0; v < VECTORS; v++) {
        V d = first + v * LANES + iota(), q = (double)n / d;
        found |= (M)(q == whole(q)) & (M)(d <= q);
    }
    return any(found);
}

static int first_divisor(int n) {
    int d = 2;
    for (; d < FIRST && d * d <= n; d++)
        if (n % d == 0)
            return d;
    for (; (int64_t)d * d <= n; d += VECTORS * LANES)
        if (any_divides(n, d)) {
            while (n % d)
                d++;
            return d;
        }
    return 0;
}

int64_t primes(int threads, void **buffers, const int64_t *params, int64_t *result) {
    result[0] = result[1] = 0;
    for (int n = 2; n < params[0]; n++) {
        int d = first_divisor(n);
        result[0] += !d;
        result[1] += (d ? d : (int)__builtin_sqrt(n)) - 1;
    }
    (void)threads, (void)buffers;
    return 2;
}
