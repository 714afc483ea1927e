/* Images moved, turned and stretched. */
#ifndef NN_DATA_AUGMENT_WARP_H
#define NN_DATA_AUGMENT_WARP_H

#include "data/augment/augment.h"

/* out[h][w] = in at the place that `warp` says; x is [H, W] or [H, W, C]. Places between pixels are
 * interpolated linearly in both directions; beyond the edge the image goes on with the pixels of
 * `fill` [x]. in and out may not overlap. */
void nn_warp_image(const nn_warp *warp, const nn_shape *x, const nn_real *in, const nn_real *fill,
                   nn_real *out);

#endif
