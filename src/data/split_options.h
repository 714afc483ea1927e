/* How the samples of a data set are divided into parts: options of `nnmpi data split`, and of
 * `data.split`. */
#ifndef NN_DATA_SPLIT_OPTIONS_H
#define NN_DATA_SPLIT_OPTIONS_H

#include "base/options/option.h"

typedef struct nn_split_options {
    double valid, test; /* fractions of /train */
    bool stratify;      /* the same fractions of each class */
    int64_t seed;
    bool other_files; /* rows are also taken from where the file leads to; no other file changes */
    const char *name; /* of the file, for messages; NULL: its path */
} nn_split_options;

/* Their name, help and table. */
extern const nn_entry nn_split_entry;

#endif
