/* double: yes */
/* Every row of the table of operations against central differences, in double precision: the
 * derivatives of sum(c y^2) by every element of every operand, and those of a random linear
 * functional of these derivatives, by which the backward pass is differentiated itself. A row that
 * has derivatives and no case fails the test. */
#include "base/numbers/rng.h"
#include "check.h"
#include "tensor/tensor.h"

#define STEP 1e-5
#define TOLERANCE 1e-6
#define MOST 3

typedef nn_tensor *expression(nn_tensor *const *x);

struct operand {
    int rank;
    int64_t dim[NN_TENSOR_RANK];
};

struct op_case {
    const char *row;
    expression *f;
    double least; /* numbers are in [least, least + 2) */
    struct operand in[MOST];
};

static const nn_window window = {.size = sizeof(nn_window),
                                 .kernel = {2, 3},
                                 .stride = {1, 2},
                                 .padding = {1, 1},
                                 .dilation = {2, 1},
                                 .groups = 1};
static const nn_window small = {
    .size = sizeof(nn_window), .kernel = {2, 2}, .stride = {2, 1}, .dilation = {1, 1}, .groups = 2};
static const nn_window apart = {.size = sizeof(nn_window),
                                .stride = {2, 3},
                                .padding = {1, 0},
                                .dilation = {1, 2},
                                .groups = 2,
                                .output_padding = {1, 2}};

/* Integers that operands do not change. */
static nn_tensor *integers(int64_t n, const int64_t *values) {
    return nn_tensor_new(NN_I64, 1, &n, values);
}
static const int64_t some[] = {1, 0, -1, 2};

#define F(name, value)                                                                             \
    static nn_tensor *name(nn_tensor *const *x) {                                                  \
        return value;                                                                              \
    }
F(f_add, nn_tensor_add(x[0], x[1]))
F(f_subtract, nn_tensor_subtract(x[0], x[1]))
F(f_multiply, nn_tensor_multiply(x[0], x[1]))
F(f_square, nn_tensor_multiply(x[0], x[0]))
F(f_divide, nn_tensor_divide(x[0], x[1]))
F(f_maximum, nn_tensor_maximum(x[0], x[1]))
F(f_minimum, nn_tensor_minimum(x[0], x[1]))
F(f_where, nn_tensor_where(nn_tensor_greater(x[0], x[1]), x[1], x[2]))
F(f_affine, nn_tensor_affine(x[0], -2.5, 0.75))
F(f_power, nn_tensor_power(x[0], 3))
F(f_square_root, nn_tensor_power(x[0], -0.5))
F(f_inverse, nn_tensor_power(x[0], -1))
F(f_exp, nn_tensor_exp(x[0]))
F(f_log, nn_tensor_log(x[0]))
F(f_sqrt, nn_tensor_sqrt(x[0]))
F(f_abs, nn_tensor_abs(x[0]))
F(f_relu, nn_tensor_relu(x[0]))
F(f_sigmoid, nn_tensor_sigmoid(x[0]))
F(f_tanh, nn_tensor_tanh(x[0]))
F(f_softplus, nn_tensor_softplus(x[0]))
F(f_gelu, nn_tensor_gelu(x[0]))
F(f_gelu_slope, nn_op_on(&nn_op_gelu_slope, x[0], NULL))
F(f_dropout, nn_tensor_dropout(x[0], 0.4, 7, 3))
F(f_sum, nn_tensor_sum(x[0], 2, (int[]){0, -1}, false))
F(f_sum_kept, nn_tensor_sum(x[0], 1, (int[]){1}, true))
F(f_sum_all, nn_tensor_sum(x[0], 0, NULL, false))
F(f_mean, nn_tensor_mean(x[0], 1, (int[]){0}, false))
F(f_max, nn_tensor_max(x[0], 1, (int[]){1}, false))
F(f_max_all, nn_tensor_max(x[0], 0, NULL, true))
F(f_softmax, nn_tensor_softmax(x[0], -1))
F(f_softmax_first, nn_tensor_softmax(x[0], 0))
F(f_log_softmax, nn_tensor_log_softmax(x[0], 1))
F(f_cross_entropy, nn_tensor_cross_entropy(x[0], integers(4, some)))
F(f_mse, nn_tensor_mse(x[0], x[1]))
F(f_matmul, nn_tensor_matmul(x[0], x[1], false, false))
F(f_matmul_t0, nn_tensor_matmul(x[0], x[1], true, false))
F(f_matmul_t1, nn_tensor_matmul(x[0], x[1], false, true))
F(f_matmul_both, nn_tensor_matmul(x[0], x[1], true, true))
F(f_linear, nn_tensor_linear(x[0], x[1], x[2]))
F(f_linear_plain, nn_tensor_linear(x[0], x[1], NULL))
F(f_conv, nn_tensor_conv2d(x[0], x[1], x[2], &window))
F(f_conv_groups, nn_tensor_conv2d(x[0], x[1], NULL, &small))
F(f_conv_transposed, nn_tensor_conv_transpose2d(x[0], x[1], x[2], &apart))
F(f_max_pool, nn_tensor_max_pool2d(x[0], &window))
F(f_avg_pool, nn_tensor_avg_pool2d(x[0], &window))
F(f_reshape, nn_tensor_reshape(x[0], 2, (int64_t[]){-1, 2}))
F(f_expand, nn_tensor_expand(x[0], 3, (int64_t[]){2, 3, 4}))
F(f_permute, nn_tensor_permute(x[0], (int[]){2, 0, 1}))
F(f_slice, nn_tensor_slice(x[0], (int64_t[]){2, 1}, (int64_t[]){-2, 3}, (int64_t[]){2, 1}))
F(f_unslice, nn_op_on(&nn_op_unslice, x[0],
                      &(nn_op_args){.rank = 2, .dim = {4, 5}, .begin = {3, 1}, .step = {-1, 2}}))
F(f_concat, nn_tensor_concat(4, (nn_tensor *[]){x[0], x[1], x[0], x[2]}, 1))
F(f_gather, nn_tensor_gather(x[0], integers(2, some)))
F(f_scatter,
  nn_op_on_two(&nn_op_scatter, x[0], integers(2, some), &(nn_op_args){.rank = 2, .dim = {3, 2}}))
F(f_pick, nn_tensor_pick(x[0], integers(4, some)))
F(f_put, nn_op_on_two(&nn_op_put, x[0], integers(4, some), &(nn_op_args){.rank = 1, .dim = {5}}))
F(f_layer_norm, nn_tensor_layer_norm(x[0], 2, x[1], x[2], 1e-2))
F(f_batch_norm, nn_tensor_batch_norm(x[0], x[1], x[2], NULL, NULL, true, 0.1, 1e-2))
F(f_batch_norm_fixed, nn_tensor_batch_norm(x[0], NULL, NULL, x[1], x[2], false, 0.1, 1e-2))

/* Rows that only other rows' backward passes run, on operands of x as they would be there. */
static nn_op_args conv_args(void) {
    return (nn_op_args){.conv = {.in = {1, 4, 3},
                                 .channels = 2,
                                 .out = {1, 3, 2},
                                 .filters = 3,
                                 .kernel = {1, 2, 2},
                                 .stride = {1, 1, 1},
                                 .dilation = {1, 1, 1},
                                 .groups = 1}};
}
F(f_conv_data, nn_op_on_two(&nn_op_conv_data, x[0], x[1], (nn_op_args[]){conv_args()}))
F(f_conv_weights, nn_op_on_two(&nn_op_conv_weights, x[0], x[1], (nn_op_args[]){conv_args()}))

#define S(...)                                                                                     \
    {                                                                                              \
        sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), {                                      \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define SCALAR                                                                                     \
    {                                                                                              \
        0, {                                                                                       \
            0                                                                                      \
        }                                                                                          \
    }
/* clang-format off */
static const struct op_case cases[] = {
    {"add", f_add, -1, {S(2, 3), S(2, 3)}},
    {"add", f_add, -1, {S(3, 1, 2), S(4, 1)}},
    {"subtract", f_subtract, -1, {S(3), S(2, 1)}},
    {"multiply", f_multiply, -1, {S(2, 3, 2), S(3, 1)}},
    {"multiply", f_multiply, -1, {SCALAR, S(3)}},
    {"multiply", f_square, -1, {S(4)}},
    {"divide", f_divide, 0.5, {S(2, 3), S(3)}},
    {"divide", f_divide, 0.5, {S(1), S(2, 2)}},
    {"maximum", f_maximum, -1, {S(3, 4), S(4)}},
    {"maximum", f_minimum, -1, {S(3, 4), S(3, 1)}},
    {"where", f_where, -1, {S(3, 4), S(4), S(3, 1)}},
    {"affine", f_affine, -1, {S(5)}},
    {"power", f_power, -1, {S(2, 3)}},
    {"power", f_square_root, 0.5, {S(4)}},
    {"power", f_inverse, -2.8, {S(4)}},
    {"exp", f_exp, -1, {S(5)}},
    {"log", f_log, 0.5, {S(5)}},
    {"sqrt", f_sqrt, 0.5, {S(5)}},
    {"multiply", f_abs, -1, {S(5)}},
    {"relu", f_relu, -1, {S(7)}},
    {"sigmoid", f_sigmoid, -1, {S(5)}},
    {"tanh", f_tanh, -1, {S(5)}},
    {"softplus", f_softplus, -1, {S(5)}},
    {"gelu", f_gelu, -1, {S(5)}},
    {"gelu_slope", f_gelu_slope, -1, {S(5)}},
    {"multiply", f_dropout, -1, {S(3, 4)}},
    {"sum", f_sum, -1, {S(2, 3, 4)}},
    {"sum", f_sum_kept, -1, {S(2, 3, 2)}},
    {"sum", f_sum_all, -1, {S(2, 3)}},
    {"affine", f_mean, -1, {S(3, 2)}},
    {"max", f_max, -1, {S(2, 4, 2)}},
    {"max", f_max_all, -1, {S(2, 3)}},
    {"softmax", f_softmax, -1, {S(2, 4)}},
    {"softmax", f_softmax_first, -1, {S(3, 2)}},
    {"log_softmax", f_log_softmax, -1, {S(2, 3, 2)}},
    {"cross_entropy", f_cross_entropy, -1, {S(4, 3)}},
    {"multiply", f_mse, -1, {S(3, 2), S(3, 2)}},
    {"matmul", f_matmul, -1, {S(2, 3), S(3, 4)}},
    {"matmul", f_matmul, -1, {S(2, 2, 3), S(3, 2)}},
    {"matmul", f_matmul, -1, {S(2, 3), S(2, 1, 3, 2)}},
    {"matmul", f_matmul_t0, -1, {S(3, 2), S(3, 4)}},
    {"matmul", f_matmul_t0, -1, {S(2, 3, 2), S(3, 2)}},
    {"matmul", f_matmul_t1, -1, {S(2, 3), S(4, 3)}},
    {"matmul", f_matmul_t1, -1, {S(2, 2, 3), S(2, 3)}},
    {"matmul", f_matmul_t1, -1, {S(2, 1, 2, 3), S(2, 2, 3)}},
    {"matmul", f_matmul_both, -1, {S(3, 2), S(2, 4, 3)}},
    {"linear", f_linear, -1, {S(2, 3), S(4, 3), S(4)}},
    {"linear", f_linear, -1, {S(2, 2, 3), S(2, 3), S(2)}},
    {"linear", f_linear_plain, -1, {S(3), S(2, 3)}},
    {"conv", f_conv, -1, {S(2, 2, 4, 5), S(3, 2, 2, 2), S(3)}},
    {"conv", f_conv_groups, -1, {S(1, 4, 4, 3), S(4, 2, 2, 2)}},
    {"conv_data", f_conv_transposed, -1, {S(2, 4, 3, 2), S(4, 1, 3, 2), S(2)}},
    {"conv", f_conv_groups, -1, {S(2, 2, 3, 3), S(2, 1, 1, 2)}},
    {"conv_data", f_conv_data, -1, {S(2, 3, 2, 3), S(2, 2, 2, 3)}},
    {"conv_weights", f_conv_weights, -1, {S(2, 4, 3, 2), S(2, 3, 2, 3)}},
    {"take", f_max_pool, -1, {S(1, 2, 4, 5)}},
    {"conv", f_avg_pool, -1, {S(2, 2, 4, 5)}},
    {"reshape", f_reshape, -1, {S(2, 3)}},
    {"expand", f_expand, -1, {S(3, 1)}},
    {"permute", f_permute, -1, {S(2, 3, 4)}},
    {"slice", f_slice, -1, {S(3, 4)}},
    {"unslice", f_unslice, -1, {S(2, 2)}},
    {"concat", f_concat, -1, {S(2, 1), S(2, 3), S(2, 2)}},
    {"gather", f_gather, -1, {S(3, 2)}},
    {"scatter", f_scatter, -1, {S(2, 2)}},
    {"take", f_pick, -1, {S(4, 3)}},
    {"put", f_put, -1, {S(4)}},
    {"divide", f_layer_norm, -1, {S(2, 2, 3), S(2, 3), S(2, 3)}},
    {"divide", f_batch_norm, -1, {S(3, 2, 2), S(2), S(2)}},
    {"divide", f_batch_norm_fixed, 0.5, {S(3, 2), S(2), S(2)}},
};
/* clang-format on */
#define CASES (sizeof cases / sizeof *cases)

/* ---- a case ---------------------------------------------------------------------------------- */

/* Numbers in [least, least + 2), of the scope. */
static nn_tensor *noise(const struct operand *o, uint64_t stream, double least) {
    nn_tensor *t = nn_tensor_filled(o->rank, o->dim, 0);
    nn_rng rng = nn_rng_stream(1, NN_RNG_TEST, stream, 0);
    nn_rng_uniform(&rng, 0, t->count, nn_reals(t));
    for (size_t i = 0; i < t->count; i++)
        nn_reals(t)[i] = least + 2 * nn_reals(t)[i];
    return t;
}

static bool contains(const nn_tensor *y, const char *row) {
    if (!y->op)
        return false;
    if (strcmp(y->op->name, row) == 0)
        return true;
    for (size_t i = 0; i < y->inputs; i++)
        if (contains(y->in[i].tensor, row))
            return true;
    return false;
}

static nn_tensor *weighted(nn_tensor *y, uint64_t stream) {
    struct operand shape = {y->rank, {0}};
    memcpy(shape.dim, y->dim, sizeof shape.dim);
    return nn_tensor_sum(nn_tensor_multiply(noise(&shape, stream, -1), y), 0, NULL, false);
}

/* sum(c y^2) */
static nn_tensor *first(const struct op_case *c, nn_tensor *const *x) {
    nn_tensor *y = c->f(x);
    if (!y) {
        fprintf(stderr, "%s: %s\n", c->row, nn_error_message());
        return NULL;
    }
    return weighted(nn_tensor_multiply(y, y), 100);
}

/* A linear functional of its derivatives, itself recorded; NULL where all are constant. */
static nn_tensor *second(const struct op_case *c, size_t n, nn_tensor *const *x) {
    nn_tensor *dx[MOST], *loss = first(c, x), *sum = NULL;
    CHECK_EQ_INT(nn_tensor_grad(1, &loss, NULL, n, x, NN_GRAD_CREATE, dx), 0);
    for (size_t i = 0; i < n; i++) {
        nn_tensor *part = dx[i] ? weighted(dx[i], 200 + i) : NULL;
        nn_tensor_release(dx[i]);
        sum = sum && part ? nn_tensor_add(sum, part) : (part ? part : sum);
    }
    return sum;
}

static nn_tensor *functional(const struct op_case *c, int order, size_t n, nn_tensor *const *x) {
    return order == 1 ? first(c, x) : second(c, n, x);
}

/* By central differences: the derivative by element k of x[i]. */
static double difference(const struct op_case *c, int order, size_t n, nn_tensor *const *x,
                         nn_real *element) {
    nn_real was = *element;
    double value[2];
    for (int side = 0; side < 2; side++) {
        nn_tensor_scope scope;
        nn_tensor_scope_open(&scope);
        *element = was + (side ? -STEP : STEP);
        value[side] = nn_reals(functional(c, order, n, x))[0];
        nn_tensor_scope_close(&scope);
    }
    *element = was;
    return (value[0] - value[1]) / (2 * STEP);
}

static void compare(const struct op_case *c, int order, size_t n, nn_tensor *const *x) {
    nn_tensor *dx[MOST] = {NULL}, *value = functional(c, order, n, x);
    int flags = order == 1 ? 0 : NN_GRAD_KEEP;
    if (value && value->requires_grad)
        CHECK_EQ_INT(nn_tensor_grad(1, &value, NULL, n, x, flags, dx), 0);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < x[i]->count; k++) {
            double is = dx[i] ? nn_reals(dx[i])[k] : 0;
            double should = difference(c, order, n, x, nn_reals(x[i]) + k);
            if (!CHECK_NEAR(is, should, TOLERANCE * (1 + fabs(should))))
                fprintf(stderr, "  case %zu (%s), derivative %d, operand %zu, element %zu\n",
                        (size_t)(c - cases), c->row, order, i, k);
        }
        nn_tensor_release(dx[i]);
    }
}

static void try_case(const struct op_case *c) {
    nn_tensor *x[MOST] = {NULL};
    nn_tensor_scope scope;
    size_t n = 0;
    nn_tensor_scope_open(&scope);
    while (n < MOST && (n == 0 || c->in[n].rank || c->in[n].dim[0])) {
        x[n] = noise(&c->in[n], (uint64_t)n, c->least);
        CHECK_EQ_INT(nn_tensor_require_grad(x[n], true), 0);
        n++;
    }
    nn_tensor *y = c->f(x);
    if (CHECK(y) && CHECK(contains(y, c->row)))
        for (int order = 1; order <= 2; order++)
            compare(c, order, n, x);
    nn_tensor_scope_close(&scope);
}

int main(void) {
    for (size_t i = 0; i < CASES; i++)
        try_case(&cases[i]);
    for (size_t r = 0; nn_ops[r]; r++) {
        bool found = !nn_ops[r]->backward;
        for (size_t i = 0; i < CASES; i++)
            found = found || strcmp(cases[i].row, nn_ops[r]->name) == 0;
        if (!CHECK(found))
            fprintf(stderr, "  no case of '%s'\n", nn_ops[r]->name);
    }
    CHECK_EQ_INT(nn_tensor_live(), 0);
    return check_done();
}
