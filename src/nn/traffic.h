/* How many numbers the layers of a model move: with their multiply-adds (nn_model_work) what bounds
 * their time. */
#ifndef NN_NN_TRAFFIC_H
#define NN_NN_TRAFFIC_H

#include "nn/layers/layer.h"

/* Numbers that the calls of a layer for `rows` samples read and write at least: inputs, outputs and
 * their gradients, and parameters, of whose gradients backward writes the fraction `gradients`.
 * Tables whose rows are looked up are left out. Local. */
typedef struct nn_layer_traffic {
    double forward, backward;
} nn_layer_traffic;
nn_layer_traffic nn_model_traffic(const nn_layer *layer, double rows, double gradients);

#endif
