/* Step by step a model gives the bits of its forward pass over whole sequences, and layers that
 * cannot go that way are named. */
#include "nn/decoder.h"

#include "base/numbers/rng.h"
#include "calls.h"
#include "io/yaml/yaml.h"

#include <math.h>

#define STEPS 37
#define TOKENS 11
#define ROWS 3
#define TOP "[embedding: {vocabulary: 11, units: 8, name: tokens}, "
#define END "dense: {units: 11}]"

static nn_pool pool;

static const char *const models[] = {
    TOP "positions, attention: {heads: 2, causal: true}, layer_norm, " END,
    TOP "positions: {context: 64}, attention: {heads: 4, kv_heads: 2, causal: true, bias: false}, "
        "dense: {units: 11, tie: tokens.weight}]",
    TOP "positions: {kind: sinusoidal}, repeat: {times: 2, layers: [residual: [rms_norm, "
        "attention: {heads: 2, kv_heads: 1, causal: true}], residual: [dense: {units: 24, "
        "activation: gelu}, dense: {units: 8}]]}, " END,
    TOP "attention: {heads: 2, causal: true, rotary_base: 10000}, dense: {units: 12}, glu, "
        "dropout: {rate: 0.5}, " END,
    TOP "rnn: {units: 5, return: all}, prelu, " END,
    TOP "lstm: {units: 5, layers: 2, return: all, name: a}, dense: {units: 5, inputs: tokens, "
        "name: b}, concat: {inputs: [a, b]}, slice: {begin: 1}, dense: {units: 6}, maxout: {k: "
        "2}, " END,
    TOP "gru: {units: 5, layers: 2, return: all, name: a}, batch_norm, softmax, " END,
};

static nn_node *parse(const char *yaml) {
    nn_node *tree;
    WORKS(nn_yaml_parse(&pool, "net.yaml", yaml, strlen(yaml), &tree));
    return tree;
}

static nn_model *plan(nn_node *layers) {
    nn_model *model;
    WORKS(nn_model_plan(layers, (nn_shape){1, {STEPS}}, NULL, &model));
    return model;
}

/* How many numbers are not those of y[ROWS][STEPS][TOKENS], where steps come in portions. */
static size_t count_other(nn_decoder *decoder, size_t portion, const nn_real *x, const nn_real *y) {
    nn_real taken[ROWS * STEPS];
    size_t other = 0;
    nn_decoder_begin(decoder, ROWS);
    for (size_t past = 0, n; past < STEPS; past += n) {
        n = STEPS - past < portion ? STEPS - past : portion;
        for (size_t i = 0; i < ROWS * n; i++)
            taken[i] = x[i / n * STEPS + past + i % n];
        const nn_real *z = nn_decoder_take(decoder, n, taken);
        for (size_t i = 0; i < (size_t)ROWS * TOKENS; i++)
            other += z[i] != y[(i / TOKENS * STEPS + past + n - 1) * TOKENS + i % TOKENS];
    }
    return other;
}

static void test_same(const char *yaml) {
    nn_node *layers = parse(yaml);
    nn_model *model = plan(layers);
    nn_compute compute = {.library = NN_GEMM_OWN};
    nn_real *params = nn_pool_alloc(&pool, nn_model_size(model) * sizeof *params);
    nn_real *noise = nn_pool_alloc(&pool, nn_model_size(model) * sizeof *noise);
    nn_real x[ROWS * STEPS];
    nn_rng rng = nn_rng_stream(1, NN_RNG_TEST, 0, 0);
    nn_decoder *decoder;
    WORKS(nn_model_init(model, 7, params));
    nn_rng_normal(&rng, 0, nn_model_size(model), noise);
    for (size_t i = 0; i < nn_model_size(model); i++)
        params[i] += noise[i] / 5; /* biases and the like are not what they begin with */
    nn_rng_uniform(&rng, 0, ROWS * STEPS, x);
    for (size_t i = 0; i < (size_t)ROWS * STEPS; i++)
        x[i] = (nn_real)floor((double)x[i] * TOKENS);
    nn_model_set_compute(model, &compute);
    WORKS(nn_model_bind(model, params, NULL, ROWS));
    const nn_real *y = nn_model_forward(model, &(nn_pass){.batch = ROWS}, x);
    WORKS(nn_decoder_new(layers, NULL, model, &compute, params, ROWS, &decoder));
    CHECK_EQ_INT(nn_decoder_context(decoder), STEPS);
    for (size_t portion = 1; portion <= STEPS; portion += 18)
        if (!CHECK_EQ_INT(count_other(decoder, portion, x, y), 0))
            fprintf(stderr, "%s, %zu at a time\n", yaml, portion);
    nn_decoder_free(decoder);
    nn_model_free(model);
}

static void refused(const char *yaml, const char *words) {
    nn_node *layers = parse(yaml);
    nn_model *model = plan(layers);
    nn_decoder *decoder;
    FAILS(nn_decoder_new(layers, NULL, model, NULL, NULL, 1, &decoder), NN_EUSAGE, words);
    nn_model_free(model);
}

static void test_refused(void) {
    refused(TOP "attention: {heads: 2}]", "attention1' on input [37, 8]: a step sees later ones");
    refused(TOP "lstm: {units: 4, return: all, bidirectional: true}]", "it is bidirectional");
    refused(TOP "gru: {units: 4}]", "the state after the last step alone");
    refused(TOP "layer_norm: {dims: 2}]", "dims: 2: it normalises all steps together");
    refused(TOP "slice: {axis: 1, begin: 1}]", "gives [36, 8], which is not a row for each");
    refused(TOP "mean]", "layer 'mean1' on input [37, 8]: it does not go through the steps");
    refused("[dense: {units: 4}]", "gives [4], which is not a row for each of the 37 steps");
    refused(TOP "attention: {heads: 2, causal: true, inputs: [tokens, tokens]}]",
            "those of a whole other sequence");
}

int main(void) {
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        test_same(models[i]);
    test_refused();
    nn_pool_release(&pool);
    return check_done();
}
