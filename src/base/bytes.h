/* A growing block of bytes: files that are put together in memory. */
#ifndef NN_BASE_BYTES_H
#define NN_BASE_BYTES_H

#include "base/mem.h"

typedef struct nn_bytes {
    unsigned char *at;
    size_t count, capacity;
    bool failed; /* memory ran out, the error is set: nothing more is put */
} nn_bytes;

void nn_bytes_put(nn_bytes *out, const void *bytes, size_t count);
void nn_bytes_put_text(nn_bytes *out, const char *text);
/* A number as `size` bytes, the lowest one first. */
void nn_bytes_number(nn_bytes *out, uint64_t number, int size);
void nn_bytes_release(nn_bytes *out);

/* A number of `size` bytes, the lowest one first. */
static inline uint64_t nn_bytes_get(const unsigned char *at, int size) {
    uint64_t number = 0;
    while (size-- > 0)
        number = number << 8 | at[size];
    return number;
}

#endif
