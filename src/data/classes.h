/* What the labels of a data set are: checked one by one, counted, and doubted where they look like
 * something else than classes 0, 1, 2 ... */
#ifndef NN_DATA_CLASSES_H
#define NN_DATA_CLASSES_H

#include "data/dataset.h"

#define NN_MAX_CLASSES                                                                             \
    (1 << 22) /* where nothing names them: tables are as long as the largest label */

/* The error NN_EFORMAT for a label that is not -1 to NN_MAX_CLASSES - 1, in a row of an array
 * ("/train/y") of a file, and for a file whose labels are all -1. */
int nn_label_refuse(const char *path, const char *array, int64_t row, int64_t label);
int nn_label_none(const char *path);

/* Checks every label of every split and learns how many classes there are where nothing names them.
 * NN_EFORMAT names the row. Local. */
int nn_dataset_scan_labels(nn_dataset *ds);

/* For who trains: NN_EFORMAT when all labels are 1 or -1, or when no label of /train is 0 though
 * classes have no names, which is how data sets look that count from 1. */
int nn_dataset_check_classes(const nn_dataset *ds);
/* The same, and labels with gaps, where there are more than the `most` classes that a model tells
 * apart. */
int nn_dataset_check_class_count(const nn_dataset *ds, size_t most);

/* From now on y [N, P] of integers is a label for each of P positions of a sample (steps of a
 * sequence, nodes of a graph), not a row of numbers. Checks them as labels are. NN_EFORMAT. Local.
 */
int nn_dataset_label_positions(nn_dataset *ds);

#endif
