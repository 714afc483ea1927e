/* Vectors as wide as the registers of the instruction set, by GNU C's vector extensions, and
 * loads and stores of a part of one. */
#ifndef NN_MATH_ISA_LANES_H
#define NN_MATH_ISA_LANES_H

#include "math/isa/fused.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define PANEL_VECTORS 4 /* of 32 registers */
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#define PANEL_VECTORS 2 /* of 16 registers */
#else
#define VECTOR_BYTES 16
#define PANEL_VECTORS 2 /* of 16 registers */
#endif
#define LANES (VECTOR_BYTES / sizeof(nn_real))
#ifdef NN_DOUBLE
#define LANES_16 0
#define NN_CONV_GRAY_FILTERS (VECTOR_BYTES / 32 >= 2 ? VECTOR_BYTES / 32 : 0)
#else
#define LANES_16 (VECTOR_BYTES == 64)
#define NN_CONV_GRAY_FILTERS (VECTOR_BYTES / 16)
#endif

/* INLINE: functions that become one copy for each size of a tile. UNROLL: before loops over the
 * vectors that a tile keeps in registers. Where sanitizers check every access both are left out, or
 * the checks would take minutes to compile. */
#if defined(NN_SANITIZED)
#define INLINE static inline
#define UNROLL
#elif defined(__clang__)
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 12")
#endif

typedef nn_real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef nn_real loose_vec
    __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(nn_real)), may_alias));

static inline vec vec_load(const nn_real *x) {
    return *(const loose_vec *)x;
}

static inline void vec_store(nn_real *x, vec v) {
    *(loose_vec *)x = v;
}

/* x in every lane; x - 0 is x, also where x is -0. */
static inline vec vec_of(nn_real x) {
    return x - (vec){0};
}

/* a b + c, fused as mul_add is. gcc has no other way than these to ask for it. */
static inline vec vec_mul_add(vec a, vec b, vec c) {
#if defined(__AVX512F__) && defined(NN_DOUBLE)
    return (vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX512F__)
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__) && defined(NN_DOUBLE)
    return (vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__FMA__)
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__) && defined(NN_DOUBLE)
    return (vec)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#elif defined(__aarch64__)
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/* Lanes that count in a vector with `left` elements from its first on. */
static inline size_t vec_part(size_t left) {
    return left < LANES ? left : LANES;
}

/* The first n lanes, 1 <= n <= LANES; the others are 0, and nothing behind x[n - 1] is touched. */
#if defined(__AVX512F__) && defined(NN_DOUBLE)
static inline vec vec_load_part(const nn_real *x, size_t n) {
    return (vec)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), x);
}

static inline void vec_store_part(nn_real *x, vec v, size_t n) {
    _mm512_mask_storeu_pd(x, (__mmask8)((1u << n) - 1), (__m512d)v);
}
#elif defined(__AVX512F__)
static inline vec vec_load_part(const nn_real *x, size_t n) {
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), x);
}

static inline void vec_store_part(nn_real *x, vec v, size_t n) {
    _mm512_mask_storeu_ps(x, (__mmask16)((1u << n) - 1), (__m512)v);
}
#else
#ifdef __AVX2__
/* All bits of the first n lanes. */
static inline __m256i first_lanes(size_t n) {
#ifdef NN_DOUBLE
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)n), _mm256_setr_epi64x(0, 1, 2, 3));
#else
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
#endif
}
#endif

static inline vec vec_load_part(const nn_real *x, size_t n) {
    if (n == LANES)
        return vec_load(x);
#if defined(__AVX2__) && defined(NN_DOUBLE)
    return (vec)_mm256_maskload_pd(x, first_lanes(n));
#elif defined(__AVX2__)
    return (vec)_mm256_maskload_ps(x, first_lanes(n));
#else
    vec v = {0};
    v[0] = x[0];
    if (n > 1)
        v[1] = x[1];
#ifndef NN_DOUBLE
    if (n > 2)
        v[2] = x[2];
#endif
    return v;
#endif
}

/* By fours, twos and ones: what masks the store takes tens of operations on some processors. */
static inline void vec_store_part(nn_real *x, vec v, size_t n) {
    nn_real from[LANES];
    size_t i = 0;
    if (n == LANES) {
        vec_store(x, v);
        return;
    }
    vec_store(from, v);
    UNROLL for (size_t size = LANES / 2; size; size /= 2) if (n & size) {
        memcpy(x + i, from + i, size * sizeof *x);
        i += size;
    }
}
#endif

#endif
