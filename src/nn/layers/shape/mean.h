/* What ONNX wants to know of means. */
#ifndef NN_NN_LAYERS_SHAPE_MEAN_H
#define NN_NN_LAYERS_SHAPE_MEAN_H

#include "nn/layers/layer.h"

/* The layer is a mean over the steps of sequences, of which those count that nn_pass.length says.
 */
bool nn_mean_is_of_steps(const nn_layer *layer);

#endif
