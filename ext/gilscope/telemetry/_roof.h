/* What the hardware can do: kernels of STREAM (McCalpin 1995) and chains of multiply and add in the widest vectors.
   Copy is left out: compilers make memcpy of it, which writes past the caches, as no kernel of ours does. */
#ifndef GILSCOPE_ROOF_H
#define GILSCOPE_ROOF_H

#include "isa.h"
#include <stddef.h>

#define STREAM(NAME, TARGET)                                                                                           \
    TARGET static void NAME(int kernel, double *restrict a, const double *restrict b, const double *restrict c,        \
                            ptrdiff_t n) {                                                                             \
        if (kernel == 0)                                                                                               \
            for (ptrdiff_t i = 0; i < n; i++)                                                                          \
                a[i] = 3.0 * b[i];                                                                                     \
        else if (kernel == 1)                                                                                          \
            for (ptrdiff_t i = 0; i < n; i++)                                                                          \
                a[i] = b[i] + c[i];                                                                                    \
        else                                                                                                           \
            for (ptrdiff_t i = 0; i < n; i++)                                                                          \
                a[i] = b[i] + 3.0 * c[i];                                                                              \
    }
#define IN(TARGET) __attribute__((target(TARGET), noinline))

STREAM(gilscope_stream_any, )

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#include <immintrin.h>
#define CHAINS 12 /* two results a cycle, each after up to five cycles, and two more; with both factors 14 registers */

STREAM(gilscope_stream_256, IN("avx2"))
STREAM(gilscope_stream_512, IN("avx512f")) /* not the fastest on every CPU that has it */

#define PEAK(NAME, TARGET, VECTOR, SET, STEP)                                                                          \
    IN(TARGET) static void NAME(ptrdiff_t steps) {                                                                     \
        VECTOR x = SET(0.999999), y = SET(1e-6), v[CHAINS];                                                            \
        for (int k = 0; k < CHAINS; k++)                                                                               \
            v[k] = SET(0.5 + k);                                                                                       \
        for (ptrdiff_t i = 0; i < steps; i++) {                                                                        \
            _Pragma("GCC unroll 12") for (int k = 0; k < CHAINS; k++) v[k] = STEP;                                     \
        }                                                                                                              \
        for (int k = 0; k < CHAINS; k++)                                                                               \
            __asm__ volatile("" : : "m"(v[k])); /* or the compiler leaves it all out */                                \
    }

PEAK(gilscope_peak_128, "sse2", __m128d, _mm_set1_pd, _mm_add_pd(_mm_mul_pd(v[k], x), y))
PEAK(gilscope_peak_256, "avx2,fma", __m256d, _mm256_set1_pd, _mm256_add_pd(_mm256_mul_pd(v[k], x), y))
PEAK(gilscope_peak_512, "avx512f", __m512d, _mm512_set1_pd, _mm512_add_pd(_mm512_mul_pd(v[k], x), y))
PEAK(gilscope_fma_256, "avx2,fma", __m256d, _mm256_set1_pd, _mm256_fmadd_pd(v[k], x, y))
PEAK(gilscope_fma_512, "avx512f", __m512d, _mm512_set1_pd, _mm512_fmadd_pd(v[k], x, y))

/* Bits of the widest vectors of doubles; 0 where they are not known. */
static int gilscope_widest(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") ? 512 : gilscope_cpu_has_v3() ? 256 : 128;
}

static void gilscope_stream(int bits, int kernel, double *a, const double *b, const double *c, ptrdiff_t n) {
    if (bits == 512)
        gilscope_stream_512(kernel, a, b, c, n);
    else if (bits == 256)
        gilscope_stream_256(kernel, a, b, c, n);
    else
        gilscope_stream_any(kernel, a, b, c, n);
}

static void gilscope_peak(int bits, int fma, ptrdiff_t steps) {
    if (bits == 512)
        fma ? gilscope_fma_512(steps) : gilscope_peak_512(steps);
    else if (bits == 256)
        fma ? gilscope_fma_256(steps) : gilscope_peak_256(steps);
    else
        gilscope_peak_128(steps);
}
#else
#define CHAINS 0
static int gilscope_widest(void) { return 0; }
static void gilscope_stream(int bits, int kernel, double *a, const double *b, const double *c, ptrdiff_t n) {
    (void)bits;
    gilscope_stream_any(kernel, a, b, c, n);
}
static void gilscope_peak(int bits, int fma, ptrdiff_t steps) { (void)bits, (void)fma, (void)steps; }
#endif

#endif
