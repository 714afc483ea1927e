/* From targets as a data set has them to those that a loss takes. */
#ifndef NN_NN_LOSSES_CONVERSION_H
#define NN_NN_LOSSES_CONVERSION_H

#include "base/target.h"
#include "nn/losses/forms.h"

#include <stdbool.h>
#include <stdint.h>

/* Writes rows of `width` in the new form. */
typedef void nn_to_labels_fn(size_t batch, size_t width, const nn_target *in, int32_t *label);
typedef void nn_to_values_fn(size_t batch, size_t width, const nn_target *in, nn_real *value);

/* A way from targets as a data set has them to a form that a loss takes. */
typedef struct nn_conversion {
    bool labels;     /* from class indices, else from rows of values */
    bool one_output; /* for a model with one output, else for one with several */
    unsigned to;     /* forms that come out */
    /* One of them, or neither: taken as they are. */
    nn_to_labels_fn *to_labels;
    nn_to_values_fn *to_values;
} nn_conversion;

/* The first that gives one of these `forms` (of nn_target_form); NULL: none does. */
const nn_conversion *nn_conversion_find(unsigned forms, bool labels, bool one_output);

#endif
