/* The rows of augmentations.c. */
#ifndef NN_DATA_AUGMENT_AUGMENTATIONS_H
#define NN_DATA_AUGMENT_AUGMENTATIONS_H

#include "data/augment/augment.h"

extern const nn_augment_ops nn_augment_shift, nn_augment_crop, nn_augment_flip, nn_augment_rotate,
    nn_augment_zoom, nn_augment_noise;

#endif
