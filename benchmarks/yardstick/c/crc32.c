/* CRC-32 with a byte table, one block after the other. Buffers: data, crcs, table. Parameters: blocks, block_bytes. */
#include <stdint.h>

static uint32_t checksum(const uint8_t *data, int64_t nbytes, const uint32_t *table) {
    uint32_t crc = 0xFFFFFFFFu;
    for (int64_t k = 0; k < nbytes; k++)
        crc = table[(crc ^ data[k]) & 0xFF] ^ (crc >> 8);
    return ~crc;
}

int64_t crc32(int threads, void **buffers, const int64_t *params, int64_t *result) {
    const uint8_t *data = buffers[0];
    uint32_t *crcs = buffers[1], *table = buffers[2];
    int64_t blocks = params[0], nbytes = params[1];
    if (threads == 0)
        for (int64_t i = 0; i < blocks; i++)
            crcs[i] = checksum(data + i * nbytes, nbytes, table);
    else
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int64_t i = 0; i < blocks; i++)
            crcs[i] = checksum(data + i * nbytes, nbytes, table);
    (void)result;
    return 0;
}
