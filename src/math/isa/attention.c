/* What attention does to a tile of its scores between two products. A column of a tile is a query,
 * so that what belongs to one stays in its lane, and no sum runs across lanes. */
#include "math/isa/elementary.h"
#include "math/isa/isa.h"

static inline nn_real larger(nn_real a, nn_real b) {
    return a > b ? a : b;
}

/* The first column that sees row r. */
static inline int32_t first_of(const nn_attention_tile *t, size_t r) {
    ptrdiff_t first = t->first + (ptrdiff_t)r;
    return first > 0 ? (int32_t)first : 0;
}

static void raise_maxima(const nn_attention_tile *t, nn_real *top) {
    int32_t cols = (int32_t)t->cols;
    for (size_t r = 0; r < t->rows; r++) {
        const nn_real *s = t->s + r * t->cols;
        int32_t first = first_of(t, r);
        SIMD for (int32_t c = 0; c < cols; c++) top[c] =
            c < first ? top[c] : larger(s[c] * t->scale, top[c]);
    }
}

/* What was added up so far belongs to the maxima before these. */
static void rescale(const nn_attention_tile *t, const nn_real *top) {
    nn_real factor[NN_ATTENTION_COLS];
    SIMD for (size_t c = 0; c < t->cols; c++) {
        factor[c] = real_exp(t->max[c] - top[c]);
        t->max[c] = top[c];
        t->sum[c] *= factor[c];
    }
    for (size_t d = 0; d < t->width; d++) {
        nn_real *y = t->y + d * t->cols;
        SIMD for (size_t c = 0; c < t->cols; c++) y[c] *= factor[c];
    }
}

void ISA(attention_weights)(const nn_attention_tile *t) {
    nn_real top[NN_ATTENTION_COLS];
    int32_t cols = (int32_t)t->cols;

    SIMD for (size_t c = 0; c < t->cols; c++) top[c] = t->max[c];
    raise_maxima(t, top);
    rescale(t, top);
    for (size_t r = 0; r < t->rows; r++) {
        nn_real *s = t->s + r * t->cols;
        int32_t first = first_of(t, r);
        SIMD for (int32_t c = 0; c < cols; c++) {
            nn_real e = real_exp(s[c] * t->scale - top[c]);
            s[c] = c < first ? 0 : e;
            t->sum[c] += s[c];
        }
        if (t->kept) {
            const nn_real *kept = t->kept + r * t->cols;
            SIMD for (size_t c = 0; c < t->cols; c++) s[c] *= kept[c];
        }
    }
}

/* p = e^(scale s - max) / sum, dp = kept ds; ds = scale p (dp - delta), s = kept p. Products are
 * not fused with what follows, or forward and backward could see another largest score. */
void ISA(attention_grad)(const nn_attention_tile *t) {
    int32_t cols = (int32_t)t->cols;
    for (size_t r = 0; r < t->rows; r++) {
        nn_real *s = t->s + r * t->cols, *ds = t->ds + r * t->cols;
        const nn_real *kept = t->kept ? t->kept + r * t->cols : NULL;
        int32_t first = first_of(t, r);
        if (kept) {
            SIMD for (size_t c = 0; c < t->cols; c++) ds[c] *= kept[c];
        }
        SIMD for (int32_t c = 0; c < cols; c++) {
            nn_real p = real_exp(s[c] * t->scale - t->max[c]) * t->inverse[c];
            s[c] = c < first ? 0 : p;
            ds[c] = c < first ? 0 : p * t->scale * (ds[c] - t->delta[c]);
        }
        if (kept) {
            SIMD for (size_t c = 0; c < t->cols; c++) s[c] *= kept[c];
        }
    }
}

#define DOT_LANES 16

void ISA(row_dots)(size_t rows, size_t cols, const nn_real *x, size_t ldx, const nn_real *y,
                   size_t ldy, nn_real *dots) {
    for (size_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        nn_real lane[DOT_LANES] = {0};
        size_t c = 0;
        for (; c + DOT_LANES <= cols; c += DOT_LANES) {
            SIMD for (size_t j = 0; j < DOT_LANES; j++) lane[j] =
                mul_add(x[c + j], y[c + j], lane[j]);
        }
        for (size_t j = 0; c + j < cols; j++)
            lane[j] = mul_add(x[c + j], y[c + j], lane[j]);
        for (size_t half = DOT_LANES / 2; half; half /= 2)
            for (size_t j = 0; j < half; j++)
                lane[j] += lane[j + half];
        dots[r] = lane[0];
    }
}
