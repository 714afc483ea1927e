#include "base/bytes.h"

#include <string.h>

/* Room for `more` bytes. */
static bool make_room(nn_bytes *out, size_t more) {
    unsigned char *wider;
    size_t capacity = out->capacity ? out->capacity : 256;
    while (capacity - out->count < more && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    if (capacity == out->capacity || out->failed)
        return !out->failed;
    out->failed = NN_NEW(&wider, capacity, "a file") < 0;
    if (out->failed)
        return false;
    if (out->count)
        memcpy(wider, out->at, out->count);
    nn_free(out->at);
    out->at = wider;
    out->capacity = capacity;
    return true;
}

void nn_bytes_put(nn_bytes *out, const void *bytes, size_t count) {
    if (count == 0 || !make_room(out, count))
        return;
    memcpy(out->at + out->count, bytes, count);
    out->count += count;
}

void nn_bytes_put_text(nn_bytes *out, const char *text) {
    nn_bytes_put(out, text, strlen(text));
}

void nn_bytes_number(nn_bytes *out, uint64_t number, int size) {
    for (; size > 0; size--, number >>= 8)
        nn_bytes_put(out, &(unsigned char){(unsigned char)number}, 1);
}

void nn_bytes_release(nn_bytes *out) {
    nn_free(out->at);
    *out = (nn_bytes){0};
}
