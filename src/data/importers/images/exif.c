/* Which way up a camera was held: the tag Orientation of Exif 2.3, in the first directory of a
 * TIFF file inside a JPEG. */
#include "base/error.h"
#include "data/importers/images/picture.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY = 12 };

typedef struct tiff {
    const unsigned char *at;
    size_t size;
    bool big; /* big-endian */
} tiff;

/* `bytes` of them at a place; 0 beyond the end. */
static uint32_t number_at(const tiff *t, size_t place, size_t bytes) {
    uint32_t value = 0;

    if (place > t->size || bytes > t->size - place)
        return 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | t->at[place + (t->big ? i : bytes - 1 - i)];
    return value;
}

int nn_exif_orientation(const unsigned char *segment, size_t size) {
    tiff t;

    if (size < 14 || memcmp(segment, "Exif\0\0", 6) != 0)
        return 1;
    t = (tiff){segment + 6, size - 6, segment[6] == 'M'};
    size_t directory = number_at(&t, 4, 4);
    size_t entries = number_at(&t, directory, 2);
    for (size_t i = 0; i < entries; i++) {
        size_t entry = directory + 2 + i * ENTRY;
        uint32_t value = number_at(&t, entry + 8, 2);
        if (number_at(&t, entry, 2) == TAG_ORIENTATION && number_at(&t, entry + 2, 2) == TYPE_SHORT)
            return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* Orientations 2 to 8 as steps: first rows and columns change places, then each may be mirrored. */
static const struct {
    bool swap, mirror_rows, mirror_columns;
} steps[9] = {
    [2] = {false, false, true}, [3] = {false, true, true}, [4] = {false, true, false},
    [5] = {true, false, false}, [6] = {true, false, true}, [7] = {true, true, true},
    [8] = {true, true, false},
};

int nn_picture_orient(nn_picture *p, int orientation, nn_pool *pool) {
    bool swap = steps[orientation].swap;
    nn_picture out = {.width = swap ? p->height : p->width,
                      .height = swap ? p->width : p->height,
                      .channels = p->channels};
    size_t channels = (size_t)p->channels;

    if (orientation == 1)
        return NN_OK;
    if (p->pixel) {
        out.pixel = nn_pool_alloc(pool, (size_t)(p->width * p->height) * channels);
        if (!out.pixel)
            return NN_EMEMORY;
    }
    for (int64_t i = 0; p->pixel && i < out.height; i++) {
        int64_t row = steps[orientation].mirror_rows ? out.height - 1 - i : i;
        for (int64_t k = 0; k < out.width; k++) {
            int64_t column = steps[orientation].mirror_columns ? out.width - 1 - k : k;
            int64_t from = swap ? column * p->width + row : row * p->width + column;
            memcpy(out.pixel + (size_t)(i * out.width + k) * channels,
                   p->pixel + (size_t)from * channels, channels);
        }
    }
    *p = out;
    return NN_OK;
}
