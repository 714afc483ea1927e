/* timeout: 60 */
/* The bits of every kernel are those of tests/golden/kernel_bits.txt, for every instruction set
 * that this processor has, whatever compiler made the kernels. `math_bits print` prints the table.
 * Those of convolution and pooling: bits_conv.c; of optimisers: bits_update.c; of bfloat16:
 * bits_bf16.c. */
#include "bits.h"

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

static void run_transpose(void) {
    EACH_SHAPE(rows, cols) {
        nn_real *y = take((rows + 1) * cols);
        k->transpose(rows, cols, numbers(rows * (cols + 2)), cols + 2, y, rows + 1);
        hash_out((rows + 1) * cols, y);
        give_back();
    }
}

static void run_row_dots(void) {
    EACH_SHAPE(rows, cols) {
        nn_real *x = numbers(rows * (cols + 2)), *y = numbers(rows * cols), *dots = take(rows);
        k->row_dots(rows, cols, x, cols + 2, y, cols, dots);
        hash_out(rows, dots);
        give_back();
    }
}

/* All is seen, or part of it, with and without dropout; two tiles in turn, the second one backward
 * too. */
static void run_attention_tile(size_t cols, ptrdiff_t first, bool drops) {
    enum { ROWS = 9, WIDTH = 5 };
    size_t n = ROWS * cols;
    nn_attention_tile t = {.rows = ROWS, .cols = cols, .first = -ROWS, .scale = (nn_real)0.3};
    t.kept = drops ? numbers(n) : NULL;
    t.max = take(cols), t.sum = take(cols), t.width = WIDTH, t.y = numbers(WIDTH * cols);
    for (size_t c = 0; c < cols; c++)
        t.max[c] = -(nn_real)INFINITY;
    for (int tile = 0; tile < 2; tile++, t.first = first) {
        t.s = numbers(n);
        k->attention_weights(&t);
        hash_out(n, t.s);
    }
    hash_out(cols, t.max);
    hash_out(cols, t.sum);
    hash_out(WIDTH * cols, t.y);
    t.s = numbers(n), t.ds = numbers(n), t.inverse = numbers(cols), t.delta = numbers(cols);
    k->attention_grad(&t);
    hash_out(n, t.s);
    hash_out(n, t.ds);
    give_back();
}

static void run_attention(void) {
    EACH_LENGTH(cols) if (cols <= NN_ATTENTION_COLS) {
        run_attention_tile(cols, -9, false);
        run_attention_tile(cols, -4, true);
        run_attention_tile(cols, 7, true);
    }
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

/* clang-format off */
static const kernel_case cases[] = {
    NN_EACH_ACTIVATION(ACTIVATION_ROW) PAIR_ROW(lstm) PAIR_ROW(gru) PAIR_ROW(rnn_tanh)
    PAIR_ROW(rnn_relu) ROW(exp) ROW(log) ROW(softmax) ROW(add_bias) ROW(sum_rows) ROW(moments)
    ROW(products) ROW(normalize) ROW(normalize_grad) ROW(layer_norm) ROW(layer_norm_grad)
    ROW(layer_norm_sums) ROW(sparse_rows) ROW(add) ROW(plus) ROW(axpy) ROW(scale) ROW(multiply)
    ROW(sum) ROW(sum_squares) ROW(all_finite) ROW(from_u8) ROW(from_f32) ROW(normal) ROW(bilinear)
    ROW(blend) ROW(transpose) ROW(row_dots)
    {"packed_product", run_packed_product, 2}, /* and pack */
    {"outer", run_outer, 2},                   /* and outer_sum */
    {"attention", run_attention, 2},           /* weights and grad */
};
/* clang-format on */
#define CASES (sizeof cases / sizeof cases[0])

/* What else stands in nn_kernels: the name, whether it is fused, and multiply_adds. */
#define NO_CASE 3

int main(int argc, char **argv) {
    check_complete(cases, CASES, offsetof(nn_kernels, bf16) / sizeof(void (*)(void)), NO_CASE);
    return bits_main(argc, argv, cases, CASES);
}
