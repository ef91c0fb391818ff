/* Vectors of doubles as wide as the CPU has them, in the extension that GCC and clang share. */
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define LANES (BYTES / 8)

typedef double V __attribute__((vector_size(BYTES), aligned(8)));
typedef int64_t M __attribute__((vector_size(BYTES), aligned(8)));
typedef uint64_t U __attribute__((vector_size(BYTES), aligned(8)));
typedef int32_t I __attribute__((vector_size(BYTES), aligned(4)));

static inline V all(double x) { return x - (V){0}; }

static inline V iota(void) {
    V v;
    for (int lane = 0; lane < LANES; lane++)
        v[lane] = lane;
    return v;
}

static inline V root(V v) {
#if defined(__AVX512F__)
    return _mm512_sqrt_pd(v);
#elif defined(__AVX__)
    return _mm256_sqrt_pd(v);
#else
    for (int lane = 0; lane < LANES; lane++)
        v[lane] = __builtin_sqrt(v[lane]);
    return v;
#endif
}

static inline I lesser(I a, I b) {
#if defined(__AVX512F__)
    return (I)_mm512_min_epi32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (I)_mm256_min_epi32((__m256i)a, (__m256i)b);
#else
    I less = a < b;
    return (a & less) | (b & ~less);
#endif
}

static inline int any(M mask) {
    int64_t found = 0;
    for (int lane = 0; lane < LANES; lane++)
        found |= mask[lane];
    return found != 0;
}
