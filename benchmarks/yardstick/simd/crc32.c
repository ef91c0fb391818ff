/* Eight blocks side by side, eight bytes per load: there is no vector form of a table look-up that pays. */
#include <stdint.h>
#include <string.h>

#define BLOCKS 8

__attribute__((optimize("no-tree-vectorize"))) /* GCC would gather, at twice the time */
static void group(const uint8_t *data, int64_t nbytes, const uint32_t *table, uint32_t *crcs) {
    uint32_t crc[BLOCKS];
    uint64_t word[BLOCKS];
    for (int b = 0; b < BLOCKS; b++)
        crc[b] = 0xFFFFFFFFu;
    for (int64_t k = 0; k < nbytes; k += 8) {
        for (int b = 0; b < BLOCKS; b++)
            memcpy(&word[b], data + b * nbytes + k, 8);
        for (int byte = 0; byte < 8; byte++)
            for (int b = 0; b < BLOCKS; b++) {
                crc[b] = table[(crc[b] ^ word[b]) & 0xFF] ^ (crc[b] >> 8);
                word[b] >>= 8;
            }
    }
    for (int b = 0; b < BLOCKS; b++)
        crcs[b] = ~crc[b];
}

int64_t crc32(int threads, void **buffers, const int64_t *params, int64_t *result) {
    for (int64_t i = 0; i + BLOCKS <= params[0]; i += BLOCKS)
        group((uint8_t *)buffers[0] + i * params[1], params[1], buffers[2], (uint32_t *)buffers[1] + i);
    (void)threads, (void)result;
    return 0;
}
