#include "data/augment/augmentations.h"

static const nn_entry *const rows[] = {
    &nn_augment_shift.entry,
    &nn_augment_crop.entry,
    &nn_augment_flip.entry,
    &nn_augment_rotate.entry,
    &nn_augment_zoom.entry,
    &nn_augment_noise.entry,
    NULL,
};

const nn_family nn_augmentations = {"augmentation", rows};
