/* Passes over all targets of a data set. */
#ifndef NN_DATA_VALUES_SCAN_TARGETS_H
#define NN_DATA_VALUES_SCAN_TARGETS_H

#include "data/dataset.h"

/* Adds to count[classes] the targets of each class in a split whose y are labels, all below
 * `classes`. Those to be ignored, and those beyond the end of a sequence, are in none. NN_EMEMORY,
 * NN_EIO. Local. */
int nn_split_count_labels(const nn_dataset *ds, const nn_split *split, int64_t *count);

/* NN_EFORMAT names the first number of any y that is not in [low, high], with which `loss`
 * compares. Local. */
int nn_dataset_check_targets(const nn_dataset *ds, double low, double high, const char *loss);

#endif
