/* Layers that stand for others: the names of what is within, what is read by which name, that the
 * tree keeps what was written, and what is said of mistakes, at the user's line. */
#include "calls.h"
#include "io/yaml/yaml.h"
#include "nn/layers/layer.h"
#include "nn/model.h"

static nn_pool pool;

static int plan(const char *yaml, const char *fused, nn_node **tree, nn_model **model) {
    *model = NULL;
    NN_TRY(nn_yaml_parse(&pool, "net.yaml", yaml, strlen(yaml), tree));
    return nn_model_plan(*tree, (nn_shape){1, {4}}, fused, model);
}

/* The graph as "name(inputs) name(inputs)". */
static void check_graph(const char *yaml, const char *fused, const char *wanted) {
    char text[1024] = "";
    size_t used = 0;
    nn_node *tree;
    nn_model *model;
    const nn_layer *const *layer;
    WORKS(plan(yaml, fused, &tree, &model));
    size_t layers = model ? nn_model_layers(model, &layer) : 0;
    for (size_t i = 1; i < layers; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s(", i > 1 ? " " : "",
                                 layer[i]->name);
        for (size_t k = 0; k < layer[i]->inputs; k++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", k ? "," : "",
                                     layer[i]->input[k]->name);
        used += (size_t)snprintf(text + used, sizeof text - used, ")");
    }
    CHECK_STR(text, wanted);
    nn_model_free(model);
    nn_model *again = NULL; /* from the completed tree */
    WORKS(nn_model_plan(tree, (nn_shape){1, {4}}, fused, &again));
    CHECK_EQ_INT(again ? nn_model_layers(again, &layer) : 0, layers);
    nn_model_free(again);
}

static void test_names(void) {
    check_graph("[dense: {units: 4}, residual: [dense: {units: 4}, tanh], dense: {units: 2}]", NULL,
                "dense1(input) dense2(dense1) tanh1(dense2) residual1(tanh1,dense1) "
                "dense3(residual1)");
    check_graph("[repeat: {name: h, times: 2, layers: [residual: {name: r, activation: relu, "
                "layers: [dense: {units: 4, name: fc}]}]}]",
                NULL,
                "h_0_fc(input) h_0_r(h_0_fc,input) h_0_r_relu(h_0_r) h_1_fc(h_0_r_relu) "
                "h_1_r(h_1_fc,h_0_r_relu) h_1_r_relu(h_1_r)");
    check_graph("[residual: {layers: [dense: {units: 3}], shortcut: [dense: {units: 3}, tanh]}]",
                NULL, "dense1(input) dense2(input) tanh1(dense2) residual1(dense1,tanh1)");
    /* numbers count within each time, so that those behind do not depend on `times` */
    check_graph("[repeat: {times: 2, layers: [dense: {units: 4}]}, repeat: {times: 1, layers: "
                "[dense: {units: 4}]}, dense: {units: 1}]",
                NULL,
                "repeat1_0_dense1(input) repeat1_1_dense1(repeat1_0_dense1) "
                "repeat2_0_dense1(repeat1_1_dense1) dense1(repeat2_0_dense1)");
}

static void test_inputs(void) {
    /* of the same time before those around it */
    check_graph(
        "[dense: {units: 4, name: a}, repeat: {times: 2, name: b, layers: [dense: {units: "
        "4, name: c}, add: {inputs: [c, a]}, dense: {units: 4, name: a}]}]",
        NULL,
        "a(input) b_0_c(a) b_0_add1(b_0_c,a) b_0_a(b_0_add1) b_1_c(b_0_a) b_1_add1(b_1_c,a) "
        "b_1_a(b_1_add1)");
    check_graph(
        "[repeat: {times: 2, name: b, layers: [dense: {units: 4, name: c}]}, dense: {units: "
        "4, name: d}, residual: {inputs: b_0_c, layers: [dense: {units: 4}], name: r}, add: "
        "{inputs: [r, d]}]",
        NULL, "b_0_c(input) b_1_c(b_0_c) d(b_1_c) dense2(b_0_c) r(dense2,b_0_c) add2(r,d)");
    check_graph("[dense: {units: 4, name: a}, repeat: {inputs: [a], times: 1, layers: [tanh]}]",
                NULL, "a(input) repeat1_0_tanh1(a)");
}

/* The last layer's activation is left to the loss that has it, wherever it stands. */
static void test_fused(void) {
    check_graph("[repeat: {times: 2, layers: [dense: {units: 3}, softmax]}]", "softmax",
                "repeat1_0_dense1(input) repeat1_0_softmax1(repeat1_0_dense1) "
                "repeat1_1_dense1(repeat1_0_softmax1)");
    check_graph("[residual: {layers: [dense: {units: 4}, softmax], activation: softmax}]",
                "softmax", "dense1(input) softmax1(dense1) residual1(softmax1,input)");
}

static void test_kept(void) {
    nn_node *tree, *root = nn_node_map(&pool);
    nn_model *model;
    char *text;
    WORKS(plan("[repeat: {times: 3, layers: [residual: [dense: {units: 4, activation: relu}]]}]",
               NULL, &tree, &model));
    nn_model_free(model);
    WORKS(nn_node_add(root, "model", tree));
    WORKS(nn_yaml_emit(&pool, root, &text));
    CHECK_CONTAINS(text, "repeat:");
    CHECK_CONTAINS(text, "times: 3");
    CHECK_CONTAINS(text, "residual:");
    CHECK_CONTAINS(text, "units: 4");
    CHECK_CONTAINS(text, "bias: true"); /* complete */
    CHECK(!strstr(text, "repeat1_"));
}

static void check_refused(const char *yaml, const char *words) {
    nn_node *tree;
    nn_model *model;
    FAILS(plan(yaml, NULL, &tree, &model), NN_EUSAGE, words);
}

static void test_refused(void) {
    check_refused("- residual:\n    - dense: {units: 4}\n    - dense: {units: 3}\n",
                  "net.yaml:2:5: the layers of this residual make [3] of [4], which cannot be "
                  "added: let them keep the shape, or give it a `shortcut`");
    check_refused("- residual: {layers: [dense: {units: 3}], shortcut: [dense: {units: 2}]}",
                  "make [3] and its shortcut makes [2]");
    check_refused(
        "- repeat:\n    times: 2\n    layers:\n      - flatten\n      - dense: {unist: 3}\n",
        "net.yaml:5:17: unknown key 'unist' of layer 'dense', did you mean 'units'?");
    check_refused(
        "- repeat:\n    name: b\n    times: 3\n    layers:\n      - dense: {units: 4}\n"
        "      - reshape: {shape: [2, 2]}\n",
        "net.yaml:6:26: shape of layer 'b_1_reshape1': [2, 2] has 4 elements, but 8 come in");
    check_refused("- repeat: {times: 2, layers: []}", "a list of layers is wanted here");
    check_refused("- repeat: {times: 2, layers: tanh}", "a list of layers is wanted here");
    check_refused("- repeat: {times: 0, layers: [tanh]}", "times = 0 of layer 'repeat' is out of "
                                                          "range");
    check_refused("- repeat: [tanh]", "layer 'repeat' needs 'times'");
    check_refused("- residual: {shortcut: [tanh]}", "layer 'residual' needs 'layers'");
    check_refused("- repeat: {times: 2, layers: [tanh], frozen: true}",
                  "of the keys of every layer 'repeat' takes name and inputs only");
    static const char *const within[] = {"frozen: true", "init: zeros", "bias_init: zeros",
                                         "symmetric: true"};
    for (size_t i = 0; i < sizeof within / sizeof *within; i++) {
        char yaml[100];
        snprintf(yaml, sizeof yaml, "- residual: {layers: [dense: {units: 4}], %s}", within[i]);
        check_refused(yaml, "of the keys of every layer 'residual' takes name, inputs and "
                            "activation only; the others belong to the layers within");
    }
    check_refused("- residual: {layers: [tanh], inputs: [input, input]}", "reads one layer, not 2");
    check_refused("- residual: {layers: [tanh], inputs: x}", "layer 'residual' reads 'x'");
    check_refused("- repeat: {times: 2, name: a, layers: [tanh: {name: x}]}\n- tanh: {inputs: x}",
                  "reads 'x', but no layer above has that name");
    check_refused("- dense: {units: 4, name: hidden}\n- repeat: {times: 2, name: a, layers: [add: "
                  "{inputs: [input, hiden]}]}",
                  "layer 'a_0_add1' reads 'hiden', but no layer above has that name, did you mean "
                  "'hidden'?");
    check_refused("- repeat: {times: 2, name: a, layers: [tanh: {name: xylo}, tanh: {inputs: "
                  "xilo}]}",
                  "did you mean 'xylo'?");
    check_refused("- tanh: {name: b_1_x}\n- repeat: {times: 2, name: b, layers: [tanh: {name: x}]}",
                  "two layers are named 'b_1_x'");
    check_refused("- repeat: {times: 2, name: a/b, layers: [tanh]}",
                  "may not be empty or hold '/'");
    check_refused("- repeat: {times: 10000, layers: [repeat: {times: 10000, layers: [tanh]}]}",
                  "the model has more than 10000 layers");
}

/* Where mistakes are gathered, all of them. */
static void test_gathered(void) {
    static const char yaml[] = "- residual: [dense: {unist: 3}]\n- repeat: {times: 2, layers: "
                               "[residual: {layers: [tanh], shortcut: [dens: {}]}]}\n";
    static nn_error_list list;
    nn_node *tree;
    WORKS(nn_yaml_parse(&pool, "net.yaml", yaml, strlen(yaml), &tree));
    nn_error_gather(&list);
    int rc = nn_model_check(tree);
    if (rc < 0)
        (void)nn_error_keep(rc);
    nn_error_gather(NULL);
    CHECK_EQ_INT(rc, NN_EUSAGE);
    CHECK_EQ_INT(list.count, 3); /* unist, units, dens */
}

int main(void) {
    test_names();
    test_inputs();
    test_fused();
    test_kept();
    test_refused();
    test_gathered();
    nn_pool_release(&pool);
    return check_done();
}
