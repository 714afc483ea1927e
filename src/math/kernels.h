/* Elementwise kernels. The sources in isa/ are compiled once for each instruction set (x86-64-v2,
 * -v3, -v4; the baseline elsewhere) and give each time this table; nn_kernels_get() picks the best
 * the processor has, or what NNMPI_ISA=v2|v3|v4 asks for. All kernels are single-threaded and work
 * on whole arrays; unless said otherwise the output may be the input. Everything is finite for
 * finite input, but exp overflows where e^x does and log is -inf at 0 and NaN below. NaN comes
 * through. What a kernel makes of an element does not depend on where in the array it stands.
 *
 * Sums are taken in a fixed order that depends only on the length. */
#ifndef NN_MATH_KERNELS_H
#define NN_MATH_KERNELS_H

#include "base/real.h"
#include "math/activations.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* a = f(z); p is the activation's parameter (gamma, beta) where it has one. */
typedef void nn_act_fn(size_t n, const nn_real *z, nn_real *a, nn_real p);
/* dz = da * f'. Only a or only z is read, as column `reads` of math/activations.h says; the other
 * may be NULL. */
typedef void nn_act_grad_fn(size_t n, const nn_real *z, const nn_real *a, const nn_real *da,
                            nn_real *dz, nn_real p);

/* The gradient as an optimiser sees it: d = clip(scale g) + l2 w + l1 sign(w). */
typedef struct nn_gradient_args {
    nn_real scale; /* multiplies the raw gradient: 1 / (global minibatch weight) */
    nn_real clip;  /* largest |scale g|; 0: not clipped */
    nn_real l1, l2;
} nn_gradient_args;

/* Scalars of one fused optimiser pass; the formulas stand at the kernels and in nn/optimizers/.
 * What is a small difference from 1 is an argument of its own, because float would lose its digits.
 */
typedef struct nn_sgd_args {
    nn_gradient_args gradient;
    nn_real lr;       /* learning rate */
    nn_real momentum; /* mu; 0 uses no slot */
    nn_real dampening;
    bool nesterov;
    bool first; /* first step: the momentum buffer starts as the gradient (as PyTorch does) */
} nn_sgd_args;

typedef struct nn_adagrad_args {
    nn_gradient_args gradient;
    nn_real lr, eps;
    nn_real start; /* added to the sum of squares: its initial value at the first step, then 0 */
} nn_adagrad_args;

typedef struct nn_adadelta_args {
    nn_gradient_args gradient;
    nn_real lr, rho, fresh /* 1 - rho */, eps;
} nn_adadelta_args;

typedef struct nn_rmsprop_args {
    nn_gradient_args gradient;
    nn_real lr, alpha, fresh /* 1 - alpha */, eps, momentum;
} nn_rmsprop_args;

typedef struct nn_adam_args {
    nn_gradient_args gradient;
    nn_real lr;            /* adam: divided by 1 - beta1^t */
    nn_real beta1, fresh1; /* fresh1 = 1 - beta1 */
    nn_real beta2, fresh2; /* fresh2 = 1 - beta2 */
    nn_real first, second; /* bias corrections: 1 / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
    nn_real eps;
    nn_real keep;  /* adam: what remains of w before the step, 1 - lr weight_decay or 1 */
    nn_real decay; /* lamb: weight_decay */
} nn_adam_args;

/* One step of a recurrent layer's cell for `rows` sequences; u counts the units of a row, matrices
 * are row-major with the strides given in elements. `gates` holds the blocks of z = W_ih x + b_ih +
 * W_hh h' + b_hh side by side (h', c': the states before the step), each `units` wide:
 *
 * - lstm, blocks i f g o: c = sigmoid(f) c' + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c)
 * - gru, blocks r z n m: h = (1 - sigmoid(z)) tanh(n + sigmoid(r) m) + sigmoid(z) h', where m is
 *   W_hh h' + b_hh of the new gate, which n leaves out
 * - rnn, one block: h = tanh(z) or max(0, z)
 *
 * Forward overwrites z with the activated gates (m stays), backward those with dC/dz. A row whose
 * sequence is over (t >= length) gets h = c = 0 and gradients of 0, whatever the other arrays hold.
 */
typedef struct nn_cell_step {
    size_t rows, units;
    const int32_t *length; /* [rows] or NULL: no sequence is over */
    int32_t t;
    nn_real *gates;       /* [rows][blocks * units] */
    const nn_real *c_old; /* lstm: c', [rows] of stride c_stride, 0: one row for all */
    size_t c_stride;
    nn_real *c; /* lstm: [rows][units], may be c_old */
    const nn_real *h_old;
    size_t h_stride;   /* of h_old */
    nn_real *h;        /* forward writes it, rnn's backward reads it */
    size_t out_stride; /* of h */
    /* backward */
    const nn_real *dy; /* added to dh; stride dy_stride, 0: one row for all */
    size_t dy_stride;
    nn_real *dh; /* [rows][units]: in dC/dh; out the part of dC/dh' that does not go through W_hh */
    nn_real *dc; /* lstm, [rows][units]: in dC/dc from the steps after it, out dC/dc' */
} nn_cell_step;

typedef void nn_cell_fn(const nn_cell_step *step);
typedef struct nn_cell_kernels {
    nn_cell_fn *forward, *backward;
} nn_cell_kernels;

/* Columns of a packed matrix come in multiples of this. */
#define NN_PACK_COLS 32

/* C[m][n] = the sum of a^T b over the rows a of A[rows][m] and b of B[rows][n], which are `parts`
 * parts: part p has rows [row[p], row[p + 1]), of which row[0] is the first of A and B. A part is
 * summed in the order of its rows, and the parts along the tree of base/tree.h: to the sum of part
 * p are added `joins[p]` sums that wait, the last one first. */
#define NN_OUTER_ROWS 256 /* most rows */
#define NN_OUTER_PARTS 64
typedef struct nn_outer {
    size_t m, n, parts;
    const size_t *row;   /* [parts + 1] */
    const size_t *joins; /* [parts] */
    const nn_real *a, *b;
    size_t lda, ldb, ldc;
    nn_real *c;
} nn_outer;

/* c[r][0 .. width) = start + sum over taps of a b for rows r of a: a row is `tap_rows` x `taps`
 * runs of `length` numbers, b holds a panel's row for each of them. */
typedef struct nn_conv_rows {
    size_t rows, width; /* 1 <= width <= conv_panel */
    size_t tap_rows, taps, length;
    const nn_real *a;
    size_t a_row, tap_row, tap; /* elements from one row, row of taps, tap to the next */
    const nn_real *b;           /* [tap_rows][taps][length][width in whole vectors], aligned */
    const nn_real *start;       /* [width in whole vectors]; NULL: what c holds */
    nn_real *c;
    size_t c_row;
} nn_conv_rows;

/* c[i][0 .. width) += sum over rows x cols points of a[i] b[.] for i < count. */
typedef struct nn_conv_sums {
    size_t count, width; /* 1 <= width <= conv_panel */
    size_t rows, cols;
    const nn_real *a;
    size_t a_row, a_col;
    const nn_real *b;
    size_t b_row, b_col;
    nn_real *c; /* [count][width in whole vectors], aligned */
} nn_conv_sums;

/* Four neighbouring pixels of conv_gray_filters filters in one vector, [filter][pixel]: convolution
 * of images of one channel, 4 `pixel_blocks` pixels of a row at a time. `blocks` vectors hold all
 * filters.
 */
typedef struct nn_conv_gray {
    size_t pixel_blocks, filters, blocks;
    size_t kernel_rows, kernel_cols;
    const nn_real *x;       /* input of the first pixel */
    size_t x_row;           /* elements from one row to the next */
    const nn_real *weights; /* [kernel_rows][kernel_cols][blocks], each one four times */
    const nn_real *start;   /* [blocks], the same */
    nn_real *y;             /* [4 pixel_blocks][filters] */
} nn_conv_gray;

/* sums[c] += x dy over rows x pixel_blocks for column c of the kernel. */
typedef struct nn_conv_gray_sums {
    size_t rows, pixel_blocks, blocks, kernel_cols;
    const nn_real *x;
    size_t x_row;
    const nn_real *dy; /* [rows][pixel_blocks][blocks] vectors */
    nn_real *sums;     /* [kernel_cols][blocks] vectors, to be added over the pixels of a four */
} nn_conv_gray_sums;

/* Up to NN_CONV_REMAINDER filters, with NN_CONV_REMAINDER_LANES lanes along the runs of `length`
 * neighbouring numbers of x that the kernel covers. */
#define NN_CONV_REMAINDER 4
#define NN_CONV_REMAINDER_LANES 16 /* on every processor */
/* A run in whole lanes. */
static inline size_t nn_conv_remainder_run(size_t length) {
    const size_t lanes = NN_CONV_REMAINDER_LANES;
    return (length + lanes - 1) / lanes * lanes;
}
typedef struct nn_conv_remainder {
    size_t points, tap_rows, length, filters;
    const nn_real *x;      /* input of the first point */
    size_t x_row, x_point; /* elements from one run, one point to the next */
    const nn_real *w;      /* [filters][tap_rows][length in whole lanes, filled up with zeros] */
    const nn_real *start;  /* [filters] or NULL: 0 */
    nn_real *y;            /* [points] of stride y_point, [filters] */
    size_t y_point;
} nn_conv_remainder;

/* sums[f][k] += dy[f] x[k] over rows x cols points. */
typedef struct nn_conv_remainder_sums {
    size_t rows, cols, length, filters;
    const nn_real *x;
    size_t x_row, x_col;
    const nn_real *dy;
    size_t dy_row, dy_col;
    nn_real *sums; /* [filters][length in whole lanes] */
} nn_conv_remainder_sums;

/* Depthwise convolution of neighbouring points: the kernel has tap_rows x taps points. */
typedef struct nn_conv_depth {
    size_t channels, points, tap_rows, taps;
    const nn_real *x;             /* input of the first point */
    size_t x_row, x_tap, x_point; /* elements from one row, tap, point to the next */
    const nn_real *w;             /* [tap_rows][taps][channels] */
    const nn_real *start;         /* [channels] or NULL: 0 */
    nn_real *y;                   /* [points][channels] */
    const nn_real *dy;            /* the same, in the gradients */
} nn_conv_depth;

/* Neighbouring points of a pooled image whose windows have the same form: `planes` x `rows` x
 * `cols` pixels (what padding cuts off is not among them) of `channels` numbers. */
typedef struct nn_pool_row {
    size_t channels, points, planes, rows, cols;
    size_t x_plane, x_row, x_step; /* elements from one plane, row, point's window to the next */
    size_t first, first_plane, first_row; /* index of the window's first pixel; from one plane, row
                                             to the next */
    nn_real scale;                        /* averages: 1 / divisor */
} nn_pool_row;

/* Indices of winners, [points][channels], are read in whole vectors: so many bytes behind the last
 * one may be read, too. */
#define NN_POOL_ARG_ROOM 16

/* How a row is normalised: (x - center) inv_std + offset. */
typedef struct nn_layer_norm_point {
    nn_real center, inv_std, offset;
} nn_layer_norm_point;

/* Scores of attention, [rows][cols]: a row for each of some keys, a column for each of some
 * queries. Column c sees the rows r <= c - first; those of earlier columns have weight 0. */
#define NN_ATTENTION_COLS 64 /* most columns */
typedef struct nn_attention_tile {
    size_t rows, cols;
    ptrdiff_t first;
    nn_real scale;
    nn_real *s;          /* in scores but for the factor scale, out weights */
    const nn_real *kept; /* [rows][cols] factors of dropout; NULL: none is dropped */
    nn_real *max;        /* [cols] largest score */
    /* forward: of the tiles so far */
    nn_real *sum; /* [cols] of e^(s - max) */
    size_t width;
    nn_real *y; /* [width][cols] sums with these weights */
    /* backward */
    const nn_real *inverse, *delta; /* [cols] 1 / sum; sum of weight times its derivative */
    nn_real *ds; /* [rows][cols]: in derivatives by the weights, out by what s was */
} nn_attention_tile;

/* Places on a line through an image, (row, column) + i (row_step, column_step). */
typedef struct nn_bilinear {
    const nn_real *image; /* [high][wide], both at least 2 */
    int32_t high, wide;
    nn_real row, row_step, column, column_step;
} nn_bilinear;

/* A matrix in compressed rows: row r has the elements [start[r], start[r + 1]). */
typedef struct nn_sparse {
    const size_t *start;   /* [rows + 1] */
    const int32_t *column; /* [start[rows]] */
    const nn_real *value;  /* [start[rows]] */
} nn_sparse;

/* Products of numbers that are rounded to bfloat16, two of which, a pair, stand in the place of a
 * float. NaN stays NaN, subnormal numbers become 0. */
typedef struct nn_bf16_kernels {
    /* pairs[(n + 1) / 2]: neighbouring numbers of x[n], the last one with 0 where n is odd */
    void (*round)(size_t n, const nn_real *x, nn_real *pairs);
    /* pairs[n] of first[i] and second[i]; second NULL: of first[i] and 0 */
    void (*join)(size_t n, const nn_real *first, const nn_real *second, nn_real *pairs);
    /* As those of nn_kernels, with pairs for the numbers of a and b, of x, w and dy: what is added
     * is the sum of the products of both. */
    void (*conv_rows)(const nn_conv_rows *args);
    void (*conv_sums)(const nn_conv_sums *args);
    void (*conv_remainder)(const nn_conv_remainder *args);
    void (*conv_remainder_sums)(const nn_conv_remainder_sums *args);
    double (*multiply_adds)(size_t rounds);
} nn_bf16_kernels;

typedef struct nn_act_kernels {
    nn_act_fn *forward;
    nn_act_grad_fn *backward;
} nn_act_kernels;
#define NN_ACTIVATION_FIELD(name, ...) nn_act_kernels name;

typedef struct nn_kernels {
    const char *isa; /* "v4" ... */
    bool fused;      /* a b + c is rounded once: all such tables have the same bits */

    NN_EACH_ACTIVATION(NN_ACTIVATION_FIELD)

    /* Vector functions. */
    void (*exp)(size_t n, const nn_real *x, nn_real *y);
    void (*log)(size_t n, const nn_real *x, nn_real *y);

    /* y[rows][cols] = softmax of each row */
    void (*softmax)(size_t rows, size_t cols, const nn_real *z, nn_real *y);

    nn_cell_kernels lstm, gru, rnn_tanh, rnn_relu;

    /* A product with one matrix again and again, which is worth arranging it once: packed is
     * B[k][n], B[i][j] = b[i * row + j * col]; it takes k * (n rounded up to NN_PACK_COLS)
     * elements. C[m][n] = init[n] + A[m][k] B, or C + A B where init is NULL, each element summed
     * in the order of k whatever m and n are. C may not overlap A. */
    void (*pack)(size_t k, size_t n, const nn_real *b, size_t row, size_t col, nn_real *packed);
    void (*packed_product)(size_t m, size_t n, size_t k, const nn_real *a, size_t lda,
                           const nn_real *packed, const nn_real *init, nn_real *c, size_t ldc);

    /* Rows [begin, end) of C. */
    void (*outer)(const nn_outer *args, size_t begin, size_t end);
    /* sum[n] = the rows of B, added in the same order. */
    void (*outer_sum)(const nn_outer *args, nn_real *sum);

    /* y[c][r] = x[r][c] */
    void (*transpose)(size_t rows, size_t cols, const nn_real *x, size_t ldx, nn_real *y,
                      size_t ldy);
    /* dots[r] = the sum of x[r][c] y[r][c] */
    void (*row_dots)(size_t rows, size_t cols, const nn_real *x, size_t ldx, const nn_real *y,
                     size_t ldy, nn_real *dots);

    /* Softmax tile by tile: scores become e^(s - max), times `kept`; max rises to the largest score
     * so far, sum and y are brought to it, and to sum is added. Before the first tile max is
     * -INFINITY, sum and y are 0, and every column sees a row of it. */
    void (*attention_weights)(const nn_attention_tile *tile);
    /* Scores become weights again, with what forward has found, and ds derivatives by them. */
    void (*attention_grad)(const nn_attention_tile *tile);

    /* y[r][c] += b[c] */
    void (*add_bias)(size_t rows, size_t cols, const nn_real *b, nn_real *y);
    /* s[c] = beta * s[c] + sum over rows of x[r][c]; beta 0 ignores what s held */
    void (*sum_rows)(size_t rows, size_t cols, const nn_real *x, nn_real beta, nn_real *s);

    /* Normalisation of the columns (channels) of x[rows][cols], all constants [cols].
     * sums[2][cols] = the sums over rows of x - m and of (x - m)^2 */
    void (*moments)(size_t rows, size_t cols, const nn_real *x, const nn_real *m, double *sums);
    /* sums[2][cols] = the sums over rows of dy and of dy (x - m) */
    void (*products)(size_t rows, size_t cols, const nn_real *x, const nn_real *m,
                     const nn_real *dy, double *sums);
    /* y = (x - m) a + b */
    void (*normalize)(size_t rows, size_t cols, const nn_real *x, const nn_real *m,
                      const nn_real *a, const nn_real *b, nn_real *y);
    /* dx = a dy + b (x - m) + c */
    void (*normalize_grad)(size_t rows, size_t cols, const nn_real *x, const nn_real *m,
                           const nn_real *a, const nn_real *b, const nn_real *c, const nn_real *dy,
                           nn_real *dx);

    /* Normalisation of each row of x[rows][cols] by its own mean and variance, which `point` [rows]
     * takes down; w and b [cols], or both NULL. */
    void (*layer_norm)(size_t rows, size_t cols, double eps, const nn_real *x, const nn_real *w,
                       const nn_real *b, nn_real *y, nn_layer_norm_point *point);
    /* dx may not be x or dy */
    void (*layer_norm_grad)(size_t rows, size_t cols, const nn_real *x, const nn_real *w,
                            const nn_layer_norm_point *point, const nn_real *dy, nn_real *dx);
    /* sums[2][cols]: the gradients of b and of w */
    void (*layer_norm_sums)(size_t rows, size_t cols, const nn_real *x,
                            const nn_layer_norm_point *point, const nn_real *dy, double *sums);

    /* Rows [begin, end) of y = a x; x and y are [rows][cols] */
    void (*sparse_rows)(size_t begin, size_t end, const nn_sparse *a, size_t cols, const nn_real *x,
                        nn_real *y);

    void (*add)(size_t n, const nn_real *x, nn_real *y);                        /* y += x */
    void (*plus)(size_t n, const nn_real *x, const nn_real *y, nn_real *z);     /* z = x + y */
    void (*axpy)(size_t n, nn_real alpha, const nn_real *x, nn_real *y);        /* y += alpha x */
    void (*scale)(size_t n, nn_real alpha, nn_real *x);                         /* x *= alpha */
    void (*multiply)(size_t n, const nn_real *x, const nn_real *y, nn_real *z); /* z = x y */
    double (*sum)(size_t n, const nn_real *x);                                  /* in double */
    double (*sum_squares)(size_t n, const nn_real *x);                          /* in double */
    bool (*all_finite)(size_t n, const nn_real *x);
    /* Makes and returns a number of multiply-adds that grows with `rounds`, on registers alone. */
    double (*multiply_adds)(size_t rounds);

    /* Conversion of stored data: y = x * scale + offset. */
    void (*from_u8)(size_t n, const uint8_t *x, nn_real scale, nn_real offset, nn_real *y);
    void (*from_f32)(size_t n, const float *x, nn_real scale, nn_real offset, nn_real *y);

    /* z[2 pairs] standard normal, to 2e-6, from as many words of random bits. */
    void (*normal)(size_t pairs, const uint32_t *bits, nn_real *z);
    /* y[i] = the image at place i, interpolated between the four pixels around it; places are
     * within the image, but for rounding. */
    void (*bilinear)(size_t n, const nn_bilinear *line, nn_real *y);

    void (*blend)(size_t n, nn_real rate, const nn_real *x,
                  nn_real *y); /* y += rate (x - y); 1: y = x */

    /* Products of convolutions (math/conv/conv.h). Each sum is taken in the order of its index. */
    const nn_bf16_kernels *bf16;   /* nn_kernels_bf16 */
    size_t conv_lanes, conv_panel; /* elements of a vector; the widest panel, in elements */
    void (*conv_rows)(const nn_conv_rows *args);
    void (*conv_sums)(const nn_conv_sums *args);

    size_t conv_gray_filters; /* 0: there are no such kernels */
    void (*conv_gray)(const nn_conv_gray *args);
    void (*conv_gray_sums)(const nn_conv_gray_sums *args);
    /* [4 pixel_blocks][filters] to [pixel_blocks][blocks] vectors */
    void (*conv_gray_gather)(size_t pixel_blocks, size_t filters, const nn_real *y, nn_real *to);

    void (*conv_remainder)(const nn_conv_remainder *args);
    void (*conv_remainder_sums)(const nn_conv_remainder_sums *args);
    void (*conv_depth)(const nn_conv_depth *args);
    void (*conv_depth_grad)(const nn_conv_depth *args, nn_real *dx);   /* adds to dx */
    void (*conv_depth_sums)(const nn_conv_depth *args, nn_real *sums); /* adds to sums, as w */

    /* Pooling; y, dy and arg are those of the first point, x and dx its window. The largest and the
     * index of the first that is as large; its gradient, added to dx or
     * written where no windows overlap; the average, and its gradient in the same two ways. */
    void (*max_pool)(const nn_pool_row *row, const nn_real *x, nn_real *y, uint8_t *arg);
    void (*max_pool_grad)(const nn_pool_row *row, const nn_real *dy, const uint8_t *arg, bool add,
                          nn_real *dx);
    void (*avg_pool)(const nn_pool_row *row, const nn_real *x, nn_real *y);
    void (*avg_pool_grad)(const nn_pool_row *row, const nn_real *dy, bool add, nn_real *dx);

    /* Optimisers, each one pass over weights, gradients and state. v is NULL when momentum is 0. */
    void (*sgd)(size_t n, const nn_sgd_args *args, const nn_real *g, nn_real *w, nn_real *v);
    void (*adagrad)(size_t n, const nn_adagrad_args *args, const nn_real *g, nn_real *w,
                    nn_real *sum);
    void (*adadelta)(size_t n, const nn_adadelta_args *args, const nn_real *g, nn_real *w,
                     nn_real *square, nn_real *delta);
    /* mean NULL: not centred; v NULL: no momentum */
    void (*rmsprop)(size_t n, const nn_rmsprop_args *args, const nn_real *g, nn_real *w,
                    nn_real *square, nn_real *mean, nn_real *v);
    /* most NULL: not the AMSGrad form */
    void (*adam)(size_t n, const nn_adam_args *args, const nn_real *g, nn_real *w, nn_real *m,
                 nn_real *v, nn_real *most);
    /* Brings the moments up to date; the sum of squares of the direction that lamb then takes. */
    double (*lamb_moments)(size_t n, const nn_adam_args *args, const nn_real *g, const nn_real *w,
                           nn_real *m, nn_real *v);
    void (*lamb)(size_t n, const nn_adam_args *args, nn_real *w, const nn_real *m,
                 const nn_real *v);
} nn_kernels;

/* The table in use; chosen at the first call. Local, any thread. */
const nn_kernels *nn_kernels_get(void);

/* Those of the table in use; NULL where it has none, or the processor lacks AVX512_BF16. Local, any
 * thread. */
const nn_bf16_kernels *nn_kernels_bf16(void);

/* The tables that this processor can run, best first; NULL past the last. Local. */
const nn_kernels *nn_kernels_at(size_t i);

#endif
