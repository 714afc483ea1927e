/* ZIP archives, as .npz files are: read as a whole, stored or deflated; written stored. With ZIP64,
 * which 4 GiB or 65535 members want. */
#ifndef NN_IO_TENSORS_ZIP_H
#define NN_IO_TENSORS_ZIP_H

#include "io/files/file.h"

typedef struct nn_zip_member {
    const char *name;
    nn_piece part[2]; /* its bytes, one piece behind the other */
} nn_zip_member;

/* Calls `take` with the bytes of each member, which `pool` owns, as it does its name, until that
 * fails. NN_EFORMAT where the archive is damaged. Local. */
int nn_zip_read(nn_pool *pool, const char *file,
                int (*take)(void *ctx, const char *name, const unsigned char *bytes, size_t size),
                void *ctx);

/* Writes durably. NN_EIO. Local. */
int nn_zip_write(const char *file, const nn_zip_member *member, size_t members);

#endif
