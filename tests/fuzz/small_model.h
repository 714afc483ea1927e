/* A model that targets read parameters into, made before the first input. */
#ifndef NN_FUZZ_SMALL_MODEL_H
#define NN_FUZZ_SMALL_MODEL_H

#include "io/yaml/yaml.h"
#include "nn/model.h"
#include "sandbox.h"
#include "target.h"

#include <string.h>

#define LAYERS "[dense: {name: fc1, units: 3}, dense: {name: fc2, units: 2}]"

static nn_model *small;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static nn_pool pool; /* the model keeps its nodes */
    nn_node *layers;

    (void)argc;
    (void)argv;
    sandbox_enter();
    bool made = nn_yaml_parse(&pool, "model", LAYERS, strlen(LAYERS), &layers) == 0 &&
                nn_model_plan(layers, (nn_shape){1, {4}}, NULL, &small) == 0;
    sandbox_expect(made, "there is a model");
    return 0;
}

#endif
