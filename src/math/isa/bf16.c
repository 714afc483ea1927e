/* Products of bfloat16, which are added in float. A pair of them stands in the place of a float, so
 * that loops, tiles and strides are those of tiles.h and remainder.h; a sum takes the numbers at
 * odd places of its pairs first, in two fused multiply-adds (VDPBF16PS; subnormal numbers are 0).
 */
#include "math/isa/isa.h"
#include "math/isa/lanes.h"

#ifdef ISA_HAS_BF16

/* x86-64-v4 does without; nn_kernels_bf16 asks the processor. */
#define TARGET __attribute__((target("avx512bf16")))

/* A pair in every lane; a pair is no number that could be added to. */
INLINE TARGET vec pair_of(nn_real x) {
    return (vec)_mm512_set1_ps(x);
}

INLINE TARGET vec dot_pairs(vec a, vec b, vec c) {
    return (vec)_mm512_dpbf16_ps((__m512)c, (__m512bh)a, (__m512bh)b);
}

#define FACTOR pair_of
#define MULTIPLY_ADD dot_pairs
static TARGET void conv_rows(const nn_conv_rows *args);
static TARGET void conv_sums(const nn_conv_sums *args);
static TARGET void conv_remainder(const nn_conv_remainder *t);
static TARGET void conv_remainder_sums(const nn_conv_remainder_sums *t);
#define CONV_ROWS conv_rows
#define CONV_SUMS conv_sums
#define CONV_REMAINDER conv_remainder
#define CONV_REMAINDER_SUMS conv_remainder_sums
#include "math/isa/conv/remainder.h"
#include "math/isa/conv/tiles.h"

/* Rounds up to 32 numbers, 16 pairs. */
INLINE TARGET vec round_vectors(vec low, vec high) {
    return (vec)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

/* The first `left` numbers from x on; 0 from there. */
INLINE TARGET vec load_some(const nn_real *x, size_t left) {
    return left == 0 ? (vec){0} : vec_load_part(x, vec_part(left));
}

static TARGET void round_row(size_t n, const nn_real *x, nn_real *pairs) {
    for (size_t i = 0; i < n; i += 2 * LANES, pairs += LANES) {
        size_t left = n - i, behind = left > LANES ? left - LANES : 0;
        vec v = round_vectors(load_some(x + i, left), load_some(x + i + LANES, behind));
        vec_store_part(pairs, v, vec_part((left + 1) / 2));
    }
}

static TARGET void join(size_t n, const nn_real *first, const nn_real *second, nn_real *pairs) {
    static const uint16_t order[2 * LANES] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                              21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                              11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512i places = _mm512_loadu_si512(order);
    for (size_t i = 0; i < n; i += LANES) {
        size_t left = n - i;
        vec v = round_vectors(load_some(first + i, left), load_some(second + i, second ? left : 0));
        v = (vec)_mm512_permutexvar_epi16(places, (__m512i)v);
        vec_store_part(pairs + i, v, vec_part(left));
    }
}

/* As those of peak.c: each operation multiplies two pairs and adds both products. */
static TARGET double multiply_adds(size_t rounds) {
    enum { CHAINS = 12 };
    vec chain[CHAINS], factor = vec_of((nn_real)0.999);
    volatile nn_real seen;
    for (size_t i = 0; i < CHAINS; i++)
        chain[i] = factor * (nn_real)i; /* equal ones would be computed once */
    for (size_t r = 0; r < rounds; r++) {
        UNROLL for (size_t i = 0; i < CHAINS; i++) chain[i] = dot_pairs(factor, factor, chain[i]);
    }
    for (size_t i = 1; i < CHAINS; i++)
        chain[0] += chain[i];
    seen = chain[0][0];
    (void)seen;
    size_t made = 2 * rounds * CHAINS * LANES;
    return (double)made;
}

const nn_bf16_kernels ISA(bf16_kernels) = {
    .round = round_row,
    .join = join,
    .conv_rows = conv_rows,
    .conv_sums = conv_sums,
    .conv_remainder = conv_remainder,
    .conv_remainder_sums = conv_remainder_sums,
    .multiply_adds = multiply_adds,
};

#endif
