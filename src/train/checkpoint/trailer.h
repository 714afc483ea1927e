/* The checksum trailer of a checkpoint: a line behind the end of the HDF5 file, where HDF5 does not
 * look, with the SHA-256 of every byte before it. HDF5 crashes on some damaged files, so they have
 * to be found out before it opens them. */
#ifndef NN_TRAIN_CHECKPOINT_TRAILER_H
#define NN_TRAIN_CHECKPOINT_TRAILER_H

#include "base/error.h"

/* Appends the trailer to a closed file. NN_EIO. Local. */
int nn_trailer_write(const char *path);

/* NN_EFORMAT when the file is not the one that the trailer was made for. A file without a trailer
 * (other programs drop it when they change the file) passes. Local. */
int nn_trailer_check(const char *path);

#endif
