/* Class weights: what a sample of each class counts in a loss. */
#ifndef NN_NN_LOSSES_CLASS_WEIGHTS_H
#define NN_NN_LOSSES_CLASS_WEIGHTS_H

#include "base/options/node.h"
#include "base/real.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads the value of `class_weights` into weight[classes]: a list of as many numbers, or a map from
 * classes (indices or names) to numbers, where those left out weigh 1. Numbers are finite, >= 0 and
 * not all 0. `balanced` that nobody has replaced gives 1 everywhere. `names` [classes] may be NULL.
 * NN_EUSAGE with the place. Local. */
int nn_class_weights_read(const nn_node *node, size_t classes, const char *const *names,
                          nn_real *weight);

/* Whether `node` (NULL: no) asks for weights that are computed from the training labels. */
bool nn_class_weights_are_balanced(const nn_node *node);

/* Replaces `balanced`, in place, by the list samples / (classes * count[c]), with which every class
 * that occurs counts the same in sum and the mean weight of a sample is 1; `classes` in the formula
 * are those that occur, and others weigh 1. NN_EMEMORY. Local. */
int nn_class_weights_balance(nn_node *node, size_t classes, const int64_t *count);

#endif
