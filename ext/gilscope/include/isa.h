/* The instruction set this file is compiled for, and whether the CPU it runs on has what the twins of a portable build
   use of x86-64-v3: AVX2, FMA, BMI and BMI2 (setup.py, V3_FLAGS). */
#ifndef GILSCOPE_ISA_H
#define GILSCOPE_ISA_H

static inline const char *gilscope_isa(void) {
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
    return "x86-64-v4";
#elif defined(__AVX2__) && defined(__FMA__) && defined(__BMI2__)
    return "x86-64-v3";
#elif defined(__AVX2__)
    return "avx2";
#elif defined(__x86_64__) || defined(_M_X64)
    return "x86-64";
#elif defined(__ARM_FEATURE_SVE)
    return "sve";
#elif defined(__aarch64__) || defined(_M_ARM64)
    return "neon";
#else
    return "baseline";
#endif
}

static inline int gilscope_cpu_has_v3(void) {
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
#else
    return 0;
#endif
}

#endif
