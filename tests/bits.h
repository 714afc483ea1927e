/* What the test of the kernels' bits is made of: inputs that are the same everywhere, and one hash
 * of all outputs of a kernel. */
#ifndef NN_TESTS_BITS_H
#define NN_TESTS_BITS_H

#include "check.h"
#include "math/kernels.h"

#include <stdlib.h>

/* Odd ones, whole vectors, and one more or less than these. */
static const size_t bits_length[] = {1,  2,  3,  5,  8,  11,  15,  16,  17,  31,
                                     33, 63, 64, 65, 90, 100, 129, 257, 1025};
#define BITS_LENGTHS (sizeof bits_length / sizeof bits_length[0])
#define EACH_LENGTH(n)                                                                             \
    for (size_t n##_at = 0, n = bits_length[0]; n##_at < BITS_LENGTHS;                             \
         n##_at++, n = bits_length[n##_at < BITS_LENGTHS ? n##_at : 0])

static const nn_kernels *k; /* the table under test */

/* FNV-1a (Fowler, Noll, Vo) of what the kernel wrote. */
static uint64_t bits_hash;

static void hash_bytes(size_t n, const void *data) {
    const uint8_t *byte = data;
    for (size_t i = 0; i < n; i++)
        bits_hash = (bits_hash ^ byte[i]) * 0x100000001b3u;
}

/* Sign and payload of a NaN say nothing. */
static void hash_out(size_t n, const nn_real *x) {
    for (size_t i = 0; i < n; i++) {
        nn_real value = isnan(x[i]) ? (nn_real)NAN : x[i];
        hash_bytes(sizeof value, &value);
    }
}

static void hash_doubles(size_t n, const double *x) {
    for (size_t i = 0; i < n; i++) {
        double value = isnan(x[i]) ? (double)NAN : x[i];
        hash_bytes(sizeof value, &value);
    }
}

/* Memory of one kernel's arrays, given back when its hash is complete. Each array starts 1 to 5
 * elements behind a whole vector, but those of take_aligned. */
#define POOL ((size_t)1 << 20)
static union {
    max_align_t aligned;
    unsigned char byte[POOL];
} pool;
static size_t pool_used;
static unsigned pool_arrays;

static void *take_bytes(size_t n, size_t offset) {
    uintptr_t start = (uintptr_t)pool.byte;
    size_t at = (pool_used + 63 + start) / 64 * 64 - start + offset;
    if (at + n + 64 > POOL) {
        fprintf(stderr, "the pool is too small\n");
        exit(1);
    }
    pool_used = at + n + 64;
    return memset(pool.byte + at, 0, n + 64);
}

static nn_real *take(size_t n) {
    return take_bytes(n * sizeof(nn_real), (1 + pool_arrays++ % 5) * sizeof(nn_real));
}

static nn_real *take_aligned(size_t n) {
    return take_bytes(n * sizeof(nn_real), 0);
}

static double *take_doubles(size_t n) {
    return take_bytes(n * sizeof(double), (1 + pool_arrays++ % 5) * sizeof(double));
}

static void give_back(void) {
    pool_used = 0;
}

static uint32_t bits_state;

/* The generator of Numerical Recipes; its high bits are good. */
static uint32_t next_word(void) {
    bits_state = bits_state * 1664525u + 1013904223u;
    return bits_state;
}

/* In [-8, 8), one in 29 of them far away, tiny or zero. */
static nn_real next_number(void) {
    static const double special[] = {0, -0.0, 1, -1, 1e-30, -1e-40, 90, -110};
    uint32_t word = next_word();
    return (nn_real)((word >> 8) % 29 == 0 ? special[word >> 29] : (double)word * 0x1p-28 - 8);
}

static nn_real *numbers_in(size_t n, nn_real *x) {
    for (size_t i = 0; i < n; i++)
        x[i] = next_number();
    return x;
}

static nn_real *numbers(size_t n) {
    return numbers_in(n, take(n));
}

/* As running means of squares are. */
static nn_real *positive(size_t n) {
    nn_real *x = numbers(n);
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] < 0 ? -x[i] : x[i];
    return x;
}

static uint32_t *words(size_t n) {
    uint32_t *x = take_bytes(n * sizeof *x, 4);
    for (size_t i = 0; i < n; i++)
        x[i] = next_word();
    return x;
}

static uint8_t *some_bytes(size_t n) {
    uint8_t *x = take_bytes(n, 3);
    for (size_t i = 0; i < n; i++)
        x[i] = (uint8_t)(next_word() >> 24);
    return x;
}

static size_t whole(size_t n, size_t step) {
    return (n + step - 1) / step * step;
}

#endif
