#include "train/replicas/hash.h"

#include "base/numbers/rng.h"

#include <string.h>

/* Chains side by side, word i of the memory going into chain i % CHAINS: as many as hide how long a
 * multiplication takes. */
enum { CHAINS = 8, TURN = 29 };

static const uint64_t odd = 0x9e3779b97f4a7c15; /* 2^64 / golden ratio */

/* One to one in `chain` and in `word`, so that a difference never gets lost. */
static inline uint64_t stir(uint64_t chain, uint64_t word) {
    uint64_t x = chain ^ word;
    return (x << TURN | x >> (64 - TURN)) * odd;
}

static void stir_all(uint64_t chain[CHAINS], const unsigned char *bytes) {
    uint64_t word[CHAINS];
    memcpy(word, bytes, sizeof word);
    for (size_t i = 0; i < CHAINS; i++)
        chain[i] = stir(chain[i], word[i]);
}

uint64_t nn_hash_bytes(const void *bytes, size_t count) {
    const unsigned char *at = bytes;
    uint64_t chain[CHAINS], hash = nn_mix64(count + odd);
    unsigned char rest[sizeof chain] = {0};
    size_t left = count;
    for (size_t i = 0; i < CHAINS; i++)
        chain[i] = (i + 1) * odd;
    for (; left >= sizeof rest; at += sizeof rest, left -= sizeof rest)
        stir_all(chain, at);
    if (left > 0) {
        memcpy(rest, at, left);
        stir_all(chain, rest);
    }
    for (size_t i = 0; i < CHAINS; i++)
        hash = nn_mix64(hash ^ chain[i]);
    return hash;
}
