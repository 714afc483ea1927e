/* PNG by libpng; the only user of png.h. */
#include "base/error.h"
#include "data/importers/images/picture.h"

#ifdef NN_PNG

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

typedef struct reader {
    const nn_image_file *file;
    size_t used;
    png_structp png;
    png_infop info;
    nn_pool *pool;
    unsigned char *raw; /* [height][width][components], as libpng gives them */
    size_t components;  /* 1: grey, 2: and alpha, 3: colours, 4: and alpha */
    int rc;             /* what is wrong beside libpng */
    char why[120];      /* what libpng says */
} reader;

static void fail(png_structp png, png_const_charp text) {
    reader *r = png_get_error_ptr(png);

    snprintf(r->why, sizeof r->why, "%s", text);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void take(png_structp png, png_bytep out, size_t count) {
    reader *r = png_get_io_ptr(png);

    if (count > r->file->size - r->used)
        png_error(png, "it ends too early");
    memcpy(out, r->file->at + r->used, count);
    r->used += count;
}

static void read_header(reader *r, nn_picture *out) {
    png_set_read_fn(r->png, r, take);
    png_read_info(r->png, r->info);
    out->width = png_get_image_width(r->png, r->info);
    out->height = png_get_image_height(r->png, r->info);
    out->channels = png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_COLOR ? 3 : 1;
    r->rc = nn_picture_check(r->file, out);
}

/* Palettes, few bits and transparent colours become bytes. */
static void read_pixels(reader *r, const nn_picture *out) {
    size_t row_bytes;

    png_set_expand(r->png);
    png_set_scale_16(r->png);
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    r->components = png_get_channels(r->png, r->info);
    row_bytes = png_get_rowbytes(r->png, r->info);
    r->raw = nn_pool_alloc(r->pool, (size_t)out->height * row_bytes);
    if (!r->raw) {
        r->rc = NN_EMEMORY;
        return;
    }
    for (int pass = 0; pass < passes; pass++)
        for (int64_t i = 0; i < out->height; i++)
            png_read_row(r->png, r->raw + (size_t)i * row_bytes, NULL);
    png_read_end(r->png, NULL);
}

/* All calls that may end in `fail`. */
static int run(reader *r, bool pixels, nn_picture *out) {
    if (setjmp(png_jmpbuf(r->png)))
        return nn_fail(NN_EFORMAT, "it is damaged: %s", r->why);
    read_header(r, out);
    if (r->rc >= 0 && pixels)
        read_pixels(r, out);
    return r->rc;
}

/* What is transparent lets white through. In place: what is written never overtakes what is read.
 */
static void blend(const reader *r, nn_picture *out) {
    size_t count = (size_t)(out->width * out->height), own = r->components - 1;

    for (size_t i = 0; i < count; i++) {
        const unsigned char *in = r->raw + i * r->components;
        unsigned alpha = in[own];
        for (size_t c = 0; c < own; c++)
            out->pixel[i * own + c] =
                (unsigned char)((in[c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

static void take_pixels(const reader *r, nn_picture *out) {
    out->channels = r->components > 2 ? 3 : 1;
    out->pixel = r->raw;
    if (r->components % 2 == 0)
        blend(r, out);
}

int nn_png_read(const nn_image_file *file, bool pixels, nn_pool *pool, nn_picture *out) {
    reader r = {.file = file, .pool = pool};
    int rc = NN_EMEMORY;

    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, fail, ignore);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    if (r.info)
        rc = run(&r, pixels, out);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    if (rc >= 0 && pixels)
        take_pixels(&r, out);
    return rc;
}

const char *nn_png_library(void) {
    return "libpng " PNG_LIBPNG_VER_STRING;
}

#else

const char *nn_png_library(void) {
    return NULL;
}

int nn_png_read(const nn_image_file *file, bool pixels, nn_pool *pool, nn_picture *out) {
    (void)file, (void)pixels, (void)pool, (void)out;
    return nn_fail(NN_EUSAGE, "it is a PNG, and nnmpi was built without libpng: install libpng-dev "
                              "and build again");
}

#endif
