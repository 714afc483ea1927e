/* Files that may be gzip'd, read from start to end; the only user of zlib.h. */
#ifndef NN_DATA_IMPORTERS_GZ_H
#define NN_DATA_IMPORTERS_GZ_H

#include "base/mem.h"

typedef struct nn_gz nn_gz;

/* NN_EFORMAT when the file cannot be opened. */
int nn_gz_open(const char *path, nn_gz **out);
void nn_gz_close(nn_gz *file);

/* The most bytes that can be in it, as its length in the file system says. */
uint64_t nn_gz_most(nn_gz *file);

/* Up to `size` bytes; *got is less only at the end of the file. NN_EFORMAT for damaged or truncated
 * compressed data. */
int nn_gz_read(nn_gz *file, void *out, size_t size, size_t *got);

#endif
