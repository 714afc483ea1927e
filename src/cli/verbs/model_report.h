/* A planned model as people and programs see it: layers, parameters, bytes. */
#ifndef NN_CLI_VERBS_MODEL_REPORT_H
#define NN_CLI_VERBS_MODEL_REPORT_H

#include "base/json/json.h"
#include "nn/model.h"
#include "train/memory.h"

#include <stdio.h>

/* One line a layer: name, kind, output shape, parameters. */
void nn_print_layers(FILE *out, const nn_model *model);

/* One line a layer that has products with weights: multiplications of a sample, forward and
 * backward; and those of a step of `batch` samples, 0: not known. */
void nn_print_work(FILE *out, const nn_model *model, int64_t batch);

/* Members of the object that is open: input, output, parameters, layers; bytes. */
void nn_json_layers(nn_json *json, const nn_model *model);
void nn_json_memory(nn_json *json, const nn_memory *memory);

#endif
