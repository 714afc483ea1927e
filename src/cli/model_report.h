/* A planned model as people and programs see it: layers, parameters, bytes. */
#ifndef NN_CLI_MODEL_REPORT_H
#define NN_CLI_MODEL_REPORT_H

#include "base/json.h"
#include "nn/model.h"
#include "train/settings.h"

#include <stdio.h>

/* Bytes that training takes on a rank. */
typedef struct nn_memory {
    double params, grads, optimizer, buffers, total;
} nn_memory;

/* For shards of up to `batch` samples; of a model that is not bound yet. NN_EUSAGE, NN_EMEMORY. */
int nn_memory_of(nn_model *model, const nn_settings *settings, size_t batch, nn_memory *memory);

/* One line a layer: name, kind, output shape, parameters. */
void nn_print_layers(FILE *out, const nn_model *model);
void nn_print_memory(FILE *out, const nn_memory *memory);

/* Members of the object that is open: input, output, parameters, layers; bytes. */
void nn_json_layers(nn_json *json, const nn_model *model);
void nn_json_memory(nn_json *json, const nn_memory *memory);

#endif
