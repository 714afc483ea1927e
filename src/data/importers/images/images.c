/* A folder of pictures: their sizes first, unless they are asked for, then pixels piece by piece,
 * each piece on all cores. */
#include "base/log.h"
#include "base/system/clock.h"
#include "base/system/limits.h"
#include "data/dataset.h"
#include "data/importers/images/folder.h"
#include "data/importers/images/picture.h"
#include "data/importers/importer.h"
#include "data/output.h"
#include "data/values/convert.h"
#include "data/values/layout.h"
#include "math/parallel.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { FIT_CROP, FIT_STRETCH };
enum { COLOR_AUTO, COLOR_GREY, COLOR_RGB };
enum { PIECE = 64, REASON = 300, NAMED = 10 };
#define PIECE_BYTES ((size_t)1 << 26) /* of a piece of several images */
/* That a pixel takes while it is decoded: four of a PNG with transparency, twice three of a JPEG
 * that is turned, and the file's own. */
#define PIXEL_BYTES 8.0

const nn_option nn_images_table[] = {
    {"path", NN_OPT_STRING, offsetof(nn_images_options, path), NULL, NULL,
     "folder that holds a folder of PNG and JPEG files for each class, or train, valid and test "
     "with such folders; files right in it have no class"},
    {"height", NN_OPT_INT, offsetof(nn_images_options, height), "0", "[0, 65536]",
     "pixels; 0: as the files have, all of one size"},
    {"width", NN_OPT_INT, offsetof(nn_images_options, width), "0", "[0, 65536]",
     "the same; with height alone, images are square"},
    {"fit", NN_OPT_CHOICE, offsetof(nn_images_options, fit), "crop", "crop|stretch",
     "where proportions differ: cut off what is beyond the middle, or scale each side by itself"},
    {"color", NN_OPT_CHOICE, offsetof(nn_images_options, color), "auto", "auto|grey|rgb",
     "one channel or three; auto: grey when all files are"},
    NN_OPTION_END,
};

typedef struct task {
    const nn_images_options *options;
    nn_image_folder folder;
    int64_t height, width, channels;
    size_t row_bytes, piece; /* images of a piece, up to PIECE */
    size_t longest;          /* bytes of the name of a file */
    nn_output output;
    int64_t largest;       /* pixels of the largest picture that was looked at */
    size_t done, all, bad; /* pictures */
    double next_word;      /* when progress is told again, nn_seconds */
    /* the piece under way */
    const nn_image_split *split;
    size_t first;
    unsigned char *pixels;  /* [piece][row_bytes] */
    char (*reason)[REASON]; /* [PIECE]: why a file cannot be read, or "" */
    int code[PIECE];
    nn_picture size[PIECE];
} task;

/* ---- a piece -------------------------------------------------------------------------------- */

static int read_one(task *t, size_t part, nn_pool *pool) {
    nn_picture picture;

    NN_TRY(nn_picture_read(t->split->path[t->first + part], t->pixels, pool, &picture));
    t->size[part] = picture;
    if (!t->pixels)
        return NN_OK;
    return nn_picture_fit(&picture, t->options->fit == FIT_CROP, t->height, t->width, t->channels,
                          t->pixels + part * t->row_bytes);
}

/* On any thread; an error belongs to a thread, so its text is kept. */
static void read_part(void *ctx, size_t part) {
    task *t = ctx;
    nn_pool pool = {0};

    t->code[part] = read_one(t, part, &pool);
    t->reason[part][0] = '\0';
    if (t->code[part] < 0)
        snprintf(t->reason[part], REASON, "%s", nn_error_message());
    nn_pool_release(&pool);
}

static void tell_progress(task *t, size_t count) {
    double now = nn_seconds();

    t->done += count;
    if (now < t->next_word)
        return;
    t->next_word = now + 5;
    nn_info("%s %zu of %zu images", t->pixels ? "read" : "looked at", t->done, t->all);
}

/* As many at a time as memory has room for; without a survey each may be as large as any. */
static int count_threads(const task *t) {
    int64_t pixels = t->largest ? t->largest : NN_PICTURE_MOST_PIXELS;
    double memory = fmin(nn_memory_of_process(), nn_memory_of_node("", NULL));
    double room = memory / (PIXEL_BYTES * (double)pixels);

    return (int)fmax(1, fmin(room, nn_cores_available()));
}

/* Damaged files are named one by one, so that they can all be mended at once: when their pixels are
 * read. */
static int read_piece(task *t, size_t count) {
    nn_compute compute = {.threads = t->pixels ? count_threads(t) : nn_cores_available()};

    nn_parallel_for(&compute, count, read_part, t);
    for (size_t i = 0; i < count; i++) {
        if (t->code[i] < 0 && t->code[i] != NN_EFORMAT)
            return nn_fail(t->code[i], "%s", t->reason[i]);
        if (t->code[i] < 0 && t->pixels && t->bad++ < NAMED)
            nn_warn("%s", t->reason[i]);
    }
    tell_progress(t, count);
    return NN_OK;
}

typedef int piece_fn(task *t, size_t count);

static int for_each_piece(task *t, const nn_image_split *split, piece_fn *fn) {
    t->split = split;
    for (t->first = 0; t->first < split->count; t->first += t->piece) {
        size_t left = split->count - t->first, count = left < t->piece ? left : t->piece;
        NN_TRY(read_piece(t, count));
        NN_TRY(fn(t, count));
    }
    return NN_OK;
}

static int check_bad(const task *t) {
    if (t->bad == 0)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: %zu of %zu images cannot be read%s: mend them, or take them out of the "
                   "folder",
                   t->options->path, t->bad, t->all,
                   t->bad > NAMED ? "; the first ones are named above" : ", as said above");
}

/* ---- what is to become of them -------------------------------------------------------------- */

/* Without a size asked for all have the one of the first. */
static int survey_piece(task *t, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const nn_picture *p = &t->size[i];
        if (t->code[i] < 0)
            continue;
        if (p->height * p->width > t->largest)
            t->largest = p->height * p->width;
        if (t->height == 0) {
            t->height = p->height;
            t->width = p->width;
        }
        if (!t->options->height && (p->height != t->height || p->width != t->width))
            return nn_fail(NN_EUSAGE,
                           "%s is %" PRId64 " by %" PRId64 " pixels, and others %" PRId64
                           " by %" PRId64 " (height by width): give height and width (--height, "
                           "--width), which all images are brought to",
                           t->split->path[t->first + i], p->height, p->width, t->height, t->width);
        if (t->options->color == COLOR_AUTO && p->channels > t->channels)
            t->channels = p->channels;
    }
    return NN_OK;
}

static int survey(task *t) {
    const nn_images_options *o = t->options;

    if (o->width && !o->height)
        return nn_fail(NN_EUSAGE, "%s: width goes with height (--height)", o->path);
    t->height = o->height;
    t->width = o->width ? o->width : o->height;
    t->channels = o->color == COLOR_RGB ? 3 : 1;
    if (t->height == 0 || o->color == COLOR_AUTO)
        for (size_t i = 0; i < t->folder.splits; i++)
            NN_TRY(for_each_piece(t, &t->folder.split[i], survey_piece));
    if (t->height == 0)
        return nn_fail(NN_EFORMAT, "%s; and no other image can be read either", t->reason[0]);
    t->row_bytes = (size_t)(t->height * t->width * t->channels);
    t->piece = PIECE_BYTES / t->row_bytes < PIECE ? PIECE_BYTES / t->row_bytes : PIECE;
    t->piece = t->piece ? t->piece : 1;
    return NN_OK;
}

/* As it is seen from the folder that was given. */
static const char *name_of(const task *t, const nn_image_split *split, size_t i) {
    return split->path[i] + strlen(t->options->path) + 1;
}

static int write_piece(task *t, size_t count) {
    int64_t first = (int64_t)t->first, rows = (int64_t)count;
    const char *name[PIECE];
    char path[NN_FIELD_PATH];

    if (t->bad)
        return NN_OK;
    NN_TRY(nn_output_rows(&t->output, t->split->name, 'x', first, rows, NN_U8, t->pixels));
    if (t->folder.classes)
        NN_TRY(nn_output_rows(&t->output, t->split->name, 'y', first, rows, NN_I32,
                              t->split->class + t->first));
    for (size_t i = 0; i < count; i++)
        name[i] = name_of(t, t->split, t->first + i);
    return nn_h5_write_texts(t->output.file, nn_field_path(t->split->name, NN_FIELD_FILE, path),
                             first, rows, name);
}

/* Grey images are [H, W], others [H, W, C]. */
static int declare(task *t, const nn_image_split *split) {
    nn_shape x = {t->channels > 1 ? 3 : 2, {t->height, t->width, t->channels}}, y = {0};
    nn_dtype type = t->folder.classes > 256 ? NN_I32 : NN_U8;
    int64_t count = (int64_t)split->count;
    char path[NN_FIELD_PATH];

    NN_TRY(nn_output_declare(&t->output, split->name, 'x', NN_U8, count, &x));
    if (t->folder.classes)
        NN_TRY(nn_output_declare(&t->output, split->name, 'y', type, count, &y));
    return nn_h5_make_texts(t->output.file, nn_field_path(split->name, NN_FIELD_FILE, path),
                            t->longest, count);
}

static int write(task *t, const char *out) {
    NN_TRY(nn_output_init(&t->output, out, (uint64_t)t->all * (t->row_bytes + 4 + t->longest)));
    NN_TRY(NN_NEW(&t->pixels, t->piece * t->row_bytes, "images"));
    NN_TRY(nn_h5_set_real(t->output.file, "/", "scale", 1.0 / 255));
    if (t->channels > 1)
        NN_TRY(nn_h5_set_text(t->output.file, "/", "layout", nn_layout_names[NN_LAYOUT_LAST]));
    if (t->folder.classes)
        NN_TRY(nn_h5_set_texts(t->output.file, "/", "classes", t->folder.class_name,
                               t->folder.classes));
    t->done = 0;
    for (size_t i = 0; i < t->folder.splits; i++) {
        NN_TRY(declare(t, &t->folder.split[i]));
        NN_TRY(for_each_piece(t, &t->folder.split[i], write_piece));
    }
    return check_bad(t);
}

static void count_images(task *t) {
    for (size_t i = 0; i < t->folder.splits; i++) {
        const nn_image_split *split = &t->folder.split[i];
        t->all += split->count;
        for (size_t k = 0; k < split->count; k++) {
            size_t length = strlen(name_of(t, split, k));
            t->longest = length > t->longest ? length : t->longest;
        }
    }
}

static int find_images(task *t) {
    NN_TRY(nn_image_folder_read(t->options->path, &t->folder));
    count_images(t);
    if (t->folder.others)
        nn_warn("files left out: %zu (%s, ...); images are .png, .jpg and .jpeg", t->folder.others,
                t->folder.other);
    if (t->folder.deeper)
        nn_warn("folders left out: %zu (%s, ...); the pictures of a class are right in its folder",
                t->folder.deeper, t->folder.deep);
    t->piece = PIECE;
    t->next_word = nn_seconds() + 1;
    return NN_NEW(&t->reason, PIECE, "messages");
}

static int images_run(const void *options, const char *out) {
    task t = {.options = options};
    int rc;

    NN_TRY_GOTO(find_images(&t));
    NN_TRY_GOTO(survey(&t));
    NN_TRY_GOTO(write(&t, out));
done:
    rc = nn_output_end(&t.output, rc);
    nn_free(t.pixels);
    nn_free(t.reason);
    nn_image_folder_release(&t.folder);
    return rc;
}

const nn_importer_ops nn_importer_images = {
    .entry = {"images",
              "PNG and JPEG files, a folder a class; pixels stay bytes and are scaled to 0..1 when "
              "read.",
              nn_images_table, sizeof(nn_images_options)},
    .argument = "path",
    .run = images_run,
};
