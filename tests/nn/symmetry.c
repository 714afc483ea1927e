/* Initialisers that make all units of a layer identical are refused where these would stay so, and
 * nowhere else; and those of parameters that a layer does not have. */
#include "calls.h"
#include "io/yaml/yaml.h"
#include "nn/model.h"

static nn_pool pool;

static int plan(const char *yaml) {
    nn_node *tree;
    nn_model *model = NULL;
    NN_TRY(nn_yaml_parse(&pool, "net.yaml", yaml, strlen(yaml), &tree));
    int rc = nn_model_plan(tree, (nn_shape){1, {4}}, NULL, &model);
    nn_model_free(model);
    return rc;
}

static void refused(const char *yaml) {
    FAILS(plan(yaml), NN_EUSAGE, "units identical");
}

int main(void) {
    refused("[dense: {units: 4, init: zeros}, dense: {units: 3}]");
    WORKS(plan("[dense: {units: 4}, dense: {units: 3, init: zeros}]"));
    WORKS(plan("[dense: {units: 4, init: zeros, symmetric: true}, dense: {units: 3}]"));
    WORKS(plan("[dense: {units: 1, init: zeros}, dense: {units: 3}]"));
    /* nor is a layer the last one whose weight another one has, too */
    refused("[dense: {units: 4, name: a, init: zeros}, dense: {units: 4, bias: false, tie: "
            "a.weight}]");
    /* rows of a table are looked up, and learn each for itself */
    WORKS(plan("[embedding: {vocabulary: 9, units: 4, init: zeros}, dense: {units: 3}]"));
    WORKS(plan("[embedding: {vocabulary: 9, units: 4}, positions: {init: zeros}, dense: {units: "
               "3}]"));
    /* unless they are the units of another layer, too */
    refused("[embedding: {vocabulary: 9, units: 4, name: a, init: zeros}, dense: {units: 9, tie: "
            "a.weight}, dense: {units: 3}]");

    FAILS(plan("[dense: {units: 3}, tanh: {init: zeros}]"), NN_EUSAGE,
          "net.yaml:1:27: layer 'tanh1' on input [3]: init is about weights, and it has none");
    FAILS(plan("[dense: {units: 3, activation: {relu: {symmetric: true}}}]"), NN_EUSAGE,
          "'dense1_relu' on input [3]: symmetric is about weights");
    FAILS(plan("[dense: {units: 3}, batch_norm: {init: zeros}]"), NN_EUSAGE, "about weights");
    FAILS(plan("[dense: {units: 3, bias: false, bias_init: zeros}]"), NN_EUSAGE,
          "'dense1' on input [4]: bias_init is about biases, and it has none");
    WORKS(plan("[dense: {units: 3}, batch_norm: {bias_init: {constant: {value: 1}}}]"));
    nn_pool_release(&pool);
    return check_done();
}
