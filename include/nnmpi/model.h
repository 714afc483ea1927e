/* Models described by calls, in the place of the section `model:` of YAML. Intended usage:
 *
 *   nn_model *model;
 *   nn_model_new(&model);
 *   nn_model_add(model, "dense", NULL, "units: 128, activation: relu, name: h");
 *   nn_model_add(model, "dense", NULL, "units: 10, name: a");
 *   nn_model_add(model, "dense", "h_relu", "units: 10, name: b");
 *   nn_model_add(model, "add", "a, b", NULL);
 *   nn_config_use_model(config, model);
 *   nn_model_free(model);
 *
 * Layers and their options are those of the section (docs/reference.md), and are checked as there,
 * when the data are known; messages name the layer. All is Local. */
#ifndef NNMPI_MODEL_H
#define NNMPI_MODEL_H

#include <nnmpi/config.h>

typedef struct nn_model nn_model;

/* One without layers. NN_EMEMORY. */
NN_API int nn_model_new(nn_model **out);
/* NULL is fine. */
NN_API void nn_model_free(nn_model *model);

/* Adds a layer. It reads the layers named in `inputs` ("a, b"; `input` is the data), NULL: the one
 * added before. `options` is what would stand within the braces in YAML, or a whole map with them;
 * NULL or "": none. NN_EUSAGE leaves the model as it was. */
NN_API int nn_model_add(nn_model *model, const char *kind, const char *inputs, const char *options);

/* The section `model:` as YAML. Owned by the model, and valid until the next layer; NULL:
 * NN_EMEMORY, NN_EUSAGE. */
NN_API const char *nn_model_yaml(nn_model *model);

/* The configuration's model is a copy of this one. NN_EMEMORY. */
NN_API int nn_config_use_model(nn_config *config, const nn_model *model);

#endif
