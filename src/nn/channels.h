/* Files hold an image with the channels first, [C, H, W], as PyTorch does; inside they stand last,
 * [H, W, C]. Tensors of any other rank are the same in both. */
#ifndef NN_NN_CHANNELS_H
#define NN_NN_CHANNELS_H

#include "base/real.h"
#include "nn/shape.h"

/* [C, H, W] as [H, W, C]. */
nn_shape nn_channels_last(nn_shape stored);
/* [H, W, C] as [C, H, W]. */
nn_shape nn_channels_first(nn_shape inside);

/* out [C, H, W] from in [H, W, C], whose shape is `inside`; a copy for any other rank. They may not
 * overlap. */
void nn_channels_move_first(const nn_shape *inside, const nn_real *in, nn_real *out);

#endif
