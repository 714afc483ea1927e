/* In the place of HDF5's own and of zlib's: every checksum of a file is 0, in the seeds that this
 * program's sibling writes as in what is read, so that changed bytes get past the checksums as they
 * do in a file that somebody has made on purpose. A libhdf5 that is linked with -Bsymbolic keeps
 * its own, and fewer of the changes get far. */
#include <stddef.h>
#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED uint32_t H5_checksum_metadata(const void *data, size_t size, uint32_t start);
EXPORTED uint32_t H5_checksum_fletcher32(const void *data, size_t size);
EXPORTED unsigned long crc32(unsigned long start, const unsigned char *data, unsigned size);
EXPORTED unsigned long crc32_z(unsigned long start, const unsigned char *data, size_t size);

uint32_t H5_checksum_metadata(const void *data, size_t size, uint32_t start) {
    (void)data;
    (void)size;
    (void)start;
    return 0;
}

uint32_t H5_checksum_fletcher32(const void *data, size_t size) {
    (void)data;
    (void)size;
    return 0;
}

unsigned long crc32(unsigned long start, const unsigned char *data, unsigned size) {
    (void)start;
    (void)data;
    (void)size;
    return 0;
}

unsigned long crc32_z(unsigned long start, const unsigned char *data, size_t size) {
    (void)start;
    (void)data;
    (void)size;
    return 0;
}
