/* Tensors with automatic differentiation, recorded as the program runs: any expression of the
 * operations below, loops and branches of the program among it, can be differentiated, and its
 * gradients again. Intended usage, for a model y = relu(x W^T + b) of one layer:
 *
 *   while (next minibatch x, t) {
 *       nn_tensor_scope scope;
 *       nn_tensor_scope_open(&scope);                             1.
 *       nn_tensor *y = nn_tensor_relu(nn_tensor_linear(x, w, b)); 2.
 *       nn_tensor *loss = nn_tensor_cross_entropy(y, t);
 *       int rc = nn_tensor_backward(loss, NULL, 0);               3.
 *       if (rc == 0)
 *           rc = nn_optimizer_step(optimizer, 1);                 4.
 *       nn_optimizer_zero_gradients(optimizer);
 *       nn_tensor_scope_close(&scope);                            5.
 *   }
 *
 * 1. what is made from now on belongs to the scope; 2. is computed at once, and recorded because w
 * and b require gradients; 3. adds to the gradients of w and b; 4. averages them over the ranks and
 * takes a step; 5. releases what belongs to the scope.
 *
 * A function that makes a tensor gives NULL where it fails, nn_error_message() says why and
 * nn_error_code() is one of the codes that are named. An operand that is NULL gives NULL and leaves
 * the message alone, so that only the end of an expression has to be looked at. Of a tensor, an
 * optimiser or a schedule that is NULL, functions without a code say 0, NULL or false, and its type
 * is NN_F32; those that return nothing do nothing. A scope that is NULL is none.
 *
 * Numbers are float, or int64 where they are indices, classes or conditions; they stand without
 * gaps, the last dimension innermost. A tensor has up to NN_TENSOR_RANK dimensions; one of none is
 * a single number. Different threads may use different tensors. All functions are Local but
 * nn_optimizer_new and nn_optimizer_step. */
#ifndef NNMPI_TENSOR_H
#define NNMPI_TENSOR_H

#include <nnmpi/array.h>
#include <nnmpi/comm.h>

#include <stdbool.h>
#include <stddef.h>

#define NN_TENSOR_RANK 8

typedef struct nn_tensor nn_tensor;

/* ---- tensors --------------------------------------------------------------------------------- */

/* A copy of `values` [dim[0]]..[dim[rank - 1]] of the given type, NULL: zeros. Integers become
 * int64, anything else float. NN_EUSAGE, NN_EMEMORY. */
NN_API nn_tensor *nn_tensor_new(nn_dtype type, int rank, const int64_t *dim, const void *values);
/* One more reference, which is returned. */
NN_API nn_tensor *nn_tensor_retain(nn_tensor *t);
/* One less; with the last one memory is free for other tensors at once. NULL is fine. */
NN_API void nn_tensor_release(nn_tensor *t);

NN_API int nn_tensor_rank(const nn_tensor *t);
NN_API const int64_t *nn_tensor_dims(const nn_tensor *t); /* [rank] */
NN_API int64_t nn_tensor_count(const nn_tensor *t);       /* elements */
NN_API nn_dtype nn_tensor_type(const nn_tensor *t);       /* NN_F32 or NN_I64 */
/* The numbers, to be read while the tensor lives. */
NN_API const void *nn_tensor_values(const nn_tensor *t);
/* New numbers, as many as there are, for a tensor that no operation has made. NN_EUSAGE. */
NN_API int nn_tensor_set_values(nn_tensor *t, nn_dtype type, const void *values);

/* Tensors that are made while a scope is open belong to the innermost one of the thread, and are
 * released when it closes, but for those that were retained; outside of all scopes the caller
 * releases each one. Scopes close in the reverse order. */
typedef struct nn_tensor_scope {
    struct nn_tensor_scope *outer;
    nn_tensor *made;
} nn_tensor_scope;
NN_API void nn_tensor_scope_open(nn_tensor_scope *scope);
NN_API void nn_tensor_scope_close(nn_tensor_scope *scope);

/* Tensors that there are; memory that waits for new ones goes back to the system. */
NN_API int64_t nn_tensor_live(void);
NN_API void nn_tensor_trim(void);
/* Threads that operations use from now on, in the whole process: at first OMP_NUM_THREADS, or the
 * cores of its CPU set, which an optimiser of several ranks divides among those of a machine. */
NN_API void nn_tensor_set_threads(int threads);

/* ---- gradients ------------------------------------------------------------------------------- */

/* Whether what is computed from this tensor is recorded; it can be said of float tensors that no
 * operation has made. NN_EUSAGE. */
NN_API int nn_tensor_require_grad(nn_tensor *t, bool on);
NN_API bool nn_tensor_requires_grad(const nn_tensor *t);
/* What nn_tensor_backward has added up, NULL: nothing; owned by t. */
NN_API nn_tensor *nn_tensor_gradient(const nn_tensor *t);
/* Replaces it; NULL: none. NN_EUSAGE where shapes differ. */
NN_API int nn_tensor_set_gradient(nn_tensor *t, nn_tensor *gradient);
/* The same numbers in the same memory, from which nothing is recorded: new values of the one are
 * those of the other, and what was recorded from either refuses to be gone through. */
NN_API nn_tensor *nn_tensor_detach(nn_tensor *t);
/* Whether this thread records (true at first); gives what it was. */
NN_API bool nn_tensor_record(bool on);

enum {
    NN_GRAD_KEEP = 1,  /* the record can be gone through again */
    NN_GRAD_CREATE = 2 /* the backward pass is recorded itself; includes the former */
};
/* Adds to the gradient of every tensor that requires one the derivatives of sum(seed * y); seed
 * NULL: 1, for a y of one element. What was recorded is forgotten unless `flags` says otherwise.
 * NN_EUSAGE, NN_EMEMORY. */
NN_API int nn_tensor_backward(nn_tensor *y, nn_tensor *seed, int flags);
/* gradient[i] = the derivatives of sum over j of sum(seed[j] * y[j]) by x[i], to be released by the
 * caller; NULL where nothing depends on x[i]. `seed` or its elements may be NULL as
 * above. Gradients that tensors keep stay as they are. NN_EUSAGE, NN_EMEMORY: all are NULL. */
NN_API int nn_tensor_grad(size_t outputs, nn_tensor *const *y, nn_tensor *const *seed,
                          size_t inputs, nn_tensor *const *x, int flags, nn_tensor **gradient);

/* ---- elementwise operations ------------------------------------------------------------------ */

/* Shapes of operands are broadcast as numpy does: aligned at their last dimensions, each of which
 * is equal, 1 or absent. */
NN_API nn_tensor *nn_tensor_add(nn_tensor *a, nn_tensor *b);
NN_API nn_tensor *nn_tensor_subtract(nn_tensor *a, nn_tensor *b);
NN_API nn_tensor *nn_tensor_multiply(nn_tensor *a, nn_tensor *b);
NN_API nn_tensor *nn_tensor_divide(nn_tensor *a, nn_tensor *b);
/* Where both are equal, each has half of the derivative. */
NN_API nn_tensor *nn_tensor_maximum(nn_tensor *a, nn_tensor *b);
NN_API nn_tensor *nn_tensor_minimum(nn_tensor *a, nn_tensor *b);
/* 1 where it holds, else 0; their derivatives are 0. */
NN_API nn_tensor *nn_tensor_greater(nn_tensor *a, nn_tensor *b);
NN_API nn_tensor *nn_tensor_equal(nn_tensor *a, nn_tensor *b);
/* a where c is not 0, else b. */
NN_API nn_tensor *nn_tensor_where(nn_tensor *c, nn_tensor *a, nn_tensor *b);

/* factor x + summand */
NN_API nn_tensor *nn_tensor_affine(nn_tensor *x, double factor, double summand);
NN_API nn_tensor *nn_tensor_negate(nn_tensor *x);
/* x^exponent; NaN for x < 0 unless the exponent is a whole number. */
NN_API nn_tensor *nn_tensor_power(nn_tensor *x, double exponent);
NN_API nn_tensor *nn_tensor_exp(nn_tensor *x);
NN_API nn_tensor *nn_tensor_log(nn_tensor *x);
NN_API nn_tensor *nn_tensor_sqrt(nn_tensor *x);
NN_API nn_tensor *nn_tensor_abs(nn_tensor *x); /* derivative at 0: 0 */
/* max(0, x), whose derivative at 0 is 0; 1 / (1 + e^-x); tanh x; log(1 + e^x); x Phi(x) with the
 * normal distribution function Phi (Hendrycks and Gimpel 2016). */
NN_API nn_tensor *nn_tensor_relu(nn_tensor *x);
NN_API nn_tensor *nn_tensor_sigmoid(nn_tensor *x);
NN_API nn_tensor *nn_tensor_tanh(nn_tensor *x);
NN_API nn_tensor *nn_tensor_softplus(nn_tensor *x);
NN_API nn_tensor *nn_tensor_gelu(nn_tensor *x);
/* Each element is 0 with probability `rate`, else x / (1 - rate), as a function of seed, step and
 * its place alone (Srivastava et al. 2014). */
NN_API nn_tensor *nn_tensor_dropout(nn_tensor *x, double rate, uint64_t seed, uint64_t step);

/* ---- sums ------------------------------------------------------------------------------------ */

/* Over `count` axes, of which negative ones count from the end; count 0: over all. `keep`: they
 * stay, with length 1. Several largest elements share the derivative. */
NN_API nn_tensor *nn_tensor_sum(nn_tensor *x, int count, const int *axes, bool keep);
NN_API nn_tensor *nn_tensor_mean(nn_tensor *x, int count, const int *axes, bool keep);
NN_API nn_tensor *nn_tensor_max(nn_tensor *x, int count, const int *axes, bool keep);
/* e^x / sum of e^x, and its logarithm, along an axis. */
NN_API nn_tensor *nn_tensor_softmax(nn_tensor *x, int axis);
NN_API nn_tensor *nn_tensor_log_softmax(nn_tensor *x, int axis);

/* ---- products -------------------------------------------------------------------------------- */

/* op(a) op(b) of the last two dimensions, those before them broadcast; op transposes or not. */
NN_API nn_tensor *nn_tensor_matmul(nn_tensor *a, nn_tensor *b, bool transpose_a, bool transpose_b);
/* x W^T + b: x [..., inputs], W [outputs, inputs], b [outputs] or NULL: none. */
NN_API nn_tensor *nn_tensor_linear(nn_tensor *x, nn_tensor *w, nn_tensor *b);

/* Windows of images, in rows and columns: along each (size + 2 padding - dilation (kernel - 1) - 1)
 * / stride + 1 of them, rounded down. */
typedef struct nn_window {
    size_t size;                                /* REQUIRED: sizeof(nn_window) */
    int64_t kernel[2];                          /* of a convolution: follows from its weights */
    int64_t stride[2], padding[2], dilation[2]; /* in pixels; strides and dilations from 1 on */
    int64_t groups;                             /* of a convolution, from 1 on */
    int64_t output_padding[2]; /* of a transposed convolution, below its strides; else 0 */
} nn_window;
/* y[n][o][i][j] = b[o] + sum over c, u, v of w[o][c][u][v] x[n][c][i s + u d - p][j s + v d - p]
 * with 0 outside of the image: x [samples, channels, height, width], w [filters, channels / groups,
 * rows, columns], b [filters] or NULL. */
NN_API nn_tensor *nn_tensor_conv2d(nn_tensor *x, nn_tensor *w, nn_tensor *b,
                                   const nn_window *window);
/* The transposed map: each number of x, times w, is added where nn_tensor_conv2d with this window
 * reads what it makes one of (Zeiler et al. 2010). x [samples, filters, height, width], w [filters,
 * channels / groups, rows, columns], b [channels] or NULL; along each side the result has (size -
 * 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding pixels. */
NN_API nn_tensor *nn_tensor_conv_transpose2d(nn_tensor *x, nn_tensor *w, nn_tensor *b,
                                             const nn_window *window);
/* The largest (of equals, the first one), and the mean, of which zeros outside of the image are
 * part; x [samples, channels, height, width]. */
NN_API nn_tensor *nn_tensor_max_pool2d(nn_tensor *x, const nn_window *window);
NN_API nn_tensor *nn_tensor_avg_pool2d(nn_tensor *x, const nn_window *window);

/* ---- shapes and places ----------------------------------------------------------------------- */

/* The same elements in another shape, in which one dimension may be -1: what is left. */
NN_API nn_tensor *nn_tensor_reshape(nn_tensor *x, int rank, const int64_t *dim);
/* x broadcast to a shape. */
NN_API nn_tensor *nn_tensor_expand(nn_tensor *x, int rank, const int64_t *dim);
/* Dimension i of the result is dimension axes[i] of x; axes[rank]. */
NN_API nn_tensor *nn_tensor_permute(nn_tensor *x, const int *axes);
/* Elements begin, begin + step ... (`count` of them) along each dimension; arrays of [rank]. */
NN_API nn_tensor *nn_tensor_slice(nn_tensor *x, const int64_t *begin, const int64_t *step,
                                  const int64_t *count);
/* One behind the other along an axis; other dimensions are equal. */
NN_API nn_tensor *nn_tensor_concat(size_t count, nn_tensor *const *x, int axis);
/* x[index[i]], the parts of x along its first dimension: of a matrix rows, as of an embedding. */
NN_API nn_tensor *nn_tensor_gather(nn_tensor *x, nn_tensor *index);
/* x[i][class[i]] for x [rows, classes]; 0 where the class is -1. */
NN_API nn_tensor *nn_tensor_pick(nn_tensor *x, nn_tensor *classes);

/* ---- losses and normalisations --------------------------------------------------------------- */

/* Mean over the rows of -log softmax(z)[i][class[i]]; rows whose class is -1 do not count. */
NN_API nn_tensor *nn_tensor_cross_entropy(nn_tensor *z, nn_tensor *classes);
/* Mean of (y - t)^2. */
NN_API nn_tensor *nn_tensor_mse(nn_tensor *y, nn_tensor *t);
/* w (x - mean) / sqrt(var + eps) + b over the last `dims` dimensions (Ba et al. 2016); w and b are
 * of these, or NULL. */
NN_API nn_tensor *nn_tensor_layer_norm(nn_tensor *x, int dims, nn_tensor *w, nn_tensor *b,
                                       double eps);
/* The same for each channel, dimension 1, over the others (Ioffe and Szegedy 2015). `training`: by
 * the minibatch's mean and variance, of which `momentum` goes into `mean` and `var` [channels]
 * (NULL: nowhere), with the variance of a sample; else by mean and var. */
NN_API nn_tensor *nn_tensor_batch_norm(nn_tensor *x, nn_tensor *w, nn_tensor *b, nn_tensor *mean,
                                       nn_tensor *var, bool training, double momentum, double eps);

/* ---- parameters ------------------------------------------------------------------------------ */

/* First values by an initialiser as configurations have it, "he_uniform" or "normal: {std: 0.1}",
 * as a function of seed and name; t [outputs, inputs, ...]. NN_EUSAGE, NN_EMEMORY. */
NN_API int nn_tensor_initialize(nn_tensor *t, const char *initializer, uint64_t seed,
                                const char *name);

typedef struct nn_optimizer nn_optimizer;
/* An optimiser of these tensors as train.optimizer has it: "adam: {lr: 0.001}". Tensors are
 * retained, and on every rank get the values of rank 0; comm NULL: one rank; else it outlives the
 * optimiser. NN_EUSAGE, NN_EMEMORY, NN_ERANK. Collective. */
NN_API int nn_optimizer_new(nn_comm *comm, const char *optimizer, size_t count,
                            nn_tensor *const *params, nn_optimizer **out);
/* Averages the gradients of all ranks, with weights (such as the rows of each rank where they
 * differ, else 1; of a rank whose weight is 0 they do not count, and where all are 0 nothing is
 * done; NN_EUSAGE on all ranks where one is negative or not finite), and takes a step along them.
 * Weight decay is for all parameters alike, as PyTorch has it. Parameters that have a gradient on
 * no rank stay as they are. NN_EUSAGE, NN_ERANK. Collective. */
NN_API int nn_optimizer_step(nn_optimizer *o, double weight);
/* The gradients of every rank become the averages that nn_optimizer_step takes, for a program that
 * looks at them or changes them, such as by clipping; a step behind it averages again what is equal
 * then. NN_EUSAGE, NN_EMEMORY, NN_ERANK. Collective. */
NN_API int nn_optimizer_average_gradients(nn_optimizer *o, double weight);
NN_API void nn_optimizer_zero_gradients(nn_optimizer *o);
/* Steps taken, and the learning rate. */
NN_API int64_t nn_optimizer_steps(const nn_optimizer *o);
NN_API double nn_optimizer_rate(const nn_optimizer *o);
/* At least 0, the same on every rank. NN_EUSAGE. */
NN_API int nn_optimizer_set_rate(nn_optimizer *o, double rate);
NN_API void nn_optimizer_free(nn_optimizer *o);

/* An optimiser's state, which with the parameters is all that its next step depends on: for each
 * parameter `slots` arrays of its shape ("exp_avg"), and how many steps it has taken, those in
 * which it had a gradient. It is the same on every rank, and what is set has to be.
 *
 * How many slots there are, and the name of one; NULL: there are fewer. Static. */
NN_API size_t nn_optimizer_slots(const nn_optimizer *o);
NN_API const char *nn_optimizer_slot(const nn_optimizer *o, size_t slot);
/* Elements of a parameter (its place in nn_optimizer_new); 0: there is none. */
NN_API size_t nn_optimizer_param_size(const nn_optimizer *o, size_t param);
/* Copies a slot of a parameter out, and in: values[nn_optimizer_param_size]. NN_EUSAGE where there
 * is no such parameter or slot. */
NN_API int nn_optimizer_get_slot(const nn_optimizer *o, size_t param, size_t slot, float *values);
NN_API int nn_optimizer_set_slot(nn_optimizer *o, size_t param, size_t slot, const float *values);
/* The steps of a parameter; -1: there is none. The optimiser has taken at least as many as the one
 * of its parameters with most. NN_EUSAGE. */
NN_API int64_t nn_optimizer_param_steps(const nn_optimizer *o, size_t param);
NN_API int nn_optimizer_set_param_steps(nn_optimizer *o, size_t param, int64_t steps);

/* ---- learning rates -------------------------------------------------------------------------- */

/* A schedule as train.schedule has it, "cosine: {over: 100}", whose time t the program counts
 * itself, in steps or epochs as it likes. The rate of a step is that of the beginning times
 * nn_schedule_factor. */
typedef struct nn_schedule nn_schedule;
/* NN_EUSAGE, NN_EMEMORY. */
NN_API int nn_schedule_new(const char *schedule, nn_schedule **out);
NN_API void nn_schedule_free(nn_schedule *s);
/* The factor at t >= 0, of a program that ends at `end`; 0: that is not known, and what would take
 * until the end stays as it begins. */
NN_API double nn_schedule_factor(const nn_schedule *s, int64_t t, int64_t end);
/* What reduce_on_plateau watches has this value now; `rate` is that of the beginning. NN_EUSAGE
 * where the schedule watches nothing, or a value is no number. */
NN_API int nn_schedule_observe(nn_schedule *s, double value, bool larger_is_better, double rate);
/* What it keeps from one value to the next; `best` is NaN before the first one. NN_EUSAGE. */
typedef struct nn_schedule_state {
    double factor, best;
    int64_t bad, cooldown; /* values without improvement; values that do not count yet */
} nn_schedule_state;
NN_API nn_schedule_state nn_schedule_get_state(const nn_schedule *s);
NN_API int nn_schedule_set_state(nn_schedule *s, nn_schedule_state state);

#endif
