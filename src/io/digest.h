/* SHA-256 (libcrypto, which uses the processor's SHA instructions). */
#ifndef NN_IO_DIGEST_H
#define NN_IO_DIGEST_H

#include "base/error.h"

#include <stddef.h>

#define NN_DIGEST_HEX 65 /* 64 hexadecimal digits and a NUL */

typedef struct nn_digest nn_digest;

int nn_digest_new(nn_digest **out);
void nn_digest_add(nn_digest *digest, const void *bytes, size_t count);
/* Ends it, writes the hexadecimal digest and frees the object. */
void nn_digest_end(nn_digest *digest, char hex[NN_DIGEST_HEX]);

#endif
