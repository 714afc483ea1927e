/* ranks: 1 2 3 4 */
/* Layers whose numbers depend on the whole minibatch or on chance give on any number of ranks, with
 * uneven and with empty shards, what one rank gives that has all rows: outputs, gradients and
 * running statistics in the first step, the same losses and parameters after a hundred. */
#include "base/numbers/rng.h"
#include "comm/comm.h"
#include "small_model.h"

#define ROWS 11
#define OUTPUTS 3
#define STEPS 100

struct row_case {
    const char *layers;
    nn_shape input;
};

/* clang-format off */
static const struct row_case cases[] = {
    {"[dense: {units: 6}, batch_norm, relu, dense: {units: 3}]", {.rank = 1, .dim = {5}}},
    {"[batch_norm, dense: {units: 4, bias: false}, batch_norm: {affine: false, momentum: 0.3}, tanh, flatten, dense: {units: 3}]",
     {.rank = 3, .dim = {3, 2, 2}}},
    {"[dense: {units: 8, activation: relu}, dropout: {rate: 0.3}, dense: {units: 3}]", {.rank = 1, .dim = {5}}},
    {"[dropconnect: {units: 8, rate: 0.3, activation: relu}, layer_norm, dropconnect: {units: 3}]", {.rank = 1, .dim = {5}}},
    {"[dropconnect: {units: 8, rate: 0.3, mask: step, activation: relu}, layer_norm, dropconnect: {units: 3, mask: step}]", {.rank = 1, .dim = {5}}},
};
/* clang-format on */

static const nn_loss_spec spec = {.outputs = OUTPUTS, .batch = ROWS, .target_width = OUTPUTS};

/* Rows of the minibatch that a rank has. */
struct share {
    size_t begin, end;
};

/* Even as far as it goes, or everything but the first row on the last rank. */
static struct share share_of(const nn_comm *comm, bool even) {
    size_t rank = (size_t)nn_comm_rank(comm), size = (size_t)nn_comm_size(comm);
    if (even)
        return (struct share){ROWS * rank / size, ROWS * (rank + 1) / size};
    return (struct share){rank > 0, rank == 0 && size > 1 ? 1 : rank + 1 == size ? ROWS : rank > 0};
}

struct run {
    struct small_model s;
    struct share share;
    nn_comm *comm; /* NULL: has all rows */
    size_t size, width;
    double loss;
    nn_real y[ROWS * OUTPUTS];
};

static nn_real x[ROWS * 64], target[ROWS * OUTPUTS];
static int64_t sample[ROWS];

static void fill(nn_real *to, size_t n, uint64_t stream) {
    nn_rng rng = nn_rng_stream(11, NN_RNG_TEST, stream, 0);
    nn_rng_normal(&rng, 0, n, to);
}

static void sum_ranks(void *ctx, size_t n, double *values) {
    CHECK_EQ_INT(nn_comm_sum(ctx, values, n), 0);
}

static bool start(struct run *r, const struct row_case *c, nn_comm *comm, struct share share) {
    *r = (struct run){.comm = comm, .share = share, .width = nn_shape_count(&c->input)};
    if (!small_model_new(&r->s, c->layers, c->input, "squared", &spec))
        return false;
    r->size = nn_model_size(r->s.model);
    return true;
}

static void add_up(struct run *r) {
    double *sums;
    if (!r->comm || NN_NEW(&sums, r->size + 1, "sums") < 0)
        return;
    for (size_t i = 0; i < r->size; i++)
        sums[i] = (double)r->s.grads[i];
    sums[r->size] = r->loss;
    CHECK_EQ_INT(nn_comm_sum(r->comm, sums, r->size + 1), 0);
    for (size_t i = 0; i < r->size; i++)
        r->s.grads[i] = (nn_real)sums[i];
    r->loss = sums[r->size];
    nn_free(sums);
}

static void compute(struct run *r, uint64_t step) {
    size_t at = r->share.begin;
    nn_pass pass = {.batch = r->share.end - at,
                    .training = true,
                    .seed = 4,
                    .step = step,
                    .sample = sample + at,
                    .sum = r->comm ? sum_ranks : NULL,
                    .sum_ctx = r->comm};
    nn_target rows = {.value = target + at * OUTPUTS, .width = OUTPUTS};
    nn_loss_sum sum = {0};
    const nn_real *y = nn_model_forward(r->s.model, &pass, x + at * r->width);
    memcpy(r->y, y, pass.batch * OUTPUTS * sizeof *y);
    nn_loss_eval(r->s.loss, pass.batch, y, &rows, &sum, nn_model_output_grad(r->s.model));
    nn_model_backward(r->s.model, &pass, NULL, NULL);
    r->loss = sum.loss;
    add_up(r);
}

static void update(struct run *r) {
    const nn_param *const *param;
    size_t params = nn_model_params(r->s.model, &param);
    for (size_t p = 0; p < params; p++)
        for (size_t i = param[p]->offset; i < param[p]->offset + param[p]->count; i++) {
            nn_real *w = &r->s.params[i], g = r->s.grads[i];
            if (param[p]->role == NN_PARAM_STATE)
                *w += param[p]->rate * (g - *w);
            else
                *w -= (nn_real)0.02 * g / ROWS;
        }
}

/* Equal to `tolerance` times the largest number of b, or 1: some gradients are 0 but for rounding.
 */
static bool alike(size_t n, const nn_real *a, const nn_real *b, double tolerance) {
    double size = 1, off = 0;
    for (size_t i = 0; i < n; i++) {
        size = fmax(size, fabs((double)b[i]));
        off = fmax(off, fabs((double)a[i] - (double)b[i]));
    }
    return CHECK_NEAR(off, 0, tolerance * size);
}

static void compare_tensors(const struct run *a, const nn_real *of_a, const nn_real *of_b,
                            double tolerance) {
    const nn_param *const *param;
    size_t params = nn_model_params(a->s.model, &param);
    for (size_t p = 0; p < params; p++)
        if (!alike(param[p]->count, of_a + param[p]->offset, of_b + param[p]->offset, tolerance))
            fprintf(stderr, "  %s/%s\n", param[p]->layer->name, param[p]->name);
}

static void check_case(const struct row_case *c, nn_comm *comm, bool even) {
    struct run one, many;
    if (!start(&one, c, NULL, (struct share){0, ROWS}) ||
        !start(&many, c, comm, share_of(comm, even)))
        return;
    for (uint64_t step = 0; step < STEPS; step++) {
        compute(&one, step);
        compute(&many, step);
        if (step == 0) {
            size_t at = many.share.begin * OUTPUTS, n = many.share.end * OUTPUTS - at;
            alike(n, many.y, one.y + at, 1e-6);
            compare_tensors(&many, many.s.grads, one.s.grads, 1e-6);
        }
        CHECK_NEAR(many.loss, one.loss, 1e-5 * one.loss);
        update(&one);
        update(&many);
    }
    compare_tensors(&many, many.s.params, one.s.params, 1e-5);
    if (check_failures)
        fprintf(stderr, "  %s, rank %d of %d\n", c->layers, nn_comm_rank(comm), nn_comm_size(comm));
    small_model_release(&one.s);
    small_model_release(&many.s);
}

int main(void) {
    nn_comm *comm;
    if (!CHECK_EQ_INT(nn_comm_init(&comm), 0))
        return check_done();
    fill(x, sizeof x / sizeof *x, 0);
    fill(target, sizeof target / sizeof *target, 1);
    for (int64_t i = 0; i < ROWS; i++)
        sample[i] = 100 + 7 * i;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i], comm, true);
        check_case(&cases[i], comm, false);
    }
    nn_comm_free(comm);
    return check_done();
}
