/* Shared by the sources of this folder, each of which is compiled once for every instruction set
 * with NN_ISA naming it (v2, v3, v4; base elsewhere): ISA(sum) is then nn_sum_v4 and the like. */
#ifndef NN_MATH_ISA_ISA_H
#define NN_MATH_ISA_ISA_H

#include "math/kernels.h"

#ifndef NN_ISA
#define NN_ISA base
#endif

#define ISA_TEXT_(name) #name
#define ISA_TEXT(name) ISA_TEXT_(name)
#define ISA_JOIN_(name, isa) nn_##name##_##isa
#define ISA_JOIN(name, isa) ISA_JOIN_(name, isa)
#define ISA(name) ISA_JOIN(name, NN_ISA)

/* Elements of a loop body are independent of each other; output and input may be the same array.
 * The double build calls libm, which does not vectorise. */
#ifdef NN_DOUBLE
#define SIMD
#else
#define SIMD _Pragma("omp simd")
#endif

/* activations.c */
#define ISA_DECLARE(name, ...)                                                                     \
    nn_act_fn ISA(name##_forward);                                                                 \
    nn_act_grad_fn ISA(name##_backward);
NN_EACH_ACTIVATION(ISA_DECLARE)

/* rows.c */
void ISA(softmax)(size_t rows, size_t cols, const nn_real *z, nn_real *y);
void ISA(add_bias)(size_t rows, size_t cols, const nn_real *b, nn_real *y);
void ISA(sum_rows)(size_t rows, size_t cols, const nn_real *x, nn_real beta, nn_real *s);

/* channels.c */
void ISA(moments)(size_t rows, size_t cols, const nn_real *x, const nn_real *m, double *sums);
void ISA(products)(size_t rows, size_t cols, const nn_real *x, const nn_real *m, const nn_real *dy,
                   double *sums);
void ISA(normalize)(size_t rows, size_t cols, const nn_real *x, const nn_real *m, const nn_real *a,
                    const nn_real *b, nn_real *y);
void ISA(normalize_grad)(size_t rows, size_t cols, const nn_real *x, const nn_real *m,
                         const nn_real *a, const nn_real *b, const nn_real *c, const nn_real *dy,
                         nn_real *dx);

/* layer_norm.c */
void ISA(layer_norm)(size_t rows, size_t cols, double eps, const nn_real *x, const nn_real *w,
                     const nn_real *b, nn_real *y, nn_layer_norm_point *point);
void ISA(layer_norm_grad)(size_t rows, size_t cols, const nn_real *x, const nn_real *w,
                          const nn_layer_norm_point *point, const nn_real *dy, nn_real *dx);
void ISA(layer_norm_sums)(size_t rows, size_t cols, const nn_real *x,
                          const nn_layer_norm_point *point, const nn_real *dy, double *sums);

/* samples.c */
void ISA(normal)(size_t pairs, const uint32_t *bits, nn_real *z);
void ISA(bilinear)(size_t n, const nn_bilinear *line, nn_real *y);

/* sparse.c */
void ISA(sparse_rows)(size_t begin, size_t end, const nn_sparse *a, size_t cols, const nn_real *x,
                      nn_real *y);

/* vector.c */
void ISA(exp)(size_t n, const nn_real *x, nn_real *y);
void ISA(log)(size_t n, const nn_real *x, nn_real *y);
void ISA(add)(size_t n, const nn_real *x, nn_real *y);
void ISA(plus)(size_t n, const nn_real *x, const nn_real *y, nn_real *z);
void ISA(axpy)(size_t n, nn_real alpha, const nn_real *x, nn_real *y);
void ISA(scale)(size_t n, nn_real alpha, nn_real *x);
void ISA(multiply)(size_t n, const nn_real *x, const nn_real *y, nn_real *z);
void ISA(from_u8)(size_t n, const uint8_t *x, nn_real scale, nn_real offset, nn_real *y);
void ISA(from_f32)(size_t n, const float *x, nn_real scale, nn_real offset, nn_real *y);

/* reduce.c */
double ISA(sum)(size_t n, const nn_real *x);
double ISA(sum_squares)(size_t n, const nn_real *x);
bool ISA(all_finite)(size_t n, const nn_real *x);

/* cells.c */
#define ISA_CELLS(X)                                                                               \
    X(lstm)                                                                                        \
    X(gru)                                                                                         \
    X(rnn_tanh)                                                                                    \
    X(rnn_relu)
#define ISA_DECLARE_CELL(name) nn_cell_fn ISA(name##_forward), ISA(name##_backward);
ISA_CELLS(ISA_DECLARE_CELL)

/* peak.c */
double ISA(multiply_adds)(size_t rounds);

/* product.c */
void ISA(pack)(size_t k, size_t n, const nn_real *b, size_t row, size_t col, nn_real *packed);
void ISA(packed_product)(size_t m, size_t n, size_t k, const nn_real *a, size_t lda,
                         const nn_real *packed, const nn_real *init, nn_real *c, size_t ldc);

void ISA(transpose)(size_t rows, size_t cols, const nn_real *x, size_t ldx, nn_real *y, size_t ldy);

/* attention.c */
void ISA(attention_weights)(const nn_attention_tile *tile);
void ISA(attention_grad)(const nn_attention_tile *tile);
void ISA(row_dots)(size_t rows, size_t cols, const nn_real *x, size_t ldx, const nn_real *y,
                   size_t ldy, nn_real *dots);

/* outer.c */
void ISA(outer)(const nn_outer *args, size_t begin, size_t end);
void ISA(outer_sum)(const nn_outer *args, nn_real *sum);

/* update.c */
void ISA(blend)(size_t n, nn_real rate, const nn_real *x, nn_real *y);
void ISA(sgd)(size_t n, const nn_sgd_args *args, const nn_real *g, nn_real *w, nn_real *v);

/* update_adaptive.c */
void ISA(adagrad)(size_t n, const nn_adagrad_args *args, const nn_real *g, nn_real *w,
                  nn_real *sum);
void ISA(adadelta)(size_t n, const nn_adadelta_args *args, const nn_real *g, nn_real *w,
                   nn_real *square, nn_real *delta);
void ISA(rmsprop)(size_t n, const nn_rmsprop_args *args, const nn_real *g, nn_real *w,
                  nn_real *square, nn_real *mean, nn_real *v);
void ISA(adam)(size_t n, const nn_adam_args *args, const nn_real *g, nn_real *w, nn_real *m,
               nn_real *v, nn_real *most);
double ISA(lamb_moments)(size_t n, const nn_adam_args *args, const nn_real *g, const nn_real *w,
                         nn_real *m, nn_real *v);
void ISA(lamb)(size_t n, const nn_adam_args *args, nn_real *w, const nn_real *m, const nn_real *v);

/* conv.c */
void ISA(conv_rows)(const nn_conv_rows *args);
void ISA(conv_sums)(const nn_conv_sums *args);

/* conv/remainder.c */
void ISA(conv_remainder)(const nn_conv_remainder *t);
void ISA(conv_remainder_sums)(const nn_conv_remainder_sums *t);

/* conv_depth.c */
void ISA(conv_depth)(const nn_conv_depth *t);
void ISA(conv_depth_grad)(const nn_conv_depth *t, nn_real *dx);
void ISA(conv_depth_sums)(const nn_conv_depth *t, nn_real *sums);

/* conv_gray.c */
void ISA(conv_gray)(const nn_conv_gray *t);
void ISA(conv_gray_sums)(const nn_conv_gray_sums *t);
void ISA(conv_gray_gather)(size_t pixel_blocks, size_t filters, const nn_real *y, nn_real *to);

/* pool.c */
void ISA(max_pool)(const nn_pool_row *p, const nn_real *x, nn_real *y, uint8_t *arg);
void ISA(max_pool_grad)(const nn_pool_row *p, const nn_real *dy, const uint8_t *arg, bool add,
                        nn_real *dx);
void ISA(avg_pool)(const nn_pool_row *p, const nn_real *x, nn_real *y);
void ISA(avg_pool_grad)(const nn_pool_row *p, const nn_real *dy, bool add, nn_real *dx);

/* bf16.c */
#if defined(__AVX512F__) && !defined(NN_DOUBLE)
#define ISA_HAS_BF16
extern const nn_bf16_kernels ISA(bf16_kernels);
#endif

/* table.c */
extern const nn_kernels ISA(kernels);

#endif
