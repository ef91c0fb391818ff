/* What includes this is compiled in vectors of 256 bits where the CPU has wider ones: those may stream slower, and leave
   more over at the end of a row. GCC on x86-64 only; without it the result is the same. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#pragma GCC target("prefer-vector-width=256")
#endif
