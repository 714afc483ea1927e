/* JPEG by libjpeg or libjpeg-turbo; the only user of jpeglib.h. */
#include "base/error.h"
#include "data/importers/images/picture.h"

#ifdef NN_JPEG

/* clang-format off */
#include <stdio.h> /* for jpeglib.h */
#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>
#include <string.h>
/* clang-format on */

typedef struct reader {
    struct jpeg_error_mgr errors; /* first: what libjpeg gives back is cast */
    struct jpeg_decompress_struct jpeg;
    jmp_buf back;
    const nn_image_file *file;
    nn_pool *pool;
    int orientation;
    int rc; /* what is wrong beside libjpeg */
    char why[JMSG_LENGTH_MAX];
} reader;

static void fail(j_common_ptr jpeg) {
    reader *r = (reader *)(void *)jpeg->err;

    jpeg->err->format_message(jpeg, r->why);
    longjmp(r->back, 1);
}

/* libjpeg makes grey of what is missing and warns; other warnings do no harm to the picture. */
static void warn(j_common_ptr jpeg, int level) {
    int code = jpeg->err->msg_code;

    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER))
        fail(jpeg);
}

static void find_orientation(reader *r) {
    r->orientation = 1;
    for (const struct jpeg_marker_struct *m = r->jpeg.marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && r->orientation == 1)
            r->orientation = nn_exif_orientation(m->data, m->data_length);
}

static void read_header(reader *r, nn_picture *out) {
    jpeg_mem_src(&r->jpeg, r->file->at, (unsigned long)r->file->size);
    jpeg_save_markers(&r->jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&r->jpeg, TRUE);
    out->width = r->jpeg.image_width;
    out->height = r->jpeg.image_height;
    out->channels = r->jpeg.num_components == 1 ? 1 : 3;
    find_orientation(r);
    r->rc = nn_picture_check(r->file, out);
    if (r->rc >= 0 && r->jpeg.num_components > 3)
        r->rc = nn_fail(NN_EFORMAT, "it has colours for printing (CMYK); save it as RGB");
}

static void read_pixels(reader *r, nn_picture *out) {
    size_t row_bytes = (size_t)(out->width * out->channels);

    out->pixel = nn_pool_alloc(r->pool, (size_t)out->height * row_bytes);
    if (!out->pixel) {
        r->rc = NN_EMEMORY;
        return;
    }
    r->jpeg.out_color_space = out->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&r->jpeg);
    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        JSAMPROW row = out->pixel + r->jpeg.output_scanline * row_bytes;
        jpeg_read_scanlines(&r->jpeg, &row, 1);
    }
    jpeg_finish_decompress(&r->jpeg);
}

/* All calls that may end in `fail`. */
static int run(reader *r, bool pixels, nn_picture *out) {
    if (setjmp(r->back))
        return nn_fail(NN_EFORMAT, "it is damaged: %s", r->why);
    jpeg_create_decompress(&r->jpeg);
    r->jpeg.mem->max_memory_to_use = 1L << 30;
    read_header(r, out);
    if (r->rc >= 0 && pixels)
        read_pixels(r, out);
    return r->rc;
}

int nn_jpeg_read(const nn_image_file *file, bool pixels, nn_pool *pool, nn_picture *out) {
    reader r = {.file = file, .pool = pool};
    int rc;

    r.jpeg.err = jpeg_std_error(&r.errors);
    r.errors.error_exit = fail;
    r.errors.emit_message = warn;
    rc = run(&r, pixels, out);
    jpeg_destroy_decompress(&r.jpeg);
    return rc >= 0 ? nn_picture_orient(out, r.orientation, pool) : rc;
}

#define TEXT(x) #x
#define VALUE_TEXT(x) TEXT(x)

const char *nn_jpeg_library(void) {
#ifdef LIBJPEG_TURBO_VERSION
    return "libjpeg-turbo " VALUE_TEXT(LIBJPEG_TURBO_VERSION);
#else
    return "libjpeg " VALUE_TEXT(JPEG_LIB_VERSION);
#endif
}

#else

const char *nn_jpeg_library(void) {
    return NULL;
}

int nn_jpeg_read(const nn_image_file *file, bool pixels, nn_pool *pool, nn_picture *out) {
    (void)file, (void)pixels, (void)pool, (void)out;
    return nn_fail(NN_EUSAGE, "it is a JPEG, and nnmpi was built without libjpeg: install "
                              "libjpeg-dev and build again");
}

#endif
