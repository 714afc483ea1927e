#define _GNU_SOURCE
#include "io/hdf5/inner.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Strings of varying length lie in "global heap collections" (HDF5 File Format Specification,
 * section III.E): a header of 16 bytes, then objects, each with its index and size in front, then
 * one object of index 0 for the free space. They have no checksum, and HDF5 believes every size and
 * index in them: one flipped bit makes it copy megabytes over its own memory. */
enum { HEADER = 16, OBJECT_HEADER = 16, OBJECT_ALIGN = 8, MAX_COLLECTION = 1 << 30 };

static const unsigned char signature[] = {'G', 'C', 'O', 'L', 1};

static uint64_t little_endian(const unsigned char *bytes, int count) {
    uint64_t value = 0;
    while (count-- > 0)
        value = value << 8 | bytes[count];
    return value;
}

/* Whether the objects fill the collection to its last byte and no index occurs twice. An index can
 * hardly exceed the number of objects that fit, for they are counted up. seen[most + 1] is zeroed.
 */
static bool objects_fit(const unsigned char *heap, size_t size, unsigned char *seen, size_t most) {
    size_t at = HEADER;
    while (size - at >= OBJECT_HEADER) {
        uint64_t index = little_endian(heap + at, 2);
        uint64_t length = little_endian(heap + at + 8, 8);
        if (index > most || length > size - at || (index != 0 && seen[index]++ != 0))
            return false;
        size_t whole = (size_t)length; /* free space counts its own header */
        if (index != 0)
            whole = OBJECT_HEADER + (whole + OBJECT_ALIGN - 1) / OBJECT_ALIGN * OBJECT_ALIGN;
        if (whole < OBJECT_HEADER || whole > size - at)
            return false;
        at += whole;
    }
    return true;
}

bool nn_h5_heap_sound(nn_h5_channel *channel, int fd, int64_t address, const void *block,
                      size_t count) {
    const unsigned char *begin = block;
    if (count < HEADER || memcmp(begin, signature, sizeof signature) != 0)
        return true;
    uint64_t size = little_endian(begin + 8, 8);
    struct stat status;
    if (size < HEADER || size > MAX_COLLECTION || fstat(fd, &status) < 0 || address < 0 ||
        address > status.st_size || size > (uint64_t)(status.st_size - address))
        return false;
    const size_t most = (size_t)size / OBJECT_HEADER;
    unsigned char *heap = malloc((size_t)size);
    unsigned char *seen = calloc(most + 1, 1);
    bool sound = false;
    if (heap == NULL || seen == NULL)
        nn_h5_out_of_memory(channel);
    else
        sound = pread(fd, heap, (size_t)size, (off_t)address) == (ssize_t)size &&
                objects_fit(heap, (size_t)size, seen, most);
    free(seen);
    free(heap);
    return sound;
}
