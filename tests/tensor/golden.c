/* double: yes */
/* Operations, their derivatives and second derivatives, beside those of PyTorch. */
#include "check.h"
#include "golden/tensor.h"
#include "tensor/tensor.h"

typedef nn_tensor *expression(nn_tensor *x, nn_tensor *w);

static nn_tensor *classes(void) {
    return nn_tensor_new(NN_I64, 1, (int64_t[]){6}, (int64_t[]){2, 0, -1, 4, 1, 1});
}

static const nn_window conv = {.size = sizeof(nn_window),
                               .stride = {2, 1},
                               .padding = {1, 2},
                               .dilation = {1, 2},
                               .groups = 2};
static const nn_window pool = {.size = sizeof(nn_window),
                               .kernel = {2, 3},
                               .stride = {2, 1},
                               .padding = {1, 1},
                               .dilation = {1, 1}};

#define F(name, value)                                                                             \
    static nn_tensor *f_##name(nn_tensor *x, nn_tensor *w) {                                       \
        (void)w;                                                                                   \
        return value;                                                                              \
    }
F(conv2d, nn_tensor_conv2d(nn_tensor_tanh(x), w, NULL, &conv))
F(max_pool2d, nn_tensor_max_pool2d(nn_tensor_power(x, 2), &pool))
F(avg_pool2d, nn_tensor_avg_pool2d(nn_tensor_power(x, 2), &pool))
F(cross_entropy, nn_tensor_cross_entropy(x, classes()))
F(log_softmax, nn_tensor_log_softmax(x, 1))
F(gelu, nn_tensor_gelu(x))
F(softplus, nn_tensor_softplus(x))
F(layer_norm, nn_tensor_layer_norm(x, 2, w, NULL, 1e-5))
F(batch_norm, nn_tensor_batch_norm(x, w, NULL, NULL, NULL, true, 0.1, 1e-5))
F(matmul, nn_tensor_matmul(nn_tensor_tanh(x), w, false, true))

static const struct {
    const char *name;
    expression *f;
} expressions[] = {{"conv2d", f_conv2d},           {"max_pool2d", f_max_pool2d},
                   {"avg_pool2d", f_avg_pool2d},   {"cross_entropy", f_cross_entropy},
                   {"log_softmax", f_log_softmax}, {"gelu", f_gelu},
                   {"softplus", f_softplus},       {"layer_norm", f_layer_norm},
                   {"batch_norm", f_batch_norm},   {"matmul", f_matmul}};

static nn_tensor *wave(double scale, double start, double step, int rank, const int64_t *dim) {
    nn_tensor *t = nn_tensor_filled(rank, dim, 0);
    for (size_t i = 0; i < t->count; i++)
        nn_reals(t)[i] = scale * sin(start + step * (double)i);
    return t;
}

/* Numbers that the script kept. */
static void compare(const char *name, const char *what, const nn_tensor *t, const double *kept) {
    size_t step = t ? (t->count + GOLDEN_KEPT - 1) / GOLDEN_KEPT : 1;
    for (size_t i = 0; t && i * step < t->count; i++)
        if (!CHECK_NEAR(nn_reals(t)[i * step], kept[i], 1e-9 * (1 + fabs(kept[i]))))
            fprintf(stderr, "  %s of %s, number %zu of those kept\n", what, name, i);
}

static void try_golden(const struct golden_tensor *g, expression *f) {
    nn_tensor_scope scope;
    nn_tensor *dx[2] = {NULL}, *second = NULL;
    nn_tensor_scope_open(&scope);
    nn_tensor *in[2] = {wave(1.5, 0.5, 0.91, (int)g->x_rank, g->x),
                        wave(0.7, 1.0, 0.73, (int)g->w_rank, g->w)};
    for (int i = 0; i < 2; i++)
        CHECK_EQ_INT(nn_tensor_require_grad(in[i], true), 0);
    nn_tensor *y = f(in[0], in[1]);
    if (!CHECK(y))
        fprintf(stderr, "  %s: %s\n", g->name, nn_error_message());
    compare(g->name, "y", y, g->y);
    nn_tensor *loss =
        nn_tensor_sum(nn_tensor_multiply(y, wave(0.5, 2.0, 1.3, y->rank, y->dim)), 0, NULL, false);
    CHECK_EQ_INT(nn_tensor_grad(1, &loss, NULL, 2, in, NN_GRAD_CREATE, dx), 0);
    compare(g->name, "dx", dx[0], g->dx);
    compare(g->name, "dw", dx[1], g->dw);
    nn_tensor *square = nn_tensor_sum(nn_tensor_multiply(dx[0], dx[0]), 0, NULL, false);
    CHECK_EQ_INT(nn_tensor_grad(1, &square, NULL, 1, in, 0, &second), 0);
    compare(g->name, "second derivative", second, g->second);
    nn_tensor_release(second);
    nn_tensor_release(dx[0]);
    nn_tensor_release(dx[1]);
    nn_tensor_scope_close(&scope);
}

int main(void) {
    size_t n = sizeof golden_tensor / sizeof *golden_tensor;
    CHECK_EQ_INT(n, sizeof expressions / sizeof *expressions);
    for (size_t i = 0; i < n; i++)
        if (CHECK_STR(golden_tensor[i].name, expressions[i].name))
            try_golden(&golden_tensor[i], expressions[i].f);
    CHECK_EQ_INT(nn_tensor_live(), 0);
    return check_done();
}
