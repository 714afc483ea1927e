/* Files of targets that stand beside those of samples. */
#ifndef NN_DATA_IMPORTERS_BESIDE_H
#define NN_DATA_IMPORTERS_BESIDE_H

#include "base/mem.h"

/* For x_test.npy y_test.npy, for t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte(.gz): the file of
 * that name in the same folder; *out NULL: there is none. NN_EMEMORY. */
int nn_find_targets(nn_pool *pool, const char *samples, const char **out);

#endif
