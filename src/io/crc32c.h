/* CRC-32C (Castagnoli; RFC 3720, appendix B.4). That of zlib is another polynomial. */
#ifndef NN_IO_CRC32C_H
#define NN_IO_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t nn_crc32c(const void *bytes, size_t count);

#endif
