/* Batch normalisation where it is delicate: a mean far from 0, one sample, extremes; evaluation by
 * the running statistics; any number of threads; a minibatch in micro. */
#include "base/numbers/rng.h"
#include "math/parallel.h"
#include "small_model.h"

#define ROWS 4096
#define CHANNELS 6

static const nn_loss_spec spec = {.outputs = CHANNELS, .batch = ROWS, .target_width = CHANNELS};
static nn_real x[ROWS * CHANNELS], dy[ROWS * CHANNELS], first[ROWS * CHANNELS];

enum { WEIGHT, BIAS, MEAN, VAR };

static nn_real *gradient(struct small_model *s, size_t index) {
    return s->grads + (small_model_param(s, index) - s->params);
}

static const nn_real *run(struct small_model *s, const nn_pass *pass) {
    const nn_real *y = nn_model_forward(s->model, pass, x);
    if (pass->training) {
        memcpy(nn_model_output_grad(s->model), dy, pass->batch * CHANNELS * sizeof *dy);
        nn_model_backward(s->model, pass, NULL, NULL);
    }
    return y;
}

/* x = mean + noise: normalised as well as x itself is known. */
static void check_shift(struct small_model *s, double mean) {
    nn_rng rng = nn_rng_stream(1, NN_RNG_TEST, 0, 0);
    nn_rng_normal(&rng, 0, ROWS * CHANNELS, x);
    for (size_t i = 0; i < ROWS * CHANNELS; i++)
        x[i] += (nn_real)mean;
    const nn_real *y = run(s, &(nn_pass){.batch = ROWS, .training = true});
    for (size_t c = 0; c < CHANNELS; c++) {
        double sum = 0, square = 0;
        for (size_t i = c; i < ROWS * CHANNELS; i += CHANNELS)
            sum += (double)x[i];
        sum /= ROWS;
        for (size_t i = c; i < ROWS * CHANNELS; i += CHANNELS)
            square += ((double)x[i] - sum) * ((double)x[i] - sum);
        CHECK_NEAR(gradient(s, MEAN)[c], sum, 1e-7 * fabs(sum) + 1e-8);
        CHECK_NEAR(gradient(s, VAR)[c], square / (ROWS - 1), 1e-6);
        for (size_t i = c; i < ROWS * CHANNELS; i += CHANNELS * 101)
            CHECK_NEAR(y[i], ((double)x[i] - sum) / sqrt(square / ROWS + 1e-5), 2e-6);
    }
}

/* The one value of a channel is its mean; its variance is not known and the running one stays. */
static void check_one_sample(struct small_model *s) {
    small_model_param(s, VAR)[2] = (nn_real)1.75;
    const nn_real *y = run(s, &(nn_pass){.batch = 1, .training = true});
    for (size_t c = 0; c < CHANNELS; c++) {
        CHECK_NEAR(y[c], 0, 1e-6);
        CHECK_NEAR(gradient(s, MEAN)[c], x[c], 1e-6 * fabs((double)x[c]));
    }
    CHECK_NEAR(gradient(s, VAR)[2], 1.75, 1e-6);
}

static void check_empty(struct small_model *s) {
    memset(s->grads, 0, nn_model_size(s->model) * sizeof *s->grads);
    run(s, &(nn_pass){.batch = 0, .training = true});
    for (size_t i = 0; i < nn_model_size(s->model); i++)
        CHECK_NEAR(s->grads[i], 0, 0);
}

static void check_extremes(struct small_model *s) {
    for (size_t i = 0; i < ROWS * CHANNELS; i++)
        x[i] = (nn_real)(i % CHANNELS == 0 ? 1e4 : i / CHANNELS % 2 ? 1e4 : -1e4);
    const nn_real *y = run(s, &(nn_pass){.batch = ROWS, .training = true});
    CHECK_NEAR(y[0], 0, 1e-6); /* all values are the same */
    CHECK_NEAR(y[1], -1, 1e-6);
    for (size_t i = 0; i < nn_model_size(s->model); i++)
        CHECK(isfinite(s->grads[i]));
}

static void check_evaluation(struct small_model *s) {
    small_model_param(s, WEIGHT)[1] = 3;
    small_model_param(s, BIAS)[1] = -2;
    small_model_param(s, MEAN)[1] = (nn_real)0.5;
    small_model_param(s, VAR)[1] = 4;
    x[1] = 5;
    CHECK_NEAR(run(s, &(nn_pass){.batch = 1})[1], 3 * (5 - 0.5) / sqrt(4 + 1e-5) - 2, 1e-6);
}

/* The same bits with any number of threads. */
static void check_threads(struct small_model *s) {
    nn_pass pass = {.batch = ROWS, .training = true};
    nn_real weight[CHANNELS];
    nn_rng rng = nn_rng_stream(1, NN_RNG_TEST, 2, 0);
    nn_rng_normal(&rng, 0, ROWS * CHANNELS, x);
    memcpy(first, run(s, &pass), sizeof first);
    memcpy(weight, gradient(s, WEIGHT), sizeof weight);
    for (int threads = 2; threads < 6; threads++) {
        small_model_compute.threads = threads;
        CHECK(memcmp(first, run(s, &pass), sizeof first) == 0);
        CHECK(memcmp(weight, gradient(s, WEIGHT), sizeof weight) == 0);
    }
    small_model_compute.threads = 1;
}

#define MICROBATCHES 3

/* The rows of values are what the microbatches add. */
static void add_microbatches(void *ctx, size_t n, double *values) {
    (void)ctx;
    for (size_t part = 1; part < MICROBATCHES; part++)
        for (size_t i = 0; i < n; i++)
            values[i] += values[part * n + i];
}

/* Cut into microbatches, an empty one among them: the same numbers, gradients on the leading rank.
 */
static void check_microbatches(struct small_model *s) {
    static const size_t row[MICROBATCHES + 1] = {0, 17, 17, ROWS};
    static const nn_span all = {0, MICROBATCHES};
    nn_shard_microbatches micro = {
        .count = MICROBATCHES, .row = row, .sums = 1, .sum = &all, .lead = true};
    nn_pass pass = {.batch = ROWS, .training = true};
    nn_real whole[4 * CHANNELS];
    memcpy(first, run(s, &pass), sizeof first);
    for (size_t p = 0; p < 4; p++)
        memcpy(whole + p * CHANNELS, gradient(s, p), CHANNELS * sizeof *whole);
    nn_model_set_microbatches(s->model, MICROBATCHES, ROWS, nn_model_size(s->model));
    CHECK_EQ_INT(nn_model_bind(s->model, s->params, s->grads, ROWS), 0);
    pass.micro = &micro;
    pass.sum = add_microbatches;
    const nn_real *y = run(s, &pass);
    for (size_t i = 0; i < ROWS * CHANNELS; i++)
        CHECK_NEAR(y[i], first[i], 1e-5);
    for (size_t i = 0; i < 4 * CHANNELS; i++) {
        double want = (double)whole[i];
        CHECK_NEAR(gradient(s, i / CHANNELS)[i % CHANNELS], want, 1e-5 * (1 + fabs(want)));
    }
    micro.lead = false;
    run(s, &pass);
    for (size_t i = 0; i < 4 * CHANNELS; i++)
        CHECK_NEAR(gradient(s, i / CHANNELS)[i % CHANNELS], 0, 0);
}

/* A frozen layer is PyTorch's in evaluation, in training too: it normalises by the running
 * statistics, which stay, and the gradient goes through them as through constants. Weight and bias
 * get none. */
static void check_frozen(bool divided) {
    static const size_t row[3] = {0, 1, 3};
    static const nn_span all = {0, 2};
    nn_shard_microbatches cut = {.count = 2, .row = row, .sums = 1, .sum = &all, .lead = true};
    nn_pass pass = {.batch = 3, .training = true, .micro = divided ? &cut : NULL};
    struct small_model s;
    if (!small_model_new(&s, "[prelu: {gamma: 1}, batch_norm: {frozen: true}]",
                         (nn_shape){.rank = 1, .dim = {CHANNELS}}, "squared", &spec))
        return;
    if (divided)
        nn_model_set_microbatches(s.model, 2, 2, nn_model_size(s.model));
    CHECK_EQ_INT(nn_model_bind(s.model, s.params, s.grads, ROWS), 0);
    nn_real *weight = small_model_param(&s, 1), *bias = small_model_param(&s, 2);
    nn_real *mean = small_model_param(&s, 3), *var = small_model_param(&s, 4);
    for (size_t c = 0; c < CHANNELS; c++) {
        weight[c] = (nn_real)(1 + c);
        bias[c] = (nn_real)0.25;
        mean[c] = (nn_real)c - 2;
        var[c] = (nn_real)(0.5 + (double)c);
    }
    for (size_t i = 0; i < 3 * CHANNELS; i++)
        x[i] = (nn_real)(i % 4) - 5; /* negative, so that prelu has a gradient */
    memcpy(first, nn_model_forward(s.model, &pass, x), 3 * CHANNELS * sizeof *first);
    run(&s, &pass);
    for (size_t c = 0; c < CHANNELS; c++) {
        double inv_std = 1 / sqrt((double)var[c] + 1e-5), slope = 0;
        for (size_t i = c; i < 3 * CHANNELS; i += CHANNELS) {
            double z = ((double)x[i] - (double)mean[c]) * inv_std;
            CHECK_NEAR(first[i], (double)weight[c] * z + 0.25, 1e-5);
            slope += (double)dy[i] * (double)weight[c] * inv_std * (double)x[i];
        }
        CHECK_NEAR(gradient(&s, 0)[c], slope, 1e-4 * (1 + fabs(slope)));
        CHECK_NEAR(gradient(&s, 1)[c], 0, 0);
        CHECK_NEAR(gradient(&s, 2)[c], 0, 0);
    }
    small_model_release(&s);
}

int main(void) {
    struct small_model s;
    nn_rng rng = nn_rng_stream(1, NN_RNG_TEST, 1, 0);
    nn_rng_normal(&rng, 0, ROWS * CHANNELS, dy);
    if (!small_model_new(&s, "[batch_norm]", (nn_shape){.rank = 1, .dim = {CHANNELS}}, "squared",
                         &spec))
        return check_done();
    check_shift(&s, 0);
    check_shift(&s, 1e4);
    check_one_sample(&s);
    check_empty(&s);
    check_extremes(&s);
    check_evaluation(&s);
    check_threads(&s);
    check_microbatches(&s);
    small_model_release(&s);
    check_frozen(false);
    check_frozen(true);
    return check_done();
}
