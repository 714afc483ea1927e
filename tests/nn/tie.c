/* Tied parameters: where they stand, and what is said of those that cannot be. That their gradients
 * are right, tests/nn/gradient.c and the golden numbers of PyTorch show. */
#include "calls.h"
#include "io/yaml/yaml.h"
#include "nn/layers/layer.h"
#include "nn/model.h"

static nn_pool pool;

static int plan(const char *yaml, nn_model **model) {
    nn_node *tree;
    *model = NULL;
    NN_TRY(nn_yaml_parse(&pool, "net.yaml", yaml, strlen(yaml), &tree));
    return nn_model_plan(tree, (nn_shape){1, {4}}, NULL, model);
}

/* They are there once, with the first layer, in the order of its matrix. */
static void test_places(void) {
    nn_model *model;
    const nn_layer *const *layer;
    const nn_param *const *param;
    WORKS(plan(
        "[embedding: {vocabulary: 64, units: 8, name: tokens}, dense: {units: 64, tie: "
        "tokens.weight}, tanh, dense: {units: 8, name: x}, dense: {units: 64, tie: dense1.weight}]",
        &model));
    CHECK_EQ_INT(nn_model_params(model, &param), 5);
    CHECK_EQ_INT(nn_model_param_count(model), 64 * 8 + 64 + 8 * 64 + 8 + 64);
    nn_model_layers(model, &layer);
    CHECK(layer[2]->param[0].tied == &layer[1]->param[0]);
    CHECK(layer[5]->param[0].tied == &layer[1]->param[0]);
    CHECK_EQ_INT(layer[5]->param[0].offset, layer[1]->param[0].offset);
    CHECK_EQ_INT(layer[2]->param[0].order[0], 0);
    CHECK_EQ_INT(nn_model_outer_grads(model, NULL), 1); /* of x alone */
    nn_model_free(model);
    /* the other way round: a wide dense layer goes by the order of the embedding */
    WORKS(plan(
        "[reshape: {shape: [1, 4]}, dense: {units: 40, name: a, bias: false}, reshape: {shape: "
        "[40]}, embedding: {vocabulary: 40, units: 4, tie: a.weight}]",
        &model));
    nn_model_layers(model, &layer);
    CHECK_EQ_INT(layer[2]->param[0].order[0], 0);
    nn_model_free(model);
}

/* Keys of a layer that has tensors of its own left are for these. */
static void test_own(void) {
    nn_model *model;
    WORKS(plan("[reshape: {shape: [1, 4]}, attention: {heads: 1, name: a}, attention: {heads: 1, "
               "tie: [a.in_proj_weight, a.in_proj_bias], init: normal, bias_init: normal}]",
               &model));
    nn_model_free(model);
}

static void refused(const char *yaml, const char *words) {
    nn_model *model;
    FAILS(plan(yaml, &model), NN_EUSAGE, words);
}

#define FIRST "- dense: {units: 4, name: a}\n"

static void test_refused(void) {
    refused(FIRST "- dense: {units: 3, tie: a.weight}",
            "net.yaml:2:26: weight of 'dense2' is [3, 4] and that of 'a' [4, 4]");
    refused(FIRST "- dense: {units: 4, tie: b.weight}",
            "layer 'dense2' is tied to 'b', but no layer above has that name");
    refused(FIRST "- dense: {units: 4, tie: a}", "LAYER.PARAMETER, e.g. tokens.weight");
    refused(FIRST "- dense: {units: 4, tie: a.wait}", "layer 'a' has no parameter 'wait'");
    refused(FIRST "- tanh: {tie: a.weight}", "layer 'tanh1' has no parameter 'weight' to be tied");
    refused(FIRST "- dense: {units: 4, tie: [a.weight, a.weight]}", "is tied already");
    refused(FIRST "- dense: {units: 4, tie: a.weight, frozen: true}",
            "layer 'dense2' is frozen and 'a' is not");
    refused(FIRST "- dense: {units: 4, tie: a.weight, init: normal}",
            "init of layer 'dense2' has no meaning: its weight is that of 'a'");
    refused(FIRST "- dense: {units: 4, tie: a.bias, bias_init: normal}",
            "bias_init of layer 'dense2' has no meaning: its bias is that of 'a'");
    refused(FIRST "- dense: {units: 4, tie: a.weight, symmetric: true}",
            "symmetric of layer 'dense2' has no meaning: its weight is that of 'a'");
    refused(FIRST "- dense: {units: 4, tie: a.weight, bias: false, lr_scale: 2}",
            "lr_scale and decay_scale of layer 'dense2' have no meaning");
    refused("- batch_norm: {name: a}\n- batch_norm: {tie: a.weight}",
            "batch_norm2 cannot be tied: its gradient is that of all ranks already");
    refused("- repeat: {times: 2, layers: [tanh], tie: a.weight}", "takes name and inputs only");
}

int main(void) {
    test_places();
    test_own();
    test_refused();
    nn_pool_release(&pool);
    return check_done();
}
