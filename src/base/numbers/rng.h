/* Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): every number is a function of
 * (seed, purpose, a, b, element), so no rank, thread or call order can change it. */
#ifndef NN_BASE_NUMBERS_RNG_H
#define NN_BASE_NUMBERS_RNG_H

#include "base/real.h"

#include <stddef.h>
#include <stdint.h>

typedef enum nn_rng_purpose {
    NN_RNG_INIT = 1, /* a: hash of the parameter's name */
    NN_RNG_ORDER,    /* a: epoch */
    NN_RNG_LAYER,    /* dropout and the like; a: step and layer, b: global sample index */
    NN_RNG_AUGMENT,  /* a: epoch, b: global sample index */
    NN_RNG_DATA,     /* generated data sets */
    NN_RNG_TEST,
    NN_RNG_TUNE, /* values of trials; a: the key */
    NN_RNG_TOKEN /* of generated texts; a: number of the prompt */
} nn_rng_purpose;

typedef struct nn_rng {
    uint32_t key[2];
    uint64_t b;
} nn_rng;

nn_rng nn_rng_stream(uint64_t seed, nn_rng_purpose purpose, uint64_t a, uint64_t b);

/* Philox4x32-10 itself, for the known-answer test. */
void nn_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Elements [first, first + n) of the stream: 32 random bits each. */
void nn_rng_bits(const nn_rng *rng, uint64_t first, size_t n, uint32_t *out);
/* Factors of dropout by these bits: 0 with probability `rate`, in [0, 1), else 1 / (1 - rate). */
void nn_rng_dropout(const nn_rng *rng, uint64_t first, size_t n, double rate, nn_real *out);
/* Uniform in [0, 1), 24 bits (53 in the double build, which draws the same numbers more finely). */
void nn_rng_uniform(const nn_rng *rng, uint64_t first, size_t n, nn_real *out);
/* Standard normal (Box-Muller on pairs of elements; `first` is even). */
void nn_rng_normal(const nn_rng *rng, uint64_t first, size_t n, nn_real *out);

/* The 64-bit finaliser of SplitMix64 (Steele, Lea, Flood 2014, constants of Stafford's mix 13): a
 * bijection in which every input bit changes every output bit with probability near one half. For
 * packing two numbers into one stream: nn_mix64(step) + layer. */
uint64_t nn_mix64(uint64_t x);
/* A 64-bit hash of a string (FNV-1a with a finaliser), for naming streams. */
uint64_t nn_hash_text(const char *text);

/* A pseudo-random permutation of [0, n) by a Feistel network with cycle walking: element i of the
 * order that (seed, epoch) gives. O(1) a call and no memory. */
typedef struct nn_permutation {
    uint64_t n;
    uint32_t half_bits;
    uint32_t key[2];
} nn_permutation;
nn_permutation nn_permutation_of(uint64_t seed, uint64_t epoch, uint64_t n);
/* i < n. */
uint64_t nn_permutation_at(const nn_permutation *p, uint64_t i);

#endif
