/* Cases of the two products that convolutions are made of, for factors of any kind, which stand in
 * the place of numbers. */
#ifndef NN_TESTS_MATH_BITS_PRODUCTS_H
#define NN_TESTS_MATH_BITS_PRODUCTS_H

#include "bits.h"

typedef nn_real *factors_fn(size_t n);

static inline nn_real *panel_of(size_t rows, size_t cols, size_t stride, const nn_real *from) {
    size_t wide = whole(cols, k->conv_lanes);
    nn_real *panel = take_aligned(rows * wide);
    for (size_t r = 0; r < rows; r++)
        memcpy(panel + r * wide, from + r * stride, cols * sizeof *from);
    return panel;
}

static inline void hash_rows_of(void (*conv_rows)(const nn_conv_rows *), factors_fn *factors,
                                size_t rows, size_t cols) {
    size_t length = 1 + rows % 5, terms = 6 * length;
    nn_conv_rows t = {.rows = rows, .tap_rows = 3, .taps = 2, .length = length};
    t.a_row = t.tap = length, t.tap_row = 40 * length, t.c_row = cols + 2;
    t.a = factors(3 * 40 * length);
    nn_real *b = factors(terms * cols), *start = numbers(cols), *c = numbers(rows * t.c_row);
    for (size_t at = 0; at < cols; at += t.width) {
        t.width = cols - at < k->conv_panel ? cols - at : k->conv_panel;
        t.b = panel_of(terms, t.width, cols, b + at);
        t.start = rows % 8 == 1 ? panel_of(1, t.width, 0, start + at) : NULL;
        t.c = c + at;
        conv_rows(&t);
    }
    hash_out(rows * t.c_row, c);
    give_back();
}

static inline void hash_conv_rows(void (*conv_rows)(const nn_conv_rows *), factors_fn *factors) {
    for (size_t cols = 1; cols < 80; cols += 6)
        for (size_t rows = 1; rows < 30; rows += 4)
            hash_rows_of(conv_rows, factors, rows, cols);
}

static inline void hash_sums_of(void (*conv_sums)(const nn_conv_sums *), factors_fn *factors,
                                size_t count, size_t cols) {
    nn_conv_sums t = {.count = count, .rows = 3, .cols = 5};
    t.a_col = count, t.a_row = 6 * count, t.b_col = cols, t.b_row = 5 * cols;
    nn_real *b = factors(15 * cols), *c = numbers(count * cols);
    t.a = factors(18 * count);
    for (size_t at = 0; at < cols; at += t.width) {
        t.width = cols - at < k->conv_panel ? cols - at : k->conv_panel;
        t.b = b + at;
        t.c = panel_of(count, t.width, cols, c + at);
        conv_sums(&t);
        for (size_t i = 0; i < count; i++)
            memcpy(c + i * cols + at, t.c + i * whole(t.width, k->conv_lanes), t.width * sizeof *c);
    }
    hash_out(count * cols, c);
    give_back();
}

static inline void hash_conv_sums(void (*conv_sums)(const nn_conv_sums *), factors_fn *factors) {
    for (size_t cols = 1; cols < 80; cols += 6)
        for (size_t count = 1; count < 30; count += 4)
            hash_sums_of(conv_sums, factors, count, cols);
}

static inline void hash_columns(size_t rows, size_t cols, size_t stride, const nn_real *x) {
    for (size_t r = 0; r < rows; r++)
        hash_out(cols, x + r * stride);
}

static inline void hash_conv_remainder(void (*conv_remainder)(const nn_conv_remainder *),
                                       factors_fn *factors) {
    for (size_t filters = 1; filters <= NN_CONV_REMAINDER; filters++)
        for (size_t points = 1; points < 20; points += 3) {
            size_t length = 3 * points, wide = whole(length, NN_CONV_REMAINDER_LANES);
            nn_conv_remainder t = {.points = points, .tap_rows = 3, .length = length};
            t.filters = filters, t.x_row = 2 * length + points, t.x_point = 2;
            t.y_point = filters + 1;
            t.x = factors(3 * t.x_row + length + 2 * points);
            nn_real *w = take_aligned(filters * 3 * wide), *start = numbers(filters);
            for (size_t i = 0; i < filters * 3; i++)
                memcpy(w + i * wide, factors(length), length * sizeof *w);
            t.w = w, t.start = points % 2 ? start : NULL;
            t.y = take(points * t.y_point);
            conv_remainder(&t);
            hash_out(points * t.y_point, t.y);
            give_back();
        }
}

static inline void hash_conv_remainder_sums(void (*sums)(const nn_conv_remainder_sums *),
                                            factors_fn *factors) {
    for (size_t filters = 1; filters <= NN_CONV_REMAINDER; filters++)
        for (size_t length = 1; length < 150; length += 7) {
            size_t wide = whole(length, NN_CONV_REMAINDER_LANES);
            nn_conv_remainder_sums t = {.rows = 3, .cols = 5, .length = length, .filters = filters};
            t.x_col = 2, t.x_row = length + 11, t.dy_col = filters, t.dy_row = 5 * filters;
            t.x = factors(3 * t.x_row + length), t.dy = factors(15 * filters);
            t.sums = take_aligned(filters * wide);
            for (size_t f = 0; f < filters; f++)
                numbers_in(length, t.sums + f * wide);
            sums(&t);
            hash_columns(filters, length, wide, t.sums);
            give_back();
        }
}

#endif
