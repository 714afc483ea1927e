/* Images moved, turned and stretched. */
#ifndef NN_DATA_AUGMENT_WARP_H
#define NN_DATA_AUGMENT_WARP_H

#include "base/real.h"
#include "base/shape.h"

/* Where the pixel in row h and column w of the new image comes from:
 * row = at[0][0] h + at[0][1] w + at[0][2], column = at[1][0] h + at[1][1] w + at[1][2]. */
typedef struct nn_warp {
    double at[2][3];
} nn_warp;

/* `next` after what `warp` does already. */
void nn_warp_then(nn_warp *warp, const nn_warp *next);

/* out[h][w] = in at the place that `warp` says; x is [H, W] or [H, W, C]. Places between pixels are
 * interpolated linearly in both directions; beyond the edge the image goes on with the pixels of
 * `fill` [x]. in and out may not overlap. */
void nn_warp_image(const nn_warp *warp, const nn_shape *x, const nn_real *in, const nn_real *fill,
                   nn_real *out);

#endif
