/* Tensors of the program, in float: memory, records, scopes, and what misuse is told. */
#include "check.h"

#include <nnmpi/nnmpi.h>

static nn_tensor *numbers(int64_t n, const float *x) {
    return nn_tensor_new(NN_F32, 1, &n, x);
}

static nn_tensor *zeros(int64_t rows, int64_t columns) {
    return nn_tensor_new(NN_F32, 2, (int64_t[]){rows, columns}, NULL);
}

static const float *values(const nn_tensor *t) {
    return nn_tensor_values(t);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void test_types(void) {
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    nn_tensor *t = nn_tensor_new(NN_U8, 1, (int64_t[]){3}, (uint8_t[]){1, 2, 255});
    CHECK_EQ_INT(nn_tensor_type(t), NN_I64);
    CHECK_EQ_INT(((const int64_t *)nn_tensor_values(t))[2], 255);
    t = nn_tensor_new(NN_F64, 0, NULL, (double[]){0.5});
    CHECK_EQ_INT(nn_tensor_type(t), NN_F32);
    CHECK_EQ_INT(nn_tensor_rank(t), 0);
    CHECK_EQ_INT(nn_tensor_count(t), 1);
    CHECK_NEAR(values(t)[0], 0.5, 0);
    nn_tensor *none = zeros(0, 3); /* no elements */
    CHECK_NEAR(values(nn_tensor_sum(none, 0, NULL, false))[0], 0, 0);
    CHECK_EQ_INT(nn_tensor_count(nn_tensor_matmul(none, zeros(3, 2), false, false)), 0);
    CHECK_EQ_INT(nn_tensor_count(nn_tensor_softmax(none, 1)), 0);
    nn_tensor *mean = numbers(3, NULL); /* a minibatch may have no rows for a rank */
    CHECK_EQ_INT(nn_tensor_count(nn_tensor_batch_norm(none, NULL, NULL, mean, NULL, true, 1, 0)),
                 0);
    CHECK_NEAR(values(mean)[2], 0, 0);
    nn_tensor_scope_close(&scope);
}

/* A NaN is not lost on the way. */
static void test_nan(void) {
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    nn_tensor *t = numbers(3, (float[]){1, NAN, 2}), *zero = numbers(1, (float[]){0});
    CHECK(isnan(values(nn_tensor_max(t, 0, NULL, false))[0]));
    CHECK(isnan(values(nn_tensor_maximum(t, zero))[1]));
    CHECK(isnan(values(nn_tensor_relu(t))[1]));
    CHECK(isnan(values(nn_tensor_sum(t, 0, NULL, false))[0]));
    nn_tensor_scope_close(&scope);
}

/* Long loops are divided among threads. */
static void test_threads(void) {
    enum { ROWS = 300, COLUMNS = 700 };
    nn_tensor *result[2];
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    for (int i = 0; i < 2; i++) {
        nn_tensor_set_threads(1 + 3 * i);
        nn_tensor *x = zeros(ROWS, COLUMNS);
        CHECK_EQ_INT(nn_tensor_initialize(x, "normal: {std: 1}", 3, "x"), 0);
        nn_tensor *row = nn_tensor_mean(x, 1, (int[]){0}, true);
        nn_tensor *y = nn_tensor_permute(nn_tensor_subtract(nn_tensor_tanh(x), row), (int[]){1, 0});
        result[i] = nn_tensor_sum(nn_tensor_exp(y), 1, (int[]){1}, false);
    }
    CHECK(memcmp(values(result[0]), values(result[1]), COLUMNS * sizeof(float)) == 0);
    nn_tensor_scope_close(&scope);
}

/* ---- records --------------------------------------------------------------------------------- */

static void test_backward(void) {
    nn_tensor *x = numbers(2, (float[]){3, -1}), *y, *dx = NULL;
    CHECK_EQ_INT(nn_tensor_require_grad(x, true), 0);
    for (int i = 0; i < 2; i++) { /* gradients are added up */
        nn_tensor_scope scope;
        nn_tensor_scope_open(&scope);
        y = nn_tensor_sum(nn_tensor_power(x, 3), 0, NULL, false);
        CHECK_EQ_INT(nn_tensor_backward(y, NULL, 0), 0);
        CHECK_EQ_INT(nn_tensor_backward(y, NULL, 0), NN_EUSAGE);
        CHECK_CONTAINS(nn_error_message(), "forgotten");
        nn_tensor_scope_close(&scope);
    }
    CHECK_NEAR(values(nn_tensor_gradient(x))[0], 54, 1e-4);
    CHECK_NEAR(values(nn_tensor_gradient(x))[1], 6, 1e-5);
    CHECK_EQ_INT(nn_tensor_set_gradient(x, NULL), 0);

    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    y = nn_tensor_sum(nn_tensor_exp(x), 0, NULL, false);
    CHECK_EQ_INT(nn_tensor_backward(y, NULL, NN_GRAD_KEEP), 0);
    CHECK_EQ_INT(nn_tensor_backward(y, NULL, NN_GRAD_KEEP), 0);
    CHECK_NEAR(values(nn_tensor_gradient(x))[1], 2 * exp(-1.0), 1e-6);
    bool was = nn_tensor_record(false);
    CHECK(was && !nn_tensor_requires_grad(nn_tensor_exp(x)));
    nn_tensor_record(true);
    CHECK(!nn_tensor_requires_grad(nn_tensor_exp(nn_tensor_detach(x))));
    nn_tensor *z = numbers(1, NULL);
    CHECK_EQ_INT(nn_tensor_require_grad(z, true), 0);
    CHECK_EQ_INT(nn_tensor_grad(1, &y, NULL, 1, &z, NN_GRAD_KEEP, &dx), 0);
    CHECK(dx == NULL); /* nothing depends on z */
    CHECK_EQ_INT(nn_tensor_set_values(x, NN_F32, (float[]){1, 1}), 0);
    CHECK_EQ_INT(nn_tensor_backward(y, NULL, 0), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "operand 0 of 'exp', [2], has been changed since");
    nn_tensor_scope_close(&scope);
    nn_tensor_release(x);
}

/* What a backward pass reads of a result is what was computed. */
static void test_changed_results(void) {
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    nn_tensor *x = numbers(2, (float[]){3, -1});
    CHECK_EQ_INT(nn_tensor_require_grad(x, true), 0);
    nn_tensor *t = nn_tensor_tanh(x), *y = nn_tensor_sum(t, 0, NULL, false);
    CHECK_EQ_INT(nn_tensor_set_values(nn_tensor_detach(x), NN_F32, (float[]){3, -1}), 0);
    CHECK_EQ_INT(nn_tensor_backward(y, NULL, 0), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "operand 0 of 'tanh'");
    t = nn_tensor_tanh(x);
    CHECK_EQ_INT(nn_tensor_set_values(nn_tensor_detach(t), NN_F32, (float[]){0, 0}), 0);
    y = nn_tensor_sum(t, 0, NULL, false); /* whose operand has not changed since */
    CHECK_EQ_INT(nn_tensor_backward(y, NULL, 0), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "the result of 'tanh', [2], has been changed since");
    nn_tensor_scope_close(&scope);
}

/* What two leaves get is not the same memory. */
static void test_own_gradients(void) {
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    nn_tensor *a = numbers(1, (float[]){1}), *b = numbers(1, (float[]){1});
    CHECK(nn_tensor_require_grad(a, true) == 0 && nn_tensor_require_grad(b, true) == 0);
    CHECK_EQ_INT(nn_tensor_backward(nn_tensor_add(a, b), NULL, 0), 0);
    CHECK_EQ_INT(nn_tensor_set_values(nn_tensor_gradient(a), NN_F32, (float[]){5}), 0);
    CHECK_NEAR(values(nn_tensor_gradient(b))[0], 1, 0);
    CHECK(nn_tensor_set_gradient(a, NULL) == 0 && nn_tensor_set_gradient(b, NULL) == 0);

    nn_tensor *c = zeros(1, 1), *seed = numbers(1, (float[]){2}), *y, *g[3];
    CHECK_EQ_INT(nn_tensor_require_grad(c, true), 0);
    y = nn_tensor_add(a, nn_tensor_reshape(c, 1, (int64_t[]){1})); /* whose gradient is a view */
    CHECK_EQ_INT(nn_tensor_backward(y, seed, NN_GRAD_KEEP), 0);
    CHECK_EQ_INT(nn_tensor_set_values(nn_tensor_gradient(a), NN_F32, (float[]){5}), 0);
    CHECK_NEAR(values(nn_tensor_gradient(c))[0], 2, 0);
    CHECK_EQ_INT(nn_tensor_grad(1, &y, &seed, 3, (nn_tensor *[]){a, c, a}, 0, g), 0);
    CHECK_EQ_INT(nn_tensor_set_values(g[0], NN_F32, (float[]){7}), 0);
    CHECK(values(g[1])[0] == 2 && values(g[2])[0] == 2 && values(seed)[0] == 2);
    for (int i = 0; i < 3; i++)
        nn_tensor_release(g[i]);
    nn_tensor_scope_close(&scope);
}

/* A chain as long as that of a recurrent network goes without recursion. */
static void test_long_chain(void) {
    enum { LENGTH = 200000 };
    nn_tensor_scope scope;
    nn_tensor_scope_open(&scope);
    nn_tensor *x = numbers(1, (float[]){1});
    CHECK_EQ_INT(nn_tensor_require_grad(x, true), 0);
    nn_tensor *y = nn_tensor_retain(x);
    for (int i = 0; i < LENGTH; i++) {
        nn_tensor_scope inner;
        nn_tensor_scope_open(&inner);
        nn_tensor *next = nn_tensor_retain(nn_tensor_affine(y, 1, 1));
        nn_tensor_scope_close(&inner);
        nn_tensor_release(y);
        y = next;
    }
    CHECK_EQ_INT(nn_tensor_backward(y, NULL, NN_GRAD_KEEP), 0);
    CHECK_NEAR(values(nn_tensor_gradient(x))[0], 1, 0);
    nn_tensor_release(y);
    nn_tensor_scope_close(&scope);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

/* No tensor, and a message with this in it. */
static void refused(const nn_tensor *t, const char *why) {
    CHECK(t == NULL);
    CHECK_EQ_INT(nn_error_code(), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), why);
    CHECK(nn_tensor_exp(NULL) == NULL); /* which leaves the message */
    CHECK_CONTAINS(nn_error_message(), why);
}

static void test_shapes(void) {
    nn_tensor *classes = nn_tensor_new(NN_I64, 1, (int64_t[]){2}, (int64_t[]){0, 3});
    nn_tensor *a = zeros(32, 784), *b = zeros(500, 784), *z = zeros(2, 3);
    nn_tensor *image = nn_tensor_new(NN_F32, 4, (int64_t[]){1, 3, 5, 5}, NULL);
    nn_tensor *kernel = nn_tensor_new(NN_F32, 4, (int64_t[]){4, 2, 3, 3}, NULL);
    nn_window w = {
        .size = sizeof w, .kernel = {9, 9}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
    refused(nn_tensor_matmul(a, b, false, false),
            "matmul: [32, 784] x [500, 784]: inner dimensions 784 and 500 differ");
    refused(nn_tensor_add(a, z), "add: shapes [32, 784] and [2, 3] do not fit");
    refused(nn_tensor_add(z, classes), "operand 1, [2], holds integers");
    refused(nn_tensor_linear(z, b, NULL), "linear: [2, 3] x [500, 784] transposed");
    refused(nn_tensor_reshape(z, 1, (int64_t[]){7}), "the 6 elements of [2, 3] do not fill [7]");
    refused(nn_tensor_reshape(z, 9, NULL), "0 to 8 dimensions, not 9");
    refused(nn_tensor_expand(z, 2, (int64_t[]){4, 3}), "[2, 3] cannot become [4, 3]");
    refused(nn_tensor_permute(z, (int[]){0, 0}), "each axis of [2, 3] is to be named once");
    refused(nn_tensor_sum(z, 1, (int[]){2}, false), "[2, 3] has no axis 2");
    refused(nn_tensor_sum(z, 2, (int[]){1, -1}, false), "axis -1 is named twice");
    refused(nn_tensor_slice(z, (int64_t[]){0, 1}, (int64_t[]){1, 1}, (int64_t[]){2, 3}),
            "3 elements from 1 on by 1 are not all within axis 1 of [2, 3]");
    refused(nn_tensor_concat(2, (nn_tensor *[]){z, a}, 0), "[32, 784] does not fit to [2, 3]");
    refused(nn_tensor_gather(z, classes), "index 1 is 3, and [2, 3] has rows 0 to 1");
    refused(nn_tensor_cross_entropy(z, classes), "row 1 has class 3; there are 0 to 2");
    refused(nn_tensor_cross_entropy(z, z), "[2, 3] are floats where indices are wanted");
    refused(nn_tensor_conv2d(image, kernel, NULL, &w), "do not fit for 1 groups");
    refused(nn_tensor_max_pool2d(image, &w), "a window of 9 rows does not fit into [1, 3, 5, 5]");
    refused(nn_tensor_conv_transpose2d(image, kernel, NULL, &w), "conv_transpose2d: [1, 3, 5, 5]");
    w.output_padding[0] = 1;
    refused(nn_tensor_max_pool2d(image, &w), "output_padding of 1; it is for conv_transpose2d");
    nn_tensor *turned = nn_tensor_permute(image, (int[]){1, 0, 2, 3});
    refused(nn_tensor_conv_transpose2d(image, turned, NULL, &w), "from 0 to 0, below the stride");
    w.output_padding[0] = 0;
    w.padding[0] = 9;
    refused(nn_tensor_conv_transpose2d(image, turned, NULL, &w), "padding 9 leaves no rows");
    w.padding[0] = INT64_MAX;
    refused(nn_tensor_max_pool2d(image, &w), "a padding of 9223372036854775807; it is from 0 to");
    w = (nn_window){
        .size = sizeof w, .stride = {1, 1}, .dilation = {1, (int64_t)1 << 60}, .groups = 1};
    refused(nn_tensor_conv2d(image, image, NULL, &w), "conv2d: a dilation of 1152921504606846976");
    w.size = 0;
    refused(nn_tensor_conv2d(image, image, NULL, &w), "the size in nn_window is 0");
    refused(nn_tensor_avg_pool2d(image, NULL), "avg_pool2d: the window is NULL");
    refused(nn_tensor_new(NN_F32, 2, (int64_t[]){0, INT64_MAX}, NULL), "there is no tensor of");
    refused(nn_tensor_layer_norm(z, 1, a, NULL, 0), "layer_norm: weights [32, 784] of the last 1");
    refused(nn_tensor_mse(z, a), "differ in shape");
    refused(nn_tensor_dropout(z, 1, 0, 0), "the rate is in [0, 1), not 1");
    refused(nn_tensor_new(NN_F32, 1, (int64_t[]){-2}, NULL), "there is no tensor of shape [-2]");
    refused(nn_tensor_new((nn_dtype)77, 0, NULL, NULL), "there is no type 77");
    CHECK_EQ_INT(nn_tensor_require_grad(classes, true), NN_EUSAGE);
    CHECK_EQ_INT(nn_tensor_backward(z, NULL, 0), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "requires gradients");
    CHECK_EQ_INT(nn_tensor_require_grad(z, true), 0);
    CHECK_EQ_INT(nn_tensor_backward(z, NULL, 0), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "a single number, and this is [2, 3]");
    CHECK_EQ_INT(nn_tensor_set_gradient(z, a), NN_EUSAGE);
    CHECK_EQ_INT(nn_tensor_initialize(z, "he_unifrom", 1, "z"), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "he_uniform");
}

static void test_optimizer(void) {
    nn_optimizer *o = NULL;
    nn_tensor *w = zeros(2, 2);
    CHECK_EQ_INT(nn_optimizer_new(NULL, "adam: {lr: -1}", 1, &w, &o), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_new(NULL, "adm", 1, &w, &o), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_new(NULL, "sgd", 2, (nn_tensor *[]){w, w}, &o), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "parameters 0 and 1 are the same tensor");
    CHECK(o == NULL);
    CHECK_EQ_INT(nn_optimizer_new(NULL, "sgd: {lr: 0.5}", 1, &w, &o), 0);
    CHECK_EQ_INT(nn_optimizer_step(o, 1), 0); /* without a gradient nothing happens */
    CHECK_EQ_INT(nn_tensor_require_grad(w, true), 0);
    CHECK_EQ_INT(nn_tensor_backward(nn_tensor_sum(w, 0, NULL, false), NULL, 0), 0);
    CHECK_EQ_INT(nn_optimizer_set_rate(o, -1), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_set_rate(o, 0), 0);
    CHECK_EQ_INT(nn_optimizer_step(o, NAN), NN_EUSAGE);
    CHECK_EQ_INT(nn_optimizer_step(o, 0), 0); /* of no rows: no step */
    CHECK_EQ_INT(nn_optimizer_set_rate(o, 0.25), 0);
    CHECK_EQ_INT(nn_optimizer_step(o, 1), 0);
    CHECK_NEAR(values(w)[3], -0.25, 0);
    CHECK_EQ_INT(nn_optimizer_steps(o), 2);
    nn_optimizer_zero_gradients(o);
    CHECK(nn_tensor_gradient(w) == NULL);
    nn_optimizer_free(o);

    /* A parameter whose first gradient comes late takes Adam's first step, of the learning rate. */
    nn_tensor *late = zeros(1, 1), *g = nn_tensor_new(NN_F32, 2, (int64_t[]){1, 1}, (float[]){3});
    nn_tensor *early = zeros(1, 1);
    nn_tensor *both[] = {early, late};
    CHECK_EQ_INT(nn_optimizer_new(NULL, "adam: {lr: 0.5}", 2, both, &o), 0);
    CHECK_EQ_INT(nn_tensor_set_gradient(early, g), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(nn_optimizer_step(o, 1), 0);
    CHECK_EQ_INT(nn_tensor_set_gradient(late, g), 0);
    CHECK_EQ_INT(nn_optimizer_step(o, 1), 0);
    CHECK_NEAR(values(late)[0], -0.5, 1e-6);
    nn_optimizer_free(o);
}

int main(void) {
    nn_tensor_scope scope;
    test_types();
    test_nan();
    test_threads();
    test_backward();
    test_changed_results();
    test_own_gradients();
    test_long_chain();
    nn_tensor_scope_open(&scope);
    test_shapes();
    test_optimizer();
    nn_tensor_scope_close(&scope);
    CHECK_EQ_INT(nn_tensor_live(), 0);
    nn_tensor_trim();
    return check_done();
}
