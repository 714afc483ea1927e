#include "base/numbers/rng.h"

/* Three rounds of an ideal Feistel network already hide its structure (Luby and Rackoff 1988); ours
 * are a cheap hash on few bits, hence some more. */
enum {
    FEISTEL_ROUNDS = 8,
    MIN_HALF_BITS = 4 /* with fewer a network reaches some orders of 5 or 6 items more often */
};

nn_permutation nn_permutation_of(uint64_t seed, uint64_t epoch, uint64_t n) {
    nn_rng stream = nn_rng_stream(seed, NN_RNG_ORDER, epoch, 0);
    nn_permutation p = {.n = n, .half_bits = MIN_HALF_BITS, .key = {stream.key[0], stream.key[1]}};

    while (p.half_bits < 32 && (n - 1) >> (2 * p.half_bits) != 0)
        p.half_bits++;
    return p;
}

/* 32 bits that all bits of x and of the round's two keys have a part in. */
static uint32_t round_hash(uint32_t x, uint32_t k0, uint32_t k1) {
    x = (x ^ k0) * 0x85ebca6b;
    x = (x ^ (x >> 15) ^ k1) * 0xc2b2ae35;
    x = (x ^ (x >> 13)) * 0x9e3779b1;
    return x >> 16 | x << 16; /* the upper bits are the better ones */
}

/* A balanced Feistel network: a bijection of [0, 4^half_bits). */
static uint64_t feistel(const nn_permutation *p, uint64_t i) {
    uint32_t mask = (uint32_t)((UINT64_C(1) << p->half_bits) - 1);
    uint32_t left = (uint32_t)(i >> p->half_bits), right = (uint32_t)i & mask;
    uint32_t k0 = p->key[0], k1 = p->key[1];

    for (int r = 0; r < FEISTEL_ROUNDS; r++) {
        uint32_t next = left ^ (round_hash(right, k0, k1) & mask);
        left = right;
        right = next;
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    return (uint64_t)left << p->half_bits | right;
}

/* Walks the cycle that i lies on until it is back below n (Black and Rogaway 2002). The domain is
 * less than four times n (256 at least), so that takes less than four steps on average. */
uint64_t nn_permutation_at(const nn_permutation *p, uint64_t i) {
    do {
        i = feistel(p, i);
    } while (i >= p->n);
    return i;
}
