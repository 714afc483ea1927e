/* The table of initialisers. */
#include "nn/initializers/initializers.h"

static const nn_entry *const rows[] = {
    &nn_initializer_zeros.entry,           &nn_initializer_constant.entry,
    &nn_initializer_normal.entry,          &nn_initializer_uniform.entry,
    &nn_initializer_xavier_uniform.entry,  &nn_initializer_xavier_normal.entry,
    &nn_initializer_glorot_uniform.entry,  &nn_initializer_glorot_normal.entry,
    &nn_initializer_he_uniform.entry,      &nn_initializer_he_normal.entry,
    &nn_initializer_kaiming_uniform.entry, &nn_initializer_kaiming_normal.entry,
    &nn_initializer_lecun_uniform.entry,   &nn_initializer_lecun_normal.entry,
    &nn_initializer_orthogonal.entry,      NULL};

const nn_family nn_initializers = {"initializer", rows};
