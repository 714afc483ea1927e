/* What graph_conv multiplies by. */
#ifndef NN_NN_LAYERS_DENSE_GRAPH_CONV_H
#define NN_NN_LAYERS_DENSE_GRAPH_CONV_H

#include "math/kernels.h"
#include "nn/layers/layers.h"

/* D^-1/2 (E + I) D^-1/2 [nodes][nodes] of a layer that is planned; layers over the same edges share
 * it. */
const nn_sparse *nn_graph_conv_matrix(const nn_layer *layer);

#endif
