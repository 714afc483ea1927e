/* The checksum trailer of a checkpoint: a line behind the end of the HDF5 file, where HDF5 does not
 * look, with the SHA-256 of every byte before it. HDF5 crashes on some damaged files, so they have
 * to be found out before it opens them. */
#ifndef NN_TRAIN_CHECKPOINT_TRAILER_H
#define NN_TRAIN_CHECKPOINT_TRAILER_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Goes once through a file that HDF5 has closed, from its beginning to its end, and hashes what
 * stands there or is put there. */
typedef struct nn_trailer nn_trailer;

/* NN_EIO. Local, as all below. */
int nn_trailer_begin(const char *path, nn_trailer **out);
/* Writes bytes at `offset`, which is not before the end of those that were put before. NN_EIO. */
int nn_trailer_put(nn_trailer *trailer, int64_t offset, const void *bytes, size_t count);
/* Goes on to the end and appends the trailer. NN_EIO. */
int nn_trailer_write(nn_trailer *trailer);
/* Closes the file; NULL is fine. NN_EIO where what was written may not have arrived. */
int nn_trailer_end(nn_trailer *trailer);

/* NN_EFORMAT when the file is not the one that the trailer was made for, or has none. */
int nn_trailer_check(const char *path);

#endif
