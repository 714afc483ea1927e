/* How a thread's arithmetic treats subnormal numbers, those below the smallest normal one. Each
 * costs some hundred cycles, and the gradients of saturated units, like momenta that have decayed,
 * are full of them: an LSTM that saturates is fifteen times slower for them. Training therefore
 * takes them for 0, in arguments and results. A thread starts with the mode of the one that made
 * it; nn_parallel and its kin lend theirs to the threads they use. */
#ifndef NN_MATH_FLOAT_MODE_H
#define NN_MATH_FLOAT_MODE_H

#if defined(__x86_64__)
#include <immintrin.h>
#define NN_FLUSH_SUBNORMALS (_MM_FLUSH_ZERO_MASK | 0x40u) /* of results, of arguments */
#elif defined(__aarch64__)
#define NN_FLUSH_SUBNORMALS (UINT64_C(1) << 24)
#else
#define NN_FLUSH_SUBNORMALS 0
#endif

#include <stdint.h>

static inline uint64_t nn_float_mode(void) {
#if defined(__x86_64__)
    return _mm_getcsr();
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
#else
    return 0;
#endif
}

static inline void nn_float_mode_set(uint64_t mode) {
#if defined(__x86_64__)
    _mm_setcsr((unsigned)mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
    (void)mode;
#endif
}

/* The calling thread takes subnormal numbers for 0 from here on. Returns the mode before, to be
 * set again at the end. */
static inline uint64_t nn_float_mode_flush(void) {
    uint64_t before = nn_float_mode();
    nn_float_mode_set(before | NN_FLUSH_SUBNORMALS);
    return before;
}

#endif
