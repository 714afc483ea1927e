/* nn_gradient_check finds what is wrong with a backward, says where, and has nothing against one
 * that is right, whatever numbers it draws. */
#include "calls.h"
#include "extend/own_parts.h"

enum { SEEDS = 20 };

static own_state slope, squared;

static int check(const char *model, const char *loss, nn_shape input, uint64_t seed,
                 nn_gradient_result *found) {
    nn_gradient_options options = {
        .size = sizeof options, .input = input, .elements = 24, .seed = seed};
    *found = (nn_gradient_result){.size = sizeof *found};
    return nn_gradient_check(model, loss, &options, found);
}

/* ---- no false alarms ------------------------------------------------------------------------- */

static const struct {
    const char *model, *loss;
    nn_shape input;
} right[] = {
    {"[own_slope]", NULL, {1, {5}}},
    {"[own_slope]", NULL, {2, {3, 2}}},
    {"[own_slope]", NULL, {3, {2, 3, 2}}},
    {"[dense: {units: 6, activation: own_slope}, own_slope: {gamma: 1}, dense: {units: 2}]",
     "own_squared",
     {1, {4}}},
    {"[dense: {units: 8, activation: relu}, dense: {units: 3}]", "cross_entropy", {1, {5}}},
    {"[dense: {units: 4, activation: tanh}, dense: {units: 1}]", "binary_cross_entropy", {1, {5}}},
    {"[dense: {units: 1}]", "hinge", {1, {6}}},
    {"[dense: {units: 3}]", "huber: {delta: 0.5}", {1, {4}}},
    {"[dense: {units: 2}]", "absolute", {1, {4}}},
    {"[conv2d: {filters: 3, kernel: 3, padding: 1}, relu, max_pool: {size: 2}, flatten, dense: "
     "{units: 3}]",
     "cross_entropy",
     {3, {2, 6, 6}}},
    {"[lstm: {units: 4, return: all}, gru: {units: 3}]", NULL, {2, {5, 3}}},
    {"[embedding: {vocabulary: 7, units: 3}, rnn: {units: 4}, dense: {units: 2}]",
     "cross_entropy",
     {1, {5}}},
    {"[slice: {name: word, begin: 1, end: 2}, embedding: {vocabulary: 7, units: 3}, flatten: "
     "{name: "
     "vector}, concat: {inputs: [input, vector]}, dense: {units: 2}]",
     "cross_entropy",
     {1, {5}}},
    {"[dense: {units: 12}, batch_norm, swish, dropout: {rate: 0.3}, dense: {units: 3}]",
     "cross_entropy",
     {1, {6}}},
    {"[layer_norm, gelu, dense: {units: 3}, softmax]", NULL, {1, {9}}},
    {"[dense: {units: 100}, dense: {units: 100, activation: tanh}, dense: {units: 10}]",
     "cross_entropy",
     {1, {200}}},
};

static void test_right(void) {
    nn_gradient_result found;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            int rc = check(right[i].model, right[i].loss, right[i].input, seed, &found);
            if (!CHECK_EQ_INT(rc, 0))
                fprintf(stderr, "%s, %s, seed %d: %s\n", right[i].model,
                        right[i].loss ? right[i].loss : "", (int)seed, nn_error_message());
            CHECK(found.compared >= 20);
            if (!CHECK(found.uncertain * 2 <= found.compared))
                fprintf(stderr, "%s: %zu compared, %zu uncertain\n", right[i].model, found.compared,
                        found.uncertain);
        }
}

/* ---- mistakes -------------------------------------------------------------------------------- */

static const struct {
    enum own_mischief mischief;
    const char *words, *tensor;
} wrong[] = {
    {OWN_FACTOR, "relative error of 0.0", "input"},
    {OWN_G_FACTOR, "relative error of 0.0", "own_slope1/weight"},
    {OWN_MISSING, "of 'own_slope1/weight', central differences give", "own_slope1/weight"},
    {OWN_G_WRITTEN, "it has to add to g", NULL},
    {OWN_DX_ADDED, "write all of dx", NULL},
    {OWN_MIXED_ROWS, "what a row becomes may depend on this row only", NULL},
    {OWN_OTHER_BITS, "forward has other bits in a second call", NULL},
    {OWN_PLAN_FAILS, "layer 'own_slope1' (own_slope): its plan returned 17: the plan is bad", NULL},
    {OWN_FORWARD_FAILS, "its forward returned 7: the slope has gone", NULL},
    {OWN_BACKWARD_FAILS, "its backward returned 9", NULL},
};

static void test_layer(enum own_mischief mischief, const char *words, const char *tensor) {
    nn_gradient_result found;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        slope = (own_state){.mischief = mischief};
        FAILS(check("[own_slope]", NULL, (nn_shape){1, {4}}, seed, &found), NN_EUSAGE, words);
        if (tensor)
            CHECK_STR(found.tensor, tensor);
    }
    slope = (own_state){.mischief = OWN_NONE};
}

/* In the middle of a model, whose first layer has a wrong gradient then. */
static void test_model(void) {
    nn_gradient_result found;
    slope = (own_state){.mischief = OWN_FACTOR};
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        FAILS(check("[dense: {units: 4}, own_slope, dense: {units: 3}]", "cross_entropy",
                    (nn_shape){1, {4}}, seed, &found),
              NN_EUSAGE, "relative error");
    slope = (own_state){.mischief = OWN_NONE};
}

static void test_loss(void) {
    nn_gradient_result found;
    squared = (own_state){.mischief = OWN_DZ_FACTOR};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        FAILS(check("[dense: {units: 3}]", "own_squared", (nn_shape){1, {4}}, seed, &found),
              NN_EUSAGE, "relative error of 0.5");
        CHECK_NEAR(found.backward, 2 * found.difference, 0.02 * fabs(found.backward));
    }
    squared = (own_state){.mischief = OWN_EVAL_FAILS};
    FAILS(check("[dense: {units: 3}]", "own_squared", (nn_shape){1, {4}}, 0, &found), NN_EUSAGE,
          "loss 'own_squared': its eval returned -4: no loss today");
    squared = (own_state){.mischief = OWN_NONE};
}

/* ---- what cannot be compared ----------------------------------------------------------------- */

static void test_limits(void) {
    nn_gradient_options options = {.size = sizeof options, .input = {1, {3}}};
    nn_gradient_result found = {.size = 1};
    FAILS(nn_gradient_check(NULL, NULL, &options, NULL), NN_EUSAGE, "model is NULL");
    FAILS(nn_gradient_check("[relu]", NULL, NULL, NULL), NN_EUSAGE, "options is NULL");
    FAILS(nn_gradient_check("[relu]", NULL, &options, &found), NN_EUSAGE, "nn_gradient_result");
    FAILS(nn_gradient_check("[relu", NULL, &options, NULL), NN_EUSAGE, "model:");
    FAILS(nn_gradient_check("[]", NULL, &options, NULL), NN_EUSAGE, "no layers");
    FAILS(nn_gradient_check("[relu]", "sqared", &options, NULL), NN_EUSAGE, "'squared'?");
    options.tolerance = -1;
    FAILS(nn_gradient_check("[relu]", NULL, &options, NULL), NN_EUSAGE, "tolerance is -1");
    options = (nn_gradient_options){.size = sizeof options, .input = {5, {1}}};
    FAILS(nn_gradient_check("[relu]", NULL, &options, NULL), NN_EUSAGE, "is no shape");
    options = (nn_gradient_options){.size = 4};
    FAILS(nn_gradient_check("[relu]", NULL, &options, NULL), NN_EUSAGE, "nn_gradient_options");
}

int main(void) {
    nn_layer_def layer = own_slope_def("own_slope", &slope);
    nn_loss_def loss = own_squared_def("own_squared", &squared);
    WORKS(nn_layer_register(&layer));
    WORKS(nn_loss_register(&loss));
    test_right();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        test_layer(wrong[i].mischief, wrong[i].words, wrong[i].tensor);
    test_model();
    test_loss();
    test_limits();
    return check_done();
}
