/* Samples that are windows of a stream of tokens in an HDF5 file, /train/tokens [n]: x are the
 * `context` tokens from a place on, y those that follow each of them. Windows stand side by side;
 * the last one begins earlier, so that it is full, too, and has -1 as y of what the one before has,
 * so that every token is a target once. */
#ifndef NN_DATA_SOURCES_WINDOWS_H
#define NN_DATA_SOURCES_WINDOWS_H

#include "data/dataset.h"

/* Describes a split of the HDF5 file in ds->state; context 0: as the file says. A text that is
 * shorter than a window is filled up, with its length in `len`. NN_EFORMAT. Local. */
int nn_windows_open(nn_dataset *ds, nn_split *split, int64_t context);

/* Rows [first, first + count) as int32. NN_EFORMAT names the place of a token beyond the
 * vocabulary. Local. */
int nn_windows_read(const nn_dataset *ds, const nn_split *split, char field, int64_t first,
                    int64_t count, int32_t *out);

#endif
