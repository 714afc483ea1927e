/* Random numbers and pixels for the augmentation of samples. */
#include "math/isa/elementary.h"
#include "math/isa/isa.h"

/* Box and Muller 1958: radius and angle from two words. The angle is a quarter turn, in which sine
 * and cosine are short sums, moved to one of the four quarters by two bits. */
void ISA(normal)(size_t pairs, const uint32_t *bits, nn_real *z) {
    const nn_real unit = (nn_real)0x1p-24, quarter = (nn_real)1.5707963267948966;

    SIMD for (size_t i = 0; i < pairs; i++) {
        nn_real u = ((nn_real)(int32_t)(bits[i] >> 9) + (nn_real)0.5) * (2 * unit);
        nn_real radius = real_sqrt(-2 * real_log(u));
        uint32_t word = bits[pairs + i];
        nn_real a = mul_add((nn_real)(int32_t)(word >> 8), unit, (nn_real)-0.5) * quarter;
        nn_real q = a * a;
        nn_real sine = mul_add(q, (nn_real)(-1.0 / 5040), (nn_real)(1.0 / 120));
        sine = mul_add(q, sine, (nn_real)(-1.0 / 6));
        sine = a * mul_add(q, sine, 1);
        nn_real cosine = mul_add(q, (nn_real)(1.0 / 40320), (nn_real)(-1.0 / 720));
        cosine = mul_add(q, cosine, (nn_real)(1.0 / 24));
        cosine = mul_add(q, mul_add(q, cosine, (nn_real)-0.5), 1);
        nn_real x = word & 1 ? sine : cosine, y = word & 1 ? cosine : sine;
        z[i] = word & 2 ? -radius * x : radius * x;
        z[pairs + i] = word & 4 ? -radius * y : radius * y;
    }
}

static inline int32_t below(int32_t v, int32_t most) {
    return v < 0 ? 0 : v > most ? most : v;
}

void ISA(bilinear)(size_t n, const nn_bilinear *line, nn_real *y) {
    nn_bilinear b = *line;
    const nn_real *in = b.image;
    int32_t high = b.high - 2, wide = b.wide - 2, row = b.wide;

    SIMD for (size_t i = 0; i < n; i++) {
        nn_real r = mul_add(b.row_step, (nn_real)(int32_t)i, b.row);
        nn_real c = mul_add(b.column_step, (nn_real)(int32_t)i, b.column);
        int32_t h = below((int32_t)r, high), w = below((int32_t)c, wide);
        nn_real down = r - (nn_real)h, right = c - (nn_real)w;
        int32_t at = h * row + w;
        nn_real top = mul_add(right, in[at + 1] - in[at], in[at]);
        nn_real bottom = mul_add(right, in[at + row + 1] - in[at + row], in[at + row]);
        y[i] = mul_add(down, bottom - top, top);
    }
}
