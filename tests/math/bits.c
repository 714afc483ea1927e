/* timeout: 60 */
/* The bits of every kernel are those of tests/golden/kernel_bits.txt, for every instruction set
 * that this processor has, whatever compiler made the kernels. `math_bits print` prints the table.
 */
#include "bits.h"

#include <stdlib.h>

/* Activations, at several parameters. */
static void run_activation(nn_act_fn *forward, nn_act_grad_fn *backward) {
    static const nn_real parameter[] = {1, (nn_real)0.01, (nn_real)1.7};
    EACH_LENGTH(n) for (size_t p = 0; p < 3; p++) {
        nn_real *z = numbers(n), *a = take(n), *da = numbers(n), *dz = take(n);
        forward(n, z, a, parameter[p]);
        backward(n, z, a, da, dz, parameter[p]);
        hash_out(n, a);
        hash_out(n, dz);
        give_back();
    }
}

#define ACTIVATION_CASE(name, ...)                                                                 \
    static void run_##name(void) {                                                                 \
        run_activation(k->name.forward, k->name.backward);                                         \
    }
NN_EACH_ACTIVATION(ACTIVATION_CASE)

/* Cells: the second of three sequences is over; two steps, so that gates and state feed the next.
 */
static void run_cell(const nn_cell_kernels *cell, size_t blocks, size_t units) {
    enum { ROWS = 3 };
    static const int32_t length[ROWS] = {9, 1, 2};
    size_t n = ROWS * units;
    nn_cell_step s = {.rows = ROWS, .units = units, .length = length, .t = 1};
    s.gates = numbers(blocks * n);
    s.c_old = numbers(n), s.c = take(n);
    s.h_old = numbers(n), s.h = take(n);
    s.c_stride = s.h_stride = s.out_stride = s.dy_stride = units;
    s.dy = numbers(n), s.dh = numbers(n), s.dc = numbers(n);
    cell->forward(&s);
    hash_out(blocks * n, s.gates);
    hash_out(n, s.h);
    hash_out(n, s.c);
    cell->backward(&s);
    hash_out(blocks * n, s.gates);
    hash_out(n, s.dh);
    hash_out(n, s.dc);
    give_back();
}

static void run_cells(const nn_cell_kernels *cell, size_t blocks) {
    EACH_LENGTH(units) run_cell(cell, blocks, units);
}

static void run_lstm(void) {
    run_cells(&k->lstm, 4);
}

static void run_gru(void) {
    run_cells(&k->gru, 4);
}

static void run_rnn_tanh(void) {
    run_cells(&k->rnn_tanh, 1);
}

static void run_rnn_relu(void) {
    run_cells(&k->rnn_relu, 1);
}

/* Vector functions. */
#define UNARY(name)                                                                                \
    static void run_##name(void) {                                                                 \
        EACH_LENGTH(n) {                                                                           \
            nn_real *y = take(n);                                                                  \
            k->name(n, numbers(n), y);                                                             \
            hash_out(n, y);                                                                        \
            give_back();                                                                           \
        }                                                                                          \
    }
UNARY(exp)
UNARY(log)

static void run_add(void) {
    EACH_LENGTH(n) {
        nn_real *y = numbers(n);
        k->add(n, numbers(n), y);
        hash_out(n, y);
        give_back();
    }
}

#define BINARY(name)                                                                               \
    static void run_##name(void) {                                                                 \
        EACH_LENGTH(n) {                                                                           \
            nn_real *x = numbers(n), *y = numbers(n), *z = take(n);                                \
            k->name(n, x, y, z);                                                                   \
            hash_out(n, z);                                                                        \
            give_back();                                                                           \
        }                                                                                          \
    }
BINARY(plus)
BINARY(multiply)

static void run_axpy(void) {
    EACH_LENGTH(n) {
        nn_real *x = numbers(n), *y = numbers(n);
        k->axpy(n, (nn_real)0.3, x, y);
        hash_out(n, y);
        give_back();
    }
}

/* Rates near 0 and near 1 have formulas of their own. */
static void run_blend(void) {
    EACH_LENGTH(n) {
        nn_real *x = numbers(n), *y = numbers(n);
        k->blend(n, (nn_real)0.3, x, y);
        hash_out(n, y);
        k->blend(n, (nn_real)0.9, x, y);
        hash_out(n, y);
        give_back();
    }
}

static void run_scale(void) {
    EACH_LENGTH(n) {
        nn_real *x = numbers(n);
        k->scale(n, (nn_real)0.3, x);
        hash_out(n, x);
        give_back();
    }
}

#define SUM(name)                                                                                  \
    static void run_##name(void) {                                                                 \
        EACH_LENGTH(n) {                                                                           \
            double sum = k->name(n, numbers(n));                                                   \
            hash_doubles(1, &sum);                                                                 \
            give_back();                                                                           \
        }                                                                                          \
    }
SUM(sum)
SUM(sum_squares)

static void run_all_finite(void) {
    EACH_LENGTH(n) {
        nn_real *x = numbers(n);
        uint8_t before = k->all_finite(n, x);
        x[n / 2] = (nn_real)INFINITY;
        uint8_t after = k->all_finite(n, x);
        hash_bytes(1, &before);
        hash_bytes(1, &after);
        give_back();
    }
}

static void run_from_u8(void) {
    EACH_LENGTH(n) {
        nn_real *y = take(n);
        k->from_u8(n, some_bytes(n), (nn_real)(1.0 / 255), (nn_real)-0.1307, y);
        hash_out(n, y);
        give_back();
    }
}

static void run_from_f32(void) {
    EACH_LENGTH(n) {
        nn_real *y = take(n);
        k->from_f32(n, numbers(n), (nn_real)0.7, (nn_real)-0.1307, y);
        hash_out(n, y);
        give_back();
    }
}

static void run_normal(void) {
    EACH_LENGTH(pairs) {
        nn_real *z = take(2 * pairs);
        k->normal(pairs, words(2 * pairs), z);
        hash_out(2 * pairs, z);
        give_back();
    }
}

static void run_bilinear(void) {
    enum { SIDE = 40 };
    for (size_t n = 1; n <= SIDE; n++) {
        nn_bilinear line = {.high = SIDE,
                            .wide = SIDE,
                            .row = (nn_real)0.3,
                            .row_step = (nn_real)0.71,
                            .column = (nn_real)38.9,
                            .column_step = (nn_real)-0.93};
        line.image = numbers(SIDE * SIDE);
        nn_real *y = take(n);
        k->bilinear(n, &line, y);
        hash_out(n, y);
        give_back();
    }
}

/* Matrices, [rows][cols]: few and many of both. */
static const size_t shape[][2] = {{1, 1},  {3, 2},   {9, 10},   {64, 7},  {100, 33}, {5, 63},
                                  {5, 64}, {17, 65}, {33, 130}, {2, 515}, {3, 1030}, {130, 3}};
#define EACH_SHAPE(rows, cols)                                                                     \
    for (size_t at = 0, rows = 1, cols = 1;                                                        \
         at < sizeof shape / sizeof shape[0] && (rows = shape[at][0], cols = shape[at][1]); at++)

static void run_softmax(void) {
    EACH_SHAPE(rows, cols) {
        nn_real *y = take(rows * cols);
        k->softmax(rows, cols, numbers(rows * cols), y);
        hash_out(rows * cols, y);
        give_back();
    }
}

static void run_add_bias(void) {
    EACH_SHAPE(rows, cols) {
        nn_real *y = numbers(rows * cols);
        k->add_bias(rows, cols, numbers(cols), y);
        hash_out(rows * cols, y);
        give_back();
    }
}

static void run_sum_rows(void) {
    EACH_SHAPE(rows, cols) {
        nn_real *s = numbers(cols), *x = numbers(rows * cols);
        k->sum_rows(rows, cols, x, (nn_real)0.6, s);
        hash_out(cols, s);
        give_back();
    }
}

static void run_moments(void) {
    EACH_SHAPE(rows, cols) {
        double *sums = take_doubles(2 * cols);
        nn_real *x = numbers(rows * cols), *m = numbers(cols);
        k->moments(rows, cols, x, m, sums);
        hash_doubles(2 * cols, sums);
        give_back();
    }
}

static void run_products(void) {
    EACH_SHAPE(rows, cols) {
        double *sums = take_doubles(2 * cols);
        nn_real *x = numbers(rows * cols), *m = numbers(cols), *dy = numbers(rows * cols);
        k->products(rows, cols, x, m, dy, sums);
        hash_doubles(2 * cols, sums);
        give_back();
    }
}

static void run_normalize(void) {
    EACH_SHAPE(rows, cols) {
        nn_real *x = numbers(rows * cols), *m = numbers(cols), *a = numbers(cols);
        nn_real *b = numbers(cols), *y = take(rows * cols);
        k->normalize(rows, cols, x, m, a, b, y);
        hash_out(rows * cols, y);
        give_back();
    }
}

static void run_normalize_grad(void) {
    EACH_SHAPE(rows, cols) {
        nn_real *x = numbers(rows * cols), *m = numbers(cols), *a = numbers(cols);
        nn_real *b = numbers(cols), *c = numbers(cols), *dy = numbers(rows * cols);
        nn_real *dx = take(rows * cols);
        k->normalize_grad(rows, cols, x, m, a, b, c, dy, dx);
        hash_out(rows * cols, dx);
        give_back();
    }
}

static void hash_points(size_t n, const nn_layer_norm_point *point) {
    for (size_t i = 0; i < n; i++) {
        const nn_real part[] = {point[i].center, point[i].inv_std, point[i].offset};
        hash_out(3, part);
    }
}

/* The three of layer normalisation; `part` of them is hashed. */
static void run_layer_norms(int part) {
    EACH_SHAPE(rows, cols) for (int affine = 0; affine < 2; affine++) {
        nn_layer_norm_point *point = take_bytes(rows * sizeof *point, 0);
        nn_real *x = numbers(rows * cols), *y = take(rows * cols), *dy = numbers(rows * cols);
        nn_real *w = affine ? numbers(cols) : NULL, *b = affine ? numbers(cols) : NULL;
        double *sums = take_doubles(2 * cols);
        k->layer_norm(rows, cols, 1e-5, x, w, b, y, point);
        if (part == 0)
            hash_points(rows, point);
        if (part == 1)
            k->layer_norm_grad(rows, cols, x, w, point, dy, y);
        if (part == 2)
            k->layer_norm_sums(rows, cols, x, point, dy, sums);
        hash_out(rows * cols, y);
        hash_doubles(2 * cols, sums);
        give_back();
    }
}

static void run_layer_norm(void) {
    run_layer_norms(0);
}

static void run_layer_norm_grad(void) {
    run_layer_norms(1);
}

static void run_layer_norm_sums(void) {
    run_layer_norms(2);
}

static void run_sparse_rows(void) {
    enum { ROWS = 5 };
    static const size_t start[ROWS + 1] = {0, 2, 2, 7, 8, 12};
    static const int32_t column[] = {0, 3, 1, 0, 4, 2, 3, 4, 4, 0, 1, 2};
    EACH_LENGTH(cols) {
        nn_sparse a = {start, column, numbers(12)};
        nn_real *x = numbers(ROWS * cols), *y = take(ROWS * cols);
        k->sparse_rows(0, ROWS, &a, cols, x, y);
        hash_out(ROWS * cols, y);
        give_back();
    }
}

/* Products. */
static void run_products_of(size_t m, size_t n, size_t depth) {
    size_t packed_size = depth * whole(n, NN_PACK_COLS);
    nn_real *a = numbers(m * depth), *b = numbers(depth * n), *c = numbers(m * n);
    nn_real *packed = take_aligned(packed_size), *init = numbers(n);
    k->pack(depth, n, b, n, 1, packed);
    k->packed_product(m, n, depth, a, depth, packed, NULL, c, n);
    hash_out(m * n, c);
    k->packed_product(m, n, depth, a, depth, packed, init, c, n);
    hash_out(m * n, c);
    give_back();
}

static void run_packed_product(void) {
    for (size_t m = 1; m < 18; m++)
        run_products_of(m, 5 * m + 1, 3 * m);
    run_products_of(5, 128, 129);
}

static void run_outer_of(size_t m, size_t n) {
    static const size_t row[] = {2, 5, 9, 10, 13}, joins[] = {0, 1, 0, 2};
    enum { ROWS = 11 };
    nn_outer o = {.m = m, .n = n, .parts = 4, .row = row, .joins = joins};
    o.lda = m, o.ldb = n, o.ldc = n + 1;
    o.a = numbers(ROWS * m), o.b = numbers(ROWS * n);
    o.c = take(m * (n + 1));
    nn_real *sum = take(n);
    k->outer(&o, 0, m);
    hash_out(m * (n + 1), o.c);
    k->outer_sum(&o, sum);
    hash_out(n, sum);
    give_back();
}

static void run_outer(void) {
    EACH_LENGTH(n) run_outer_of(n < 300 ? n : 7, n < 600 ? 2 * n + 1 : n);
}

/* Convolutions: the matrices are laid out as math/conv/forward.c does. Numbers and results are
 * those of any width of vectors. */
static nn_real *panel_of(size_t rows, size_t cols, size_t stride, const nn_real *from) {
    size_t wide = whole(cols, k->conv_lanes);
    nn_real *panel = take_aligned(rows * wide);
    for (size_t r = 0; r < rows; r++)
        memcpy(panel + r * wide, from + r * stride, cols * sizeof *from);
    return panel;
}

static void hash_columns(size_t rows, size_t cols, size_t stride, const nn_real *x) {
    for (size_t r = 0; r < rows; r++)
        hash_out(cols, x + r * stride);
}

static void run_conv_rows_of(size_t rows, size_t cols) {
    size_t length = 1 + rows % 5, terms = 6 * length;
    nn_conv_rows t = {.rows = rows, .tap_rows = 3, .taps = 2, .length = length};
    t.a_row = t.tap = length, t.tap_row = 40 * length, t.c_row = cols + 2;
    t.a = numbers(3 * 40 * length);
    nn_real *b = numbers(terms * cols), *start = numbers(cols), *c = numbers(rows * t.c_row);
    for (size_t at = 0; at < cols; at += t.width) {
        t.width = cols - at < k->conv_panel ? cols - at : k->conv_panel;
        t.b = panel_of(terms, t.width, cols, b + at);
        t.start = rows % 8 == 1 ? panel_of(1, t.width, 0, start + at) : NULL;
        t.c = c + at;
        k->conv_rows(&t);
    }
    hash_out(rows * t.c_row, c);
    give_back();
}

static void run_conv_rows(void) {
    for (size_t cols = 1; cols < 80; cols += 6)
        for (size_t rows = 1; rows < 30; rows += 4)
            run_conv_rows_of(rows, cols);
}

static void run_conv_sums_of(size_t count, size_t cols) {
    nn_conv_sums t = {.count = count, .rows = 3, .cols = 5};
    t.a_col = count, t.a_row = 6 * count, t.b_col = cols, t.b_row = 5 * cols;
    nn_real *b = numbers(15 * cols), *c = numbers(count * cols);
    t.a = numbers(18 * count);
    for (size_t at = 0; at < cols; at += t.width) {
        t.width = cols - at < k->conv_panel ? cols - at : k->conv_panel;
        t.b = b + at;
        t.c = panel_of(count, t.width, cols, c + at);
        k->conv_sums(&t);
        for (size_t i = 0; i < count; i++)
            memcpy(c + i * cols + at, t.c + i * whole(t.width, k->conv_lanes), t.width * sizeof *c);
    }
    hash_out(count * cols, c);
    give_back();
}

static void run_conv_sums(void) {
    for (size_t cols = 1; cols < 80; cols += 6)
        for (size_t count = 1; count < 30; count += 4)
            run_conv_sums_of(count, cols);
}

/* Vectors hold four pixels of each filter, so that the numbers of a filter are a run of four. */
static nn_real *four_times(size_t rows, size_t filters, size_t stride, const nn_real *from) {
    nn_real *to = take_aligned(rows * stride);
    for (size_t i = 0; i < rows * filters * 4; i++)
        to[i / (filters * 4) * stride + i % (filters * 4)] = from[i / 4];
    return to;
}

/* Sizes and strides of one case. */
typedef struct gray_case {
    size_t filters, pixel_blocks, kernel, blocks, stride, x_row;
} gray_case;

static gray_case gray_case_of(size_t filters) {
    gray_case c = {.filters = filters, .pixel_blocks = 1 + filters % 11, .kernel = 1 + filters % 5};
    c.blocks = whole(filters, k->conv_gray_filters) / k->conv_gray_filters;
    c.stride = c.blocks * k->conv_lanes;
    c.x_row = 4 * c.pixel_blocks + c.kernel;
    return c;
}

static void run_conv_gray(void) {
    for (size_t filters = 1; k->conv_gray_filters && filters < 28; filters += 2) {
        gray_case c = gray_case_of(filters);
        size_t taps = c.kernel * c.kernel;
        nn_conv_gray t = {.pixel_blocks = c.pixel_blocks, .filters = filters, .blocks = c.blocks};
        t.kernel_rows = t.kernel_cols = c.kernel, t.x_row = c.x_row;
        t.x = numbers(c.kernel * c.x_row + 8);
        t.weights = four_times(taps, filters, c.stride, numbers(taps * filters));
        t.start = four_times(1, filters, c.stride, numbers(filters));
        t.y = take(4 * c.pixel_blocks * filters);
        k->conv_gray(&t);
        hash_out(4 * c.pixel_blocks * filters, t.y);
        give_back();
    }
}

static void run_conv_gray_sums(void) {
    for (size_t filters = 1; k->conv_gray_filters && filters < 28; filters += 2) {
        gray_case c = gray_case_of(filters);
        size_t rows = 3 * c.pixel_blocks;
        nn_real *y = numbers(4 * rows * filters), *dy = take_aligned(rows * c.stride);
        nn_conv_gray_sums t = {.rows = 3, .pixel_blocks = c.pixel_blocks, .blocks = c.blocks};
        k->conv_gray_gather(rows, filters, y, dy);
        hash_columns(rows, 4 * filters, c.stride, dy);
        t.kernel_cols = c.kernel, t.x_row = c.x_row, t.dy = dy;
        t.x = numbers(3 * c.x_row + 8);
        t.sums = four_times(c.kernel, filters, c.stride, numbers(c.kernel * filters));
        k->conv_gray_sums(&t);
        hash_columns(c.kernel, 4 * filters, c.stride, t.sums);
        give_back();
    }
}

static void run_conv_remainder(void) {
    for (size_t filters = 1; filters <= NN_CONV_REMAINDER; filters++)
        for (size_t points = 1; points < 20; points += 3) {
            size_t length = 3 * points, wide = whole(length, k->conv_lanes);
            nn_conv_remainder t = {.points = points, .tap_rows = 3, .length = length};
            t.filters = filters, t.x_row = 2 * length + points, t.x_point = 2;
            t.y_point = filters + 1;
            t.x = numbers(3 * t.x_row + length + 2 * points);
            nn_real *w = take_aligned(filters * 3 * wide), *start = numbers(filters);
            for (size_t i = 0; i < filters * 3; i++)
                numbers_in(length, w + i * wide);
            t.w = w, t.start = points % 2 ? start : NULL;
            t.y = take(points * t.y_point);
            k->conv_remainder(&t);
            hash_out(points * t.y_point, t.y);
            give_back();
        }
}

static void run_conv_remainder_sums(void) {
    for (size_t filters = 1; filters <= NN_CONV_REMAINDER; filters++)
        for (size_t length = 1; length < 150; length += 7) {
            size_t wide = whole(length, k->conv_lanes);
            nn_conv_remainder_sums t = {.rows = 3, .cols = 5, .length = length, .filters = filters};
            t.x_col = 2, t.x_row = length + 11, t.dy_col = filters, t.dy_row = 5 * filters;
            t.x = numbers(3 * t.x_row + length), t.dy = numbers(15 * filters);
            t.sums = take_aligned(filters * wide);
            for (size_t f = 0; f < filters; f++)
                numbers_in(length, t.sums + f * wide);
            k->conv_remainder_sums(&t);
            hash_columns(filters, length, wide, t.sums);
            give_back();
        }
}

static void run_conv_depth(void) {
    for (size_t channels = 1; channels < 70; channels += 6)
        for (size_t points = 1; points < 20; points += 5) {
            nn_conv_depth t = {.channels = channels, .points = points, .tap_rows = 3, .taps = 5};
            t.x_tap = channels, t.x_point = 2 * channels, t.x_row = (2 * points + 5) * channels;
            nn_real *x = numbers(3 * t.x_row), *start = numbers(channels);
            nn_real *sums = numbers(15 * channels);
            t.x = x, t.w = numbers(15 * channels), t.start = points % 2 ? start : NULL;
            t.y = take(points * channels), t.dy = numbers(points * channels);
            k->conv_depth(&t);
            hash_out(points * channels, t.y);
            k->conv_depth_sums(&t, sums);
            hash_out(15 * channels, sums);
            k->conv_depth_grad(&t, x);
            hash_out(3 * t.x_row, x);
            give_back();
        }
}

/* Pooling: windows that overlap and such that do not. */
static void run_pool_of(size_t channels, size_t side, size_t step) {
    enum { POINTS = 5 };
    size_t row = (POINTS * step + side) * channels, args = POINTS * nn_pool_arg_step(channels);
    nn_pool_row p = {.channels = channels, .points = POINTS, .rows = side, .cols = side};
    p.x_row = row, p.x_step = step * channels, p.first = 1, p.first_row = side + 1;
    p.scale = 1 / (nn_real)(side * side);
    nn_real *x = numbers(side * row), *y = take(POINTS * channels), *dx = numbers(side * row);
    nn_real *dy = numbers(POINTS * channels);
    uint8_t *arg = take_bytes(args, 0);
    k->max_pool(&p, x, y, arg);
    hash_out(POINTS * channels, y);
    for (size_t i = 0; i < POINTS; i++)
        hash_bytes(channels, arg + i * nn_pool_arg_step(channels));
    k->max_pool_grad(&p, dy, arg, step < side, dx);
    hash_out(side * row, dx);
    k->avg_pool(&p, x, y);
    hash_out(POINTS * channels, y);
    k->avg_pool_grad(&p, dy, dx);
    hash_out(side * row, dx);
    give_back();
}

static void run_pool(void) {
    for (size_t channels = 1; channels < 70; channels += 3) {
        run_pool_of(channels, 2, 2);
        run_pool_of(channels, 3, 2);
    }
}

/* Optimisers, with and without clipping, l1 and l2. */
static nn_gradient_args gradient(bool plain) {
    return (nn_gradient_args){.scale = (nn_real)0.013,
                              .clip = plain ? 0 : (nn_real)0.05,
                              .l1 = plain ? 0 : (nn_real)0.002,
                              .l2 = (nn_real)0.004};
}

static void run_sgd(void) {
    EACH_LENGTH(n) for (int way = 0; way < 16; way++) {
        nn_sgd_args args = {.gradient = gradient(way & 1), .lr = (nn_real)0.1};
        args.momentum = way & 8 ? 0 : (nn_real)0.9, args.dampening = (nn_real)0.03;
        args.nesterov = way & 2, args.first = way & 4;
        nn_real *g = numbers(n), *w = numbers(n), *v = numbers(n);
        k->sgd(n, &args, g, w, args.momentum > 0 ? v : NULL);
        hash_out(n, w);
        hash_out(n, v);
        give_back();
    }
}

static void run_adagrad(void) {
    EACH_LENGTH(n) {
        nn_adagrad_args args = {gradient(false), (nn_real)0.1, (nn_real)1e-10, (nn_real)0.1};
        nn_real *g = numbers(n), *w = numbers(n), *sum = positive(n);
        k->adagrad(n, &args, g, w, sum);
        hash_out(n, w);
        hash_out(n, sum);
        give_back();
    }
}

static void run_adadelta(void) {
    EACH_LENGTH(n) {
        nn_adadelta_args args = {.gradient = gradient(false), .lr = 1, .rho = (nn_real)0.9};
        args.fresh = (nn_real)0.1, args.eps = (nn_real)1e-6;
        nn_real *g = numbers(n), *w = numbers(n), *square = positive(n), *delta = positive(n);
        k->adadelta(n, &args, g, w, square, delta);
        hash_out(n, w);
        hash_out(n, square);
        hash_out(n, delta);
        give_back();
    }
}

static void run_rmsprop(void) {
    EACH_LENGTH(n) for (int way = 0; way < 4; way++) {
        nn_rmsprop_args args = {.gradient = gradient(false), .lr = (nn_real)0.01};
        args.alpha = (nn_real)0.99, args.fresh = (nn_real)0.01;
        args.eps = (nn_real)1e-8, args.momentum = (nn_real)0.9;
        nn_real *g = numbers(n), *w = numbers(n), *square = positive(n);
        nn_real *mean = numbers(n), *v = numbers(n);
        k->rmsprop(n, &args, g, w, square, way & 1 ? mean : NULL, way & 2 ? v : NULL);
        hash_out(n, w);
        hash_out(n, square);
        hash_out(n, mean);
        hash_out(n, v);
        give_back();
    }
}

static nn_adam_args adam_args(void) {
    nn_adam_args args = {.gradient = gradient(false), .lr = (nn_real)0.001};
    args.beta1 = (nn_real)0.9, args.fresh1 = (nn_real)0.1;
    args.beta2 = (nn_real)0.999, args.fresh2 = (nn_real)0.001;
    args.first = (nn_real)1.7, args.second = (nn_real)3.1, args.eps = (nn_real)1e-8;
    args.keep = (nn_real)0.9997, args.decay = (nn_real)0.01;
    return args;
}

static void run_adam(void) {
    EACH_LENGTH(n) for (int amsgrad = 0; amsgrad < 2; amsgrad++) {
        nn_adam_args args = adam_args();
        nn_real *g = numbers(n), *w = numbers(n), *m = numbers(n), *v = positive(n);
        nn_real *most = positive(n);
        k->adam(n, &args, g, w, m, v, amsgrad ? most : NULL);
        hash_out(n, w);
        hash_out(n, m);
        hash_out(n, v);
        hash_out(n, most);
        give_back();
    }
}

static void run_lamb(void) {
    EACH_LENGTH(n) {
        nn_adam_args args = adam_args();
        nn_real *g = numbers(n), *w = numbers(n), *m = numbers(n), *v = positive(n);
        double sum = k->lamb_moments(n, &args, g, w, m, v);
        hash_doubles(1, &sum);
        k->lamb(n, &args, w, m, v);
        hash_out(n, w);
        hash_out(n, m);
        hash_out(n, v);
        give_back();
    }
}

/* Each case with the number of functions of nn_kernels that it calls. */
typedef struct kernel_case {
    const char *name;
    void (*run)(void);
    size_t functions;
} kernel_case;

#define PAIR_ROW(name) {#name, run_##name, 2},
#define ACTIVATION_ROW(name, ...) PAIR_ROW(name)
#define ROW(name) {#name, run_##name, 1},
/* clang-format off */
static const kernel_case cases[] = {
    NN_EACH_ACTIVATION(ACTIVATION_ROW) PAIR_ROW(lstm) PAIR_ROW(gru) PAIR_ROW(rnn_tanh)
    PAIR_ROW(rnn_relu) ROW(exp) ROW(log) ROW(softmax) ROW(add_bias) ROW(sum_rows) ROW(moments)
    ROW(products) ROW(normalize) ROW(normalize_grad) ROW(layer_norm) ROW(layer_norm_grad)
    ROW(layer_norm_sums) ROW(sparse_rows) ROW(add) ROW(plus) ROW(axpy) ROW(scale) ROW(multiply)
    ROW(sum) ROW(sum_squares) ROW(all_finite) ROW(from_u8) ROW(from_f32) ROW(normal) ROW(bilinear)
    ROW(blend) ROW(conv_rows) ROW(conv_sums) ROW(conv_gray) ROW(conv_remainder) ROW(conv_remainder_sums)
    ROW(sgd) ROW(adagrad) ROW(adadelta) ROW(rmsprop) ROW(adam)
    {"packed_product", run_packed_product, 2}, /* and pack */
    {"outer", run_outer, 2},                   /* and outer_sum */
    {"conv_gray_sums", run_conv_gray_sums, 2}, /* and conv_gray_gather */
    {"conv_depth", run_conv_depth, 3},         /* and its gradients */
    {"pool", run_pool, 4},                     /* largest and average, with gradients */
    {"lamb", run_lamb, 2},                     /* and lamb_moments */
};
/* clang-format on */
#define CASES (sizeof cases / sizeof cases[0])

/* What else stands in nn_kernels: the name, multiply_adds, and three sizes of convolutions. */
#define NO_CASE 5

static void check_complete(void) {
    size_t functions = NO_CASE;
    for (size_t i = 0; i < CASES; i++)
        functions += cases[i].functions;
    CHECK_EQ_INT(functions * sizeof(void (*)(void)), sizeof(nn_kernels));
}

/* "<instruction set> <kernel> <hash>" */
static void run_case(const kernel_case *c, size_t size, char *line) {
    bits_hash = 0xcbf29ce484222325u;
    bits_state = 1;
    pool_arrays = 0;
    c->run();
    snprintf(line, size, "%s %s %016" PRIx64 "\n", k->isa, c->name, bits_hash);
}

/* The golden line of the same instruction set and kernel; "" where there is none. */
static void find_golden(FILE *file, const char *like, size_t size, char *line) {
    size_t name = (size_t)(strrchr(like, ' ') - like) + 1;
    rewind(file);
    while (fgets(line, (int)size, file))
        if (strncmp(line, like, name) == 0)
            return;
    line[0] = '\0';
}

static bool has_golden(FILE *file, const nn_kernels *of) {
    char line[100];
    size_t length = strlen(of->isa);
    rewind(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, of->isa, length) == 0 && line[length] == ' ')
            return true;
    return false;
}

/* The table is of x86-64: elsewhere there is nothing to compare with. */
static bool any_golden(FILE *file) {
    for (size_t i = 0; nn_kernels_at(i); i++)
        if (has_golden(file, nn_kernels_at(i)))
            return true;
    fprintf(stderr, "no golden rows for the instruction set '%s' of this processor: skipped\n",
            nn_kernels_at(0)->isa);
    return false;
}

static void check_table(FILE *golden) {
    char line[100], expected[100];
    for (size_t i = 0; i < CASES; i++) {
        run_case(&cases[i], sizeof line, line);
        find_golden(golden, line, sizeof expected, expected);
        CHECK_STR(line, expected);
    }
}

static void print_table(void) {
    char line[100];
    for (size_t i = 0; i < CASES; i++) {
        run_case(&cases[i], sizeof line, line);
        fputs(line, stdout);
    }
}

static FILE *open_golden(void) {
    const char *folder = getenv("SOURCE_DIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/kernel_bits.txt", folder ? folder : ".");
    return fopen(path, "r");
}

int main(int argc, char **argv) {
    bool print = argc > 1 && strcmp(argv[1], "print") == 0;
    FILE *golden = print ? NULL : open_golden();
    check_complete();
    if (!print && !CHECK(golden != NULL))
        return check_done();
    if (!print && !any_golden(golden)) {
        fclose(golden);
        return 77;
    }
    for (size_t i = 0; nn_kernels_at(i); i++) {
        k = nn_kernels_at(i);
        if (print)
            print_table();
        else
            check_table(golden);
    }
    if (golden)
        fclose(golden);
    return check_done();
}
