/* Files hold an image with the channels first, [C, H, W], as PyTorch does; inside they stand last,
 * [H, W, C]. Tensors of any other rank are the same in both. */
#ifndef NN_NN_CHANNELS_H
#define NN_NN_CHANNELS_H

#include "nn/shape.h"

/* The shape inside of what is stored as [C, H, W]. */
static inline nn_shape nn_channels_last(nn_shape s) {
    return s.rank == 3 ? (nn_shape){3, {s.dim[1], s.dim[2], s.dim[0]}} : s;
}

#endif
