/* Multiply-adds on registers alone: the most that a core can do. */
#include "math/isa/isa.h"
#include "math/isa/lanes.h"

/* Chains of dependent operations: enough to hide the latency of two units, few enough for 16
 * registers. */
#define CHAINS 12

double ISA(multiply_adds)(size_t rounds) {
    vec chain[CHAINS], factor = {0};
    volatile nn_real seen;

    factor += (nn_real)0.999;
    for (size_t i = 0; i < CHAINS; i++)
        chain[i] = factor * (nn_real)i;
    for (size_t r = 0; r < rounds; r++) {
        _Pragma("GCC unroll 12") for (size_t i = 0; i < CHAINS; i++) chain[i] =
            vec_mul_add(chain[i], factor, factor);
    }
    for (size_t i = 1; i < CHAINS; i++)
        chain[0] += chain[i];
    seen = chain[0][0];
    (void)seen;
    size_t made = rounds * CHAINS * LANES;
    return (double)made;
}
