#include "data/importers/images/picture.h"

#include "base/error.h"
#include "base/text.h"
#include "io/files/file.h"

#include <inttypes.h>
#include <string.h>

#define MOST_BYTES ((int64_t)1 << 30)
/* Pixels that a byte of a file can stand for: deflate makes 1032 bytes of one, a byte has 8 of
 * them. */
#define MOST_PACKED (8 * 1032)

static const struct {
    unsigned char magic[4];
    size_t length;
    int (*read)(const nn_image_file *file, bool pixels, nn_pool *pool, nn_picture *out);
} decoders[] = {
    {{0x89, 'P', 'N', 'G'}, 4, nn_png_read},
    {{0xff, 0xd8, 0xff}, 3, nn_jpeg_read},
};

bool nn_picture_has_name(const char *path) {
    static const char *const endings[] = {".png", ".jpg", ".jpeg", NULL};

    return nn_text_has_ending(path, endings);
}

int nn_picture_check(const nn_image_file *file, const nn_picture *p) {
    if (p->width < 1 || p->height < 1)
        return nn_fail(NN_EFORMAT, "it has no pixels");
    if (p->width > NN_PICTURE_MOST_PIXELS / p->height)
        return nn_fail(NN_EFORMAT, "%" PRId64 " by %" PRId64 " pixels are too many", p->width,
                       p->height);
    if ((uint64_t)(p->width * p->height) / MOST_PACKED > file->size)
        return nn_fail(NN_EFORMAT,
                       "its header says %" PRId64 " by %" PRId64
                       " pixels, more than a file of this length can hold",
                       p->width, p->height);
    return NN_OK;
}

static int decode(const nn_image_file *file, bool pixels, nn_pool *pool, nn_picture *out) {
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
        if (file->size >= decoders[i].length &&
            memcmp(file->at, decoders[i].magic, decoders[i].length) == 0)
            return decoders[i].read(file, pixels, pool, out);
    return nn_fail(NN_EFORMAT, "%s", file->size ? "it is neither PNG nor JPEG" : "it is empty");
}

int nn_picture_read(const char *path, bool pixels, nn_pool *pool, nn_picture *out) {
    char *text;
    size_t length;
    nn_image_file file;

    *out = (nn_picture){0};
    NN_TRY(nn_file_read_below(pool, path, MOST_BYTES, &text, &length));
    file = (nn_image_file){path, (const unsigned char *)text, length};
    int rc = decode(&file, pixels, pool, out);
    return rc < 0 ? nn_error_prefix(rc, "%s", path) : NN_OK;
}
