/* Splitting: random parts of /train become /valid and /test. */
#ifndef NN_DATA_SPLIT_H
#define NN_DATA_SPLIT_H

#include "data/split_options.h"

/* Writes `out`, a copy of the file at `path` in which the rows of /train are divided at random, in
 * their stored order: x, y and every other data set below /train with a row for each sample, of
 * whatever type, with its chunks, filters and attributes. All else stays as it is; a /valid or
 * /test that is there already must not be asked for. The choice depends on the seed and the number
 * of rows only; a stream of tokens is cut instead, with what has a row for each token, and its end
 * goes to /test. Takes one byte of memory a sample. `out` is written durably and may be `path`.
 * NN_EUSAGE, NN_EFORMAT (also for what a copy could not keep, before anything is written), NN_EIO.
 * Local. */
int nn_data_split(const char *path, const nn_split_options *options, const char *out);

#endif
