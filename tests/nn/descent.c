/* double: yes */
/* Full-batch descent on a quadratic never raises the loss while lr < 2 / L, L the largest
 * curvature, and does beyond it. The gradient of a random minibatch is an unbiased
 * estimate of the full one, and its variance falls as 1 / B. */
#include "base/numbers/rng.h"
#include "small_model.h"

#define SAMPLES 64
#define INPUTS 3

static nn_real x[SAMPLES][INPUTS], y[SAMPLES];
static const nn_shape shape = {.rank = 1, .dim = {INPUTS}};
static const nn_loss_spec spec = {.outputs = 1, .batch = SAMPLES, .target_width = 1};

static void make_data(void) {
    nn_rng rng = nn_rng_stream(5, NN_RNG_TEST, 0, 0);
    nn_rng_normal(&rng, 0, (size_t)SAMPLES * INPUTS, &x[0][0]);
    rng = nn_rng_stream(5, NN_RNG_TEST, 1, 0);
    nn_rng_normal(&rng, 0, SAMPLES, y);
    for (int i = 0; i < SAMPLES; i++)
        y[i] += 2 * x[i][0] - x[i][1] + 0.5;
}

/* The largest eigenvalue of X^T X / m, X with a column of ones for the bias, by power iteration. */
static double largest_curvature(void) {
    double v[INPUTS + 1] = {1, 1, 1, 1}, norm = 0;
    for (int round = 0; round < 1000; round++) {
        double next[INPUTS + 1] = {0};
        for (int i = 0; i < SAMPLES; i++) {
            double dot = v[INPUTS];
            for (int j = 0; j < INPUTS; j++)
                dot += v[j] * x[i][j];
            for (int j = 0; j < INPUTS; j++)
                next[j] += dot * x[i][j] / SAMPLES;
            next[INPUTS] += dot / SAMPLES;
        }
        norm = 0;
        for (int j = 0; j <= INPUTS; j++)
            norm += next[j] * next[j];
        norm = sqrt(norm);
        for (int j = 0; j <= INPUTS; j++)
            v[j] = next[j] / norm;
    }
    return norm;
}

static int rises(struct small_model *s, double rate) {
    const nn_target target = {.value = y, .width = 1};
    double last = INFINITY;
    int count = 0;
    nn_model_init(s->model, 1, s->params);
    for (int step = 0; step < 100; step++) {
        double loss = small_model_gradient(s, SAMPLES, &x[0][0], &target) / SAMPLES;
        count += loss > last * (1 + 1e-12);
        last = loss;
        for (size_t i = 0; i < nn_model_size(s->model); i++)
            s->params[i] -= rate * s->grads[i] / SAMPLES;
    }
    return count;
}

static void test_descent(struct small_model *s) {
    double limit = 2 / largest_curvature();
    CHECK_EQ_INT(rises(s, 0.5 * limit), 0);
    CHECK_EQ_INT(rises(s, 0.999 * limit), 0);
    CHECK(rises(s, 1.05 * limit) > 0);
}

/* Mean and variance, over all minibatches of 16 * 64 / batch epochs, of the first weight's mean
 * gradient. */
static void minibatch_moments(struct small_model *s, size_t batch, double *mean, double *variance) {
    double sum = 0, squares = 0;
    size_t count = 0;
    for (uint64_t epoch = 0; epoch < 256; epoch++) {
        nn_permutation order = nn_permutation_of(3, epoch, SAMPLES);
        for (size_t first = 0; first + batch <= SAMPLES; first += batch, count++) {
            nn_real bx[SAMPLES][INPUTS], by[SAMPLES];
            for (size_t i = 0; i < batch; i++) {
                size_t at = nn_permutation_at(&order, first + i);
                memcpy(bx[i], x[at], sizeof bx[i]);
                by[i] = y[at];
            }
            small_model_gradient(s, batch, &bx[0][0], &(nn_target){.value = by, .width = 1});
            double g = s->grads[0] / (double)batch;
            sum += g;
            squares += g * g;
        }
    }
    *mean = sum / (double)count;
    *variance = squares / (double)count - *mean * *mean;
}

static void test_minibatches(struct small_model *s) {
    static const size_t batches[] = {1, 2, 4, 8};
    double mean, variance, single = 0;
    nn_model_init(s->model, 1, s->params);
    small_model_gradient(s, SAMPLES, &x[0][0], &(nn_target){.value = y, .width = 1});
    double full = s->grads[0] / SAMPLES;
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        double b = (double)batches[i];
        minibatch_moments(s, batches[i], &mean, &variance);
        /* whole epochs: each sample counts equally often, so the mean is exact */
        CHECK_NEAR(mean, full, 1e-12 * (1 + fabs(full)));
        if (i == 0)
            single = variance;
        /* drawn without replacement: 1 / B times the correction for a finite set */
        double want = single / b * (SAMPLES - b) / (SAMPLES - 1);
        CHECK_NEAR(variance, want, 0.1 * want);
    }
}

int main(void) {
    struct small_model s;
    make_data();
    if (small_model_new(&s, "[dense: {units: 1}]", shape, "squared", &spec)) {
        test_descent(&s);
        test_minibatches(&s);
        small_model_release(&s);
    }
    return check_done();
}
