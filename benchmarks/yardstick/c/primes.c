/* Primes by trial division. No buffers. Parameters: limit. Answer: primes, divisions. */
#include <stdint.h>

int64_t primes(int threads, void **buffers, const int64_t *params, int64_t *result) {
    int limit = params[0];
    int64_t primes = 0, divisions = 0;
    (void)buffers;
#pragma omp parallel for if (threads > 0) num_threads(threads > 0 ? threads : 1) schedule(dynamic, 4096) \
    reduction(+ : primes, divisions)
    for (int n = 2; n < limit; n++) {
        int d = 2;
        while (d * d <= n && n % d)
            d++;
        int prime = d * d > n;
        primes += prime;
        divisions += d - 1 - prime;
    }
    result[0] = primes;
    result[1] = divisions;
    return 2;
}
