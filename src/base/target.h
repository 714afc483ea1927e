/* The targets of a minibatch. */
#ifndef NN_BASE_TARGET_H
#define NN_BASE_TARGET_H

#include "base/real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a minibatch is to be compared with: class indices or values, and optional weights. */
typedef struct nn_target {
    const int32_t *label;  /* [batch] class index, -1: ignored; or NULL */
    const nn_real *value;  /* [batch][width]; or NULL */
    size_t width;          /* of value */
    const nn_real *weight; /* [batch], finite and >= 0; NULL: all 1 */
    const int64_t *sample; /* [batch] index in the split; only metrics want it */
} nn_target;

/* The targets of the rows from `begin` on. */
static inline nn_target nn_target_from(const nn_target *target, size_t begin) {
    nn_target part = *target;
    part.label = target->label ? target->label + begin : NULL;
    part.value = target->value ? target->value + begin * target->width : NULL;
    part.weight = target->weight ? target->weight + begin : NULL;
    part.sample = target->sample ? target->sample + begin : NULL;
    return part;
}

/* What sample i weighs: 0 when its label says that it is to be ignored. */
static inline nn_real nn_target_weight(const nn_target *target, size_t i) {
    if (target->label && target->label[i] < 0)
        return 0;
    return target->weight ? target->weight[i] : 1;
}

/* Which of two classes a number stands for: true for 1, false for 0 and for -1. */
static inline bool nn_target_positive(nn_real y) {
    return y > (nn_real)0.5;
}

#endif
