/* Dropconnect in evaluation equals the training-time expectation; all samples of a step have the
 * same weights dropped, another step others. */
#include "one_layer.h"

#define INPUTS 40
#define UNITS 25
#define STEPS 10000
#define RATE 0.3

static const nn_loss_spec spec = {.outputs = UNITS, .batch = INPUTS, .target_width = UNITS};
static nn_real x[INPUTS][INPUTS]; /* one-hot rows: what comes out is the matrix, transposed */

static const nn_real *run(struct small_model *s, bool training, uint64_t step, size_t first,
                          size_t batch) {
    nn_pass pass = {.batch = batch, .training = training, .seed = 1, .step = step};
    return nn_model_forward(s->model, &pass, x[first]);
}

static void test_expectation(struct small_model *s) {
    static double sum[INPUTS * UNITS];
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

static void test_steps(struct small_model *s) {
    nn_real all[INPUTS * UNITS];
    memcpy(all, run(s, true, 9, 0, INPUTS), sizeof all);
    CHECK(memcmp(all + 7 * UNITS, run(s, true, 9, 7, 1), UNITS * sizeof *all) == 0);
    CHECK(memcmp(all, run(s, true, 10, 0, INPUTS), sizeof all) != 0);
}

/* Without a bias nothing is written behind the gradients' scratch, which is the last of the
 * buffers.
 */
static void test_no_bias(void) {
    struct net n;
    nn_pass pass = {.batch = 1, .training = true, .seed = 1, .step = 1};
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

int main(void) {
    struct small_model s;
    for (size_t i = 0; i < INPUTS; i++)
        x[i][i] = 1;
    if (small_model_new(&s, "[dropconnect: {units: 25, rate: 0.3}]",
                        (nn_shape){.rank = 1, .dim = {INPUTS}}, "squared", &spec)) {
        test_expectation(&s);
        test_steps(&s);
        small_model_release(&s);
    }
    test_no_bias();
    return check_done();
}
