/* Reductions over a whole array. Element i is added into lane i % LANES and the lanes are then
 * added in pairs, so that the order depends on the length alone, whatever the instruction set. */
#include "math/isa/fused.h"
#include "math/isa/isa.h"

#include <string.h>

#define LANES 64

static double fold(double lane[LANES]) {
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t i = 0; i < half; i++)
            lane[i] += lane[i + half];
    return lane[0];
}

static inline double plus(double sum, double x) {
    return sum + x;
}

static inline double plus_square(double sum, double x) {
    return mul_add_double(x, x, sum);
}

#define REDUCTION(name, with)                                                                      \
    double ISA(name)(size_t n, const nn_real *x) {                                                 \
        double lane[LANES] = {0};                                                                  \
        size_t whole = n - n % LANES;                                                              \
        for (size_t i = 0; i < whole; i += LANES) {                                                \
            SIMD for (size_t j = 0; j < LANES; j++) lane[j] = with(lane[j], (double)x[i + j]);     \
        }                                                                                          \
        for (size_t i = whole; i < n; i++)                                                         \
            lane[i - whole] = with(lane[i - whole], (double)x[i]);                                 \
        return fold(lane);                                                                         \
    }

REDUCTION(sum, plus)
REDUCTION(sum_squares, plus_square)

#ifdef NN_DOUBLE
typedef uint64_t word;
#define EXPONENT 0x7ff0000000000000u
#else
typedef uint32_t word;
#define EXPONENT 0x7f800000u
#endif

/* Infinities and NaN are the numbers whose exponent bits are all set. */
static inline word not_finite(nn_real x) {
    word bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & EXPONENT) == EXPONENT;
}

#define PIECE 1024 /* elements between looks at the outcome */

bool ISA(all_finite)(size_t n, const nn_real *x) {
    for (size_t i = 0; i < n; i += PIECE) {
        size_t end = n - i < PIECE ? n : i + PIECE;
        word bad = 0;
        _Pragma("omp simd reduction(| : bad)") for (size_t j = i; j < end; j++) bad |=
            not_finite(x[j]);
        if (bad)
            return false;
    }
    return true;
}
