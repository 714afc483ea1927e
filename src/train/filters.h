/* Samples, and the first layer's weights, as pictures, where samples are images. */
#ifndef NN_TRAIN_FILTERS_H
#define NN_TRAIN_FILTERS_H

#include "nn/model.h"

/* How a sample of this shape stands in memory where it is a grey or colour picture, [H, W] or
 * [C, H, W]: as [H, W, C]; else rank 0. Local. */
nn_shape nn_picture_shape(const nn_shape *sample);
/* Pixels [count] of a sample: the least number as black, the largest as white, and what is
 * NaN or infinite as black. Local. */
void nn_picture_pixels(size_t count, const nn_real *x, unsigned char *pixels);

/* Tiles, each `channels` planes of [height][width]: colours go together, other channels are tiles
 * of their own. */
typedef struct nn_filters {
    const nn_param *weight;
    size_t channels, height, width, tiles; /* tiles: at most 64, the first ones */
} nn_filters;

/* Those of the model's first tensor, if it is made of images like its input: else false. Local. */
bool nn_filters_find(const nn_model *model, nn_filters *out);

/* Pixels [tiles][height][width][channels] of the model's parameters, 0 as grey, the largest of all
 * tiles as white or, where it is negative, black. NN_EMEMORY. Local. */
int nn_filters_draw(const nn_filters *f, const nn_real *params, unsigned char *pixels);

#endif
