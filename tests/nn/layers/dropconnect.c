/* Dropconnect in evaluation equals the training-time expectation. Each sample has weights of its
 * own dropped, or all samples of a step the same ones; another step others. */
#include "one_layer.h"

#define INPUTS 40
#define UNITS 25
#define STEPS 5000
#define RATE 0.3

static const nn_loss_spec spec = {.outputs = UNITS, .batch = INPUTS, .target_width = UNITS};
static nn_real x[INPUTS][INPUTS]; /* one-hot rows: what comes out is the matrix, transposed */

static const nn_real *run(struct small_model *s, bool training, uint64_t step, size_t first,
                          size_t batch) {
    int64_t sample[INPUTS];
    nn_pass pass = {
        .batch = batch, .training = training, .seed = 1, .step = step, .sample = sample};
    for (size_t i = 0; i < batch; i++)
        sample[i] = (int64_t)(100 + first + i);
    return nn_model_forward(s->model, &pass, x[first]);
}

static void test_expectation(struct small_model *s) {
    double sum[INPUTS * UNITS] = {0};
    double dropped = 0;
    for (uint64_t step = 0; step < STEPS; step++) {
        const nn_real *y = run(s, true, step, 0, INPUTS);
        for (size_t i = 0; i < INPUTS * UNITS; i++) {
            sum[i] += (double)y[i];
            dropped += y[i] == 0;
        }
    }
    CHECK_NEAR(dropped / ((double)STEPS * INPUTS * UNITS), RATE, 1e-3);
    const nn_real *y = run(s, false, 0, 0, INPUTS);
    for (size_t i = 0; i < INPUTS * UNITS; i++)
        CHECK_NEAR(sum[i] / STEPS, y[i], 0.04 * fabs((double)y[i]));
}

/* A sample alone has the mask that it has among others. Two of the same values have the same
 * outputs only where they share it. */
static void test_masks(struct small_model *s, bool shared) {
    nn_real all[INPUTS * UNITS];
    memcpy(all, run(s, true, 9, 0, INPUTS), sizeof all);
    CHECK(memcmp(all + 7 * UNITS, run(s, true, 9, 7, 1), UNITS * sizeof *all) == 0);
    CHECK(memcmp(all, run(s, true, 10, 0, INPUTS), sizeof all) != 0);
    memcpy(x[1], x[0], sizeof x[1]);
    memcpy(all, run(s, true, 9, 0, 2), 2 * UNITS * sizeof *all);
    CHECK((memcmp(all, all + UNITS, UNITS * sizeof *all) == 0) == shared);
}

/* Without a bias nothing is written behind the gradients' scratch, which is the last of the
 * buffers.
 */
static void test_no_bias(void) {
    struct net n;
    nn_pass pass = {.batch = 1, .training = true, .seed = 1, .step = 1, .sample = (int64_t[]){1}};
    if (!net_new(&n, "dropconnect: {units: 500, bias: false}", 1, (nn_shape){1, {2}}))
        return;
    size_t bytes = n.layer->scratch_bytes, behind = 500 * sizeof(nn_real);
    unsigned char *scratch = malloc(bytes + behind);
    void *keep = calloc(1, n.layer->keep_bytes);
    memset(scratch, 0x5a, bytes + behind);
    for (size_t i = 0; i < n.out; i++)
        n.dy[i] = 1;
    nn_io io = rows_of(&n, &pass, 0, 1);
    io.keep = keep;
    io.scratch = scratch;
    n.layer->ops->forward(n.layer, &io);
    n.layer->ops->backward(n.layer, &io);
    size_t untouched = 0;
    while (untouched < behind && scratch[bytes + untouched] == 0x5a)
        untouched++;
    CHECK_EQ_INT(untouched, behind);
    free(scratch);
    free(keep);
    net_release(&n);
}

static void test_form(const char *yaml, bool shared) {
    struct small_model s;
    memset(x, 0, sizeof x);
    for (size_t i = 0; i < INPUTS; i++)
        x[i][i] = 1;
    if (!small_model_new(&s, yaml, (nn_shape){.rank = 1, .dim = {INPUTS}}, "squared", &spec))
        return;
    test_expectation(&s);
    test_masks(&s, shared);
    small_model_release(&s);
}

int main(void) {
    test_form("[dropconnect: {units: 25, rate: 0.3}]", false);
    test_form("[dropconnect: {units: 25, rate: 0.3, mask: step}]", true);
    test_no_bias();
    return check_done();
}
