/* Checkpoints. */
#ifndef NNMPI_CHECKPOINT_H
#define NNMPI_CHECKPOINT_H

#include <nnmpi/error.h>

/* The SHA-256 over the parameters of a checkpoint, 64 hexadecimal digits and a NUL, after verifying
 * the file. Two runs with equal parameters have equal digests. NN_EFORMAT. Local. */
NN_API int nn_checkpoint_digest(const char *path, char hex[65]);

#endif
