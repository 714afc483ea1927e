#include "base/numbers/rng.h"

#include "base/numbers/elementary.h"

#include <math.h>
#include <string.h>

enum { LANES = 16, ROUNDS = 10, WORDS = 4 * LANES };

/* Constants of Philox4x32: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2,
 * 3" (SC 2011). */
static const uint64_t multiplier[2] = {0xd2511f53, 0xcd9e8d57};
static const uint32_t weyl[2] = {0x9e3779b9, 0xbb67ae85};

uint64_t nn_mix64(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

nn_rng nn_rng_stream(uint64_t seed, nn_rng_purpose purpose, uint64_t a, uint64_t b) {
    const uint64_t step = 0x9e3779b97f4a7c15; /* 2^64 / golden ratio: odd, so a bijection */
    uint64_t key = nn_mix64(seed + step);

    key = nn_mix64(key + step * (uint64_t)purpose);
    key = nn_mix64(key ^ nn_mix64(a + step));
    return (nn_rng){{(uint32_t)key, (uint32_t)(key >> 32)}, b};
}

void nn_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];

    for (uint32_t r = 0; r < ROUNDS; r++) {
        uint64_t p0 = multiplier[0] * c0, p1 = multiplier[1] * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ (key[0] + r * weyl[0]);
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ (key[1] + r * weyl[1]);
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The same for LANES blocks from number `block` on, all lanes side by side for the vector units.
 * A lane loop that the compiler unrolls is no longer vectorised, which costs a factor of two. */
static void philox_lanes(const nn_rng *rng, uint64_t block, uint32_t out[WORDS]) {
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];

#pragma GCC unroll 1
    for (uint32_t j = 0; j < LANES; j++) {
        c0[j] = (uint32_t)(block + j);
        c1[j] = (uint32_t)((block + j) >> 32);
        c2[j] = (uint32_t)rng->b;
        c3[j] = (uint32_t)(rng->b >> 32);
    }
    for (uint32_t r = 0; r < ROUNDS; r++) {
        uint32_t k0 = rng->key[0] + r * weyl[0], k1 = rng->key[1] + r * weyl[1];
#pragma GCC unroll 1
        for (uint32_t j = 0; j < LANES; j++) {
            uint64_t p0 = multiplier[0] * c0[j], p1 = multiplier[1] * c2[j];
            c0[j] = (uint32_t)(p1 >> 32) ^ c1[j] ^ k0;
            c2[j] = (uint32_t)(p0 >> 32) ^ c3[j] ^ k1;
            c1[j] = (uint32_t)p1;
            c3[j] = (uint32_t)p0;
        }
    }
#pragma GCC unroll 1
    for (size_t j = 0; j < LANES; j++) {
        out[4 * j] = c0[j];
        out[4 * j + 1] = c1[j];
        out[4 * j + 2] = c2[j];
        out[4 * j + 3] = c3[j];
    }
}

/* Generates into buf the blocks that word `first` opens; returns the place of that word. The
 * chunk_of words from there on are good. */
static const uint32_t *words_at(const nn_rng *rng, uint64_t first, uint32_t buf[WORDS]) {
    philox_lanes(rng, first / 4, buf);
    return buf + first % 4;
}

static size_t chunk_of(uint64_t first, size_t n) {
    size_t whole = WORDS - (size_t)(first % 4);

    return n < whole ? n : whole;
}

void nn_rng_bits(const nn_rng *rng, uint64_t first, size_t n, uint32_t *out) {
    uint32_t buf[WORDS];

    while (n > 0) {
        size_t chunk = chunk_of(first, n);
        memcpy(out, words_at(rng, first, buf), chunk * sizeof *out);
        first += chunk;
        out += chunk;
        n -= chunk;
    }
}

void nn_rng_dropout(const nn_rng *rng, uint64_t first, size_t n, double rate, nn_real *out) {
    uint32_t buf[WORDS], limit = (uint32_t)(rate * 4294967296.0);
    nn_real kept = (nn_real)(1 / (1 - rate));

    while (n > 0) {
        size_t chunk = chunk_of(first, n);
        const uint32_t *bits = words_at(rng, first, buf);
        for (size_t i = 0; i < chunk; i++)
            out[i] = bits[i] >= limit ? kept : 0;
        first += chunk;
        out += chunk;
        n -= chunk;
    }
}

#ifdef NN_DOUBLE

/* 53 bits: the 32 that the float build takes 24 of, and 21 of a stream with another key. So both
 * builds draw the same numbers to float's precision. */
static void to_uniform(const nn_rng *rng, uint64_t first, size_t n, const uint32_t *high,
                       double *out) {
    nn_rng other = {{~rng->key[0], rng->key[1]}, rng->b};
    uint32_t buf[WORDS];
    const uint32_t *low = words_at(&other, first, buf);

    for (size_t i = 0; i < n; i++)
        out[i] = (double)((uint64_t)high[i] << 21 | low[i] >> 11) * 0x1p-53;
}

#else

static void to_uniform(const nn_rng *rng, uint64_t first, size_t n, const uint32_t *high,
                       float *out) {
    (void)rng;
    (void)first;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(int32_t)(high[i] >> 8) * 0x1p-24f;
}

#endif

void nn_rng_uniform(const nn_rng *rng, uint64_t first, size_t n, nn_real *out) {
    uint32_t buf[WORDS];

    while (n > 0) {
        size_t chunk = chunk_of(first, n);
        to_uniform(rng, first, chunk, words_at(rng, first, buf), out);
        first += chunk;
        out += chunk;
        n -= chunk;
    }
}

/* Box and Muller 1958, in double whatever nn_real is, from two words; +0.5 keeps u1 off 0. */
static void box_muller(const uint32_t word[2], double z[2]) {
    double u1 = ((double)word[0] + 0.5) * 0x1p-32, u2 = (double)word[1] * 0x1p-32;
    double radius = sqrt(-2.0 * nn_logarithm(u1));
    nn_circle direction = nn_circle_at(u2);

    z[0] = radius * direction.cosine;
    z[1] = radius * direction.sine;
}

void nn_rng_normal(const nn_rng *rng, uint64_t first, size_t n, nn_real *out) {
    uint32_t buf[WORDS];

    while (n > 0) {
        size_t chunk = chunk_of(first, n);
        const uint32_t *word = words_at(rng, first, buf);
        for (size_t i = 0; i < chunk; i += 2) {
            double z[2];
            box_muller(word + i, z);
            out[i] = (nn_real)z[0];
            if (i + 1 < chunk)
                out[i + 1] = (nn_real)z[1];
        }
        first += chunk;
        out += chunk;
        n -= chunk;
    }
}

uint64_t nn_hash_text(const char *text) {
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a, draft-eastlake-fnv */

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return nn_mix64(hash);
}
