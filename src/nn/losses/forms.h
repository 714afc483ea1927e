/* What targets and outputs of a loss look like. */
#ifndef NN_NN_LOSSES_FORMS_H
#define NN_NN_LOSSES_FORMS_H

#include "base/real.h"

#include <stddef.h>

/* Index of the largest of n > 0 numbers, the first one on a tie. */
static inline size_t nn_argmax(size_t n, const nn_real *x) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

/* Forms of target a loss can take; nn_loss_new chooses the conversion from what the data set holds
 * to the first form that fits (labels to one-hot rows; class 0/1 to -1/+1; one-hot rows to labels).
 */
typedef enum nn_target_form {
    NN_TARGET_LABEL = 1,   /* class index (outputs > 1) */
    NN_TARGET_ONE_HOT = 2, /* row of probabilities, width = outputs > 1 */
    NN_TARGET_VALUE = 4,   /* row of numbers, width = outputs; one output takes class 0/1 */
    NN_TARGET_SIGN = 8,    /* one number, -1 or +1 (outputs = 1) */
    NN_TARGET_BIT = 16     /* row of numbers in [0, 1]; one output takes class 0/1 */
} nn_target_form;

#endif
