/* A planned model as people and programs see it: layers, parameters, bytes. */
#ifndef NN_CLI_VERBS_MODEL_REPORT_H
#define NN_CLI_VERBS_MODEL_REPORT_H

#include "base/json/json.h"
#include "nn/model.h"
#include "train/memory.h"

#include <stdio.h>

/* One line a layer: name, kind, output shape, parameters. */
void nn_print_layers(FILE *out, const nn_model *model);

/* Members of the object that is open: input, output, parameters, layers; bytes. */
void nn_json_layers(nn_json *json, const nn_model *model);
void nn_json_memory(nn_json *json, const nn_memory *memory);

#endif
