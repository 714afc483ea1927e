/* The hash of memory: what it is for known bytes, that every bit and every length counts, and how
 * fast it is (`train_hash speed`). */
#include "train/replicas/hash.h"

#include "base/numbers/rng.h"
#include "base/system/clock.h"
#include "check.h"

#include <stdlib.h>

enum { BYTES = 300, ROUNDS = 40 };

static unsigned char data[BYTES];

/* The same for every compiler and processor. */
static void test_known(void) {
    CHECK(nn_hash_bytes(data, 0) == 0xcbe163713c47b4d3);
    CHECK(nn_hash_bytes(data, 7) == 0x73a63c1dd2a7a74a);
    CHECK(nn_hash_bytes(data, BYTES) == 0xdef0293f7e45d291);
}

static void test_bits(void) {
    for (size_t count = 1; count <= BYTES; count += 13) {
        uint64_t hash = nn_hash_bytes(data, count);
        for (size_t bit = 0; bit < 8 * count; bit++) {
            data[bit / 8] ^= (unsigned char)(1u << bit % 8);
            CHECK(nn_hash_bytes(data, count) != hash);
            data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
    }
}

/* Two signs that change, wherever they stand: what weak sums miss. */
static void test_pairs(void) {
    uint64_t hash = nn_hash_bytes(data, BYTES);
    for (size_t a = 3; a < BYTES; a += 4)
        for (size_t b = a + 4; b < BYTES; b += 4) {
            data[a] ^= 0x80;
            data[b] ^= 0x80;
            CHECK(nn_hash_bytes(data, BYTES) != hash);
            data[a] ^= 0x80;
            data[b] ^= 0x80;
        }
}

static void test_lengths(void) {
    static const unsigned char zeros[BYTES];
    for (size_t n = 0; n < BYTES; n++)
        CHECK(nn_hash_bytes(zeros, n) != nn_hash_bytes(zeros, n + 1));
}

/* Where the bytes stand does not matter, only in which order. */
static void test_places(void) {
    unsigned char copy[BYTES + 8];
    for (size_t at = 0; at < 8; at++) {
        memcpy(copy + at, data, BYTES);
        CHECK(nn_hash_bytes(copy + at, BYTES) == nn_hash_bytes(data, BYTES));
    }
    memcpy(copy, data + 8, 8);
    memcpy(copy + 8, data, 8);
    memcpy(copy + 16, data + 16, BYTES - 16);
    CHECK(nn_hash_bytes(copy, BYTES) != nn_hash_bytes(data, BYTES));
}

static void measure(size_t bytes) {
    unsigned char *memory = malloc(bytes);
    uint64_t sum = 0;
    if (!CHECK(memory != NULL))
        return;
    memset(memory, 1, bytes);
    double since = nn_seconds();
    for (int i = 0; i < ROUNDS; i++)
        sum += nn_hash_bytes(memory, bytes);
    double seconds = nn_seconds() - since;
    printf("%zu bytes: %.1f GB/s (%016" PRIx64 ")\n", bytes,
           (double)(ROUNDS * bytes) / seconds * 1e-9, sum);
    free(memory);
}

int main(int argc, char **argv) {
    nn_rng rng = nn_rng_stream(1, NN_RNG_TEST, 0, 0);
    uint32_t bits[BYTES / 4];
    nn_rng_bits(&rng, 0, BYTES / 4, bits);
    memcpy(data, bits, sizeof bits);
    test_known();
    test_bits();
    test_pairs();
    test_lengths();
    test_places();
    if (argc > 1 && strcmp(argv[1], "speed") == 0) {
        measure((size_t)1 << 18);
        measure((size_t)1 << 28);
    }
    return check_done();
}
