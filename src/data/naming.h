/* What classes and columns are called, and how those of a data set are brought into the order in
 * which a model was trained with them. */
#ifndef NN_DATA_NAMING_H
#define NN_DATA_NAMING_H

#include "data/dataset.h"

typedef struct nn_naming {
    int64_t classes;               /* 0: targets are no classes */
    const char *const *class_name; /* [classes]; NULL: classes are called by their numbers, ... */
    int64_t first_label;           /* ... which count from this one */
    size_t features;               /* columns that have names: all of x, or 0 */
    const char *const *feature_name;
    nn_categories categories; /* whose numbers these columns hold */
} nn_naming;

/* Points into the data set. */
nn_naming nn_dataset_naming(const nn_dataset *ds);

/* From now on labels are read as the classes of `like` that have the same names, which are copied.
 * Where one side has names and the other has none, numbers count. A class that `like` does not have
 * is an error only where a sample of it is read. Local. NN_EMEMORY. */
int nn_dataset_match_classes(nn_dataset *ds, const nn_naming *like);

/* From now on the columns of x, and what scales them, are read in the order of `like`, where both
 * have names. NN_EFORMAT names the first column that only one of them has, and is that the tokens
 * of a text have other numbers. Local. */
int nn_dataset_match_features(nn_dataset *ds, const nn_naming *like);

#endif
