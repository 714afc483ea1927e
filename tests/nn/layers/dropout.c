/* Dropout in evaluation equals the training-time expectation, wherever it scales. And what is
 * dropped depends on the sample and the step, not on the place in a minibatch. */
#include "small_model.h"

#define WIDTH 40
#define BATCH 4
#define STEPS 20000
#define RATE 0.3

static const nn_loss_spec spec = {.outputs = WIDTH, .batch = BATCH, .target_width = WIDTH};
static nn_real x[BATCH][WIDTH];

static const nn_real *run(struct small_model *s, bool training, uint64_t step, size_t batch,
                          const int64_t *sample) {
    nn_pass pass = {
        .batch = batch, .training = training, .seed = 1, .step = step, .sample = sample};
    return nn_model_forward(s->model, &pass, &x[0][0]);
}

/* Evaluation multiplies by `scale`, and training those that are kept by scale / (1 - rate). */
static void test_expectation(struct small_model *s, double scale) {
    static const int64_t sample[BATCH] = {5, 6, 7, 8};
    double sum[BATCH * WIDTH] = {0};
    double dropped = 0;
    for (uint64_t step = 0; step < STEPS; step++) {
        const nn_real *y = run(s, true, step, BATCH, sample);
        for (size_t i = 0; i < BATCH * WIDTH; i++) {
            sum[i] += (double)y[i];
            dropped += y[i] == 0;
            CHECK(y[i] == 0 || fabs((double)(y[i] / (&x[0][0])[i]) - scale / (1 - RATE)) < 1e-6);
        }
    }
    CHECK_NEAR(dropped / ((double)STEPS * BATCH * WIDTH), RATE, 1e-3);
    const nn_real *y = run(s, false, 0, BATCH, sample);
    for (size_t i = 0; i < BATCH * WIDTH; i++) {
        CHECK_NEAR(y[i], scale * (double)(&x[0][0])[i], scale < 1 ? 1e-6 : 0);
        CHECK_NEAR(sum[i] / STEPS, y[i], 0.03 * (double)y[i]);
    }
}

/* A sample alone keeps what it keeps among others; another step or sample keeps something else. */
static void test_place(struct small_model *s) {
    nn_real among[BATCH][WIDTH], alone[WIDTH];
    for (size_t r = 1; r < BATCH; r++)
        memcpy(x[r], x[0], sizeof x[0]);
    memcpy(among, run(s, true, 9, BATCH, (const int64_t[]){50, 60, 70, 80}), sizeof among);
    memcpy(alone, run(s, true, 9, 1, (const int64_t[]){70}), sizeof alone);
    CHECK(memcmp(among[2], alone, sizeof alone) == 0);
    CHECK(memcmp(among[1], alone, sizeof alone) != 0);
    memcpy(alone, run(s, true, 10, 1, (const int64_t[]){70}), sizeof alone);
    CHECK(memcmp(among[2], alone, sizeof alone) != 0);
}

int main(void) {
    struct small_model s;
    for (size_t i = 0; i < BATCH * WIDTH; i++)
        (&x[0][0])[i] = (nn_real)(1 + 0.01 * (double)i);
    if (small_model_new(&s, "[dropout: {rate: 0.3}]", (nn_shape){.rank = 1, .dim = {WIDTH}},
                        "squared", &spec)) {
        test_expectation(&s, 1);
        test_place(&s);
        small_model_release(&s);
    }
    if (small_model_new(&s, "[dropout: {rate: 0.3, scale: evaluation}]",
                        (nn_shape){.rank = 1, .dim = {WIDTH}}, "squared", &spec)) {
        test_expectation(&s, 1 - RATE);
        small_model_release(&s);
    }
    return check_done();
}
