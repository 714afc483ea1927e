/* IDX, the format MNIST and its relatives come in: two zero bytes, a type, the number of
 * dimensions, the dimensions (32 bits, big-endian), then the numbers (big-endian). */
#include "base/log.h"
#include "base/text.h"
#include "data/classes.h"
#include "data/importers/beside.h"
#include "data/importers/gz.h"
#include "data/importers/importer.h"
#include "data/output.h"
#include "data/values/convert.h"
#include "data/values/layout.h"
#include "io/files/file.h"
#include "io/files/folder.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

const nn_option nn_idx_table[] = {
    {"path", NN_OPT_STRING, offsetof(nn_idx_options, path), "", NULL,
     "folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and, for the test split, "
     "t10k-... or test-..., each gzip'd (.gz) or not; or one file of samples, whose classes are "
     "those of the file beside it, called labels in the place of images, if there is one"},
    {"prefix", NN_OPT_STRING, offsetof(nn_idx_options, prefix), "", NULL,
     "what stands before these names, e.g. emnist-letters-"},
    {"train_images", NN_OPT_STRING, offsetof(nn_idx_options, train_images), "", NULL,
     "IDX file of the training samples, gzip'd or not"},
    {"train_labels", NN_OPT_STRING, offsetof(nn_idx_options, train_labels), "", NULL,
     "IDX file of their classes"},
    {"test_images", NN_OPT_STRING, offsetof(nn_idx_options, test_images), "", NULL,
     "IDX file of the test samples"},
    {"test_labels", NN_OPT_STRING, offsetof(nn_idx_options, test_labels), "", NULL,
     "IDX file of their classes"},
    {"classes", NN_OPT_STRING, offsetof(nn_idx_options, classes), "", NULL,
     "names of the classes 0, 1, ... with commas between them"},
    NN_OPTION_END,
};

static const struct {
    unsigned char code;
    nn_dtype type;
} idx_types[] = {
    {0x08, NN_U8}, {0x09, NN_I8}, {0x0b, NN_I16}, {0x0c, NN_I32}, {0x0d, NN_F32}, {0x0e, NN_F64},
};

typedef struct idx_file {
    nn_gz *gz;
    const char *path;
    nn_dtype type;
    int64_t count;
    nn_shape shape; /* of one of `count` */
    size_t row_bytes;
} idx_file;

static int read_exactly(idx_file *f, void *out, size_t size, const char *what) {
    size_t got;

    NN_TRY(nn_gz_read(f->gz, out, size, &got));
    if (got < size)
        return nn_fail(NN_EFORMAT, "%s: truncated: it ends within %s", f->path, what);
    return NN_OK;
}

static int read_magic(idx_file *f, int *rank) {
    unsigned char magic[4];

    NN_TRY(read_exactly(f, magic, sizeof magic, "the magic number"));
    *rank = magic[3];
    for (size_t i = 0; magic[0] == 0 && magic[1] == 0 && i < sizeof idx_types / sizeof *idx_types;
         i++) {
        if (idx_types[i].code == magic[2]) {
            f->type = idx_types[i].type;
            return NN_OK;
        }
    }
    return nn_fail(NN_EFORMAT,
                   "%s: not an IDX file: it starts with %02x %02x %02x %02x, but images start with "
                   "00 00 08 03 and labels with 00 00 08 01",
                   f->path, magic[0], magic[1], magic[2], magic[3]);
}

static int read_dimension(idx_file *f, int64_t *out) {
    unsigned char b[4];

    NN_TRY(read_exactly(f, b, sizeof b, "the dimensions"));
    *out = (int64_t)b[0] << 24 | (int64_t)b[1] << 16 | (int64_t)b[2] << 8 | (int64_t)b[3];
    if (*out == 0)
        return nn_fail(NN_EFORMAT, "%s: holds nothing: one of its dimensions is 0", f->path);
    return NN_OK;
}

/* A header can claim what its file cannot hold. */
static int check_size(idx_file *f) {
    uint64_t bytes = nn_dtype_size(f->type), most = nn_gz_most(f->gz);
    bool fits = true;

    for (int i = 0; i < f->shape.rank; i++)
        fits = fits && !__builtin_mul_overflow(bytes, (uint64_t)f->shape.dim[i], &bytes);
    f->row_bytes = fits ? (size_t)bytes : 0;
    fits = fits && !__builtin_mul_overflow(bytes, (uint64_t)f->count, &bytes);
    if (fits && bytes <= most)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: truncated: its header says more bytes than there can be in a file of this "
                   "length",
                   f->path);
}

/* Opens the file and reads its header; `images` or labels are expected. */
static int idx_open(idx_file *f, const char *path, bool images) {
    int rank = 0;

    f->path = path;
    NN_TRY(nn_gz_open(path, &f->gz));
    NN_TRY(read_magic(f, &rank));
    if (images ? rank < 2 || rank > NN_MAX_RANK + 1 : rank != 1)
        return nn_fail(NN_EFORMAT, "%s: holds %d dimensions, but %s have %s", path, rank,
                       images ? "images" : "labels", images ? "2 to 5 (usually 3)" : "1");
    if (!images && !nn_dtype_is_integer(f->type))
        return nn_fail(NN_EFORMAT, "%s: holds %s, but labels are integers", path,
                       nn_dtype_name(f->type));
    NN_TRY(read_dimension(f, &f->count));
    f->shape.rank = rank - 1;
    for (int i = 0; i < f->shape.rank; i++)
        NN_TRY(read_dimension(f, &f->shape.dim[i]));
    return check_size(f);
}

static void swap_bytes(unsigned char *data, size_t count, size_t size) {
    for (size_t i = 0; i < count; i++, data += size) {
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            unsigned char byte = data[a];
            data[a] = data[b];
            data[b] = byte;
        }
    }
}

static int expect_end(idx_file *f) {
    unsigned char byte;
    size_t got;

    NN_TRY(nn_gz_read(f->gz, &byte, 1, &got));
    if (got > 0)
        return nn_fail(NN_EFORMAT, "%s: has more bytes than the %" PRId64 " rows its header says",
                       f->path, f->count);
    return NN_OK;
}

/* What the labels of all files are like, and the names for them. */
typedef struct seen_labels {
    int64_t smallest, largest; /* without -1; INT64_MAX and -1: there was no other */
    bool named;
    size_t names;
} seen_labels;

static int check_labels(const idx_file *f, const unsigned char *labels, int64_t first,
                        int64_t count, seen_labels *seen) {
    for (int64_t i = 0; i < count; i++) {
        int64_t label = nn_stored_integer(f->type, labels, (size_t)i);
        if (label < -1 || label >= NN_MAX_CLASSES)
            return nn_label_refuse(f->path, "its", first + i, label);
        if (label >= 0 && label < seen->smallest)
            seen->smallest = label;
        if (label > seen->largest)
            seen->largest = label;
    }
    return NN_OK;
}

/* No number of the first class (first_label) helps where labels are more than names. */
static int check_names(const idx_file *f, const seen_labels *seen) {
    if (!seen->named || seen->largest - seen->smallest < (int64_t)seen->names)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: the labels are %" PRId64 " to %" PRId64
                   ", but classes (--classes) names %zu",
                   f->path, seen->smallest, seen->largest, seen->names);
}

static int copy_pieces(idx_file *f, nn_output *output, const char *split, char field,
                       seen_labels *seen, unsigned char *buffer, int64_t rows) {
    for (int64_t first = 0; first < f->count; first += rows) {
        int64_t count = f->count - first < rows ? f->count - first : rows;
        NN_TRY(read_exactly(f, buffer, (size_t)count * f->row_bytes, "its numbers"));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        swap_bytes(buffer, (size_t)count * nn_shape_count(&f->shape), nn_dtype_size(f->type));
#endif
        if (seen)
            NN_TRY(check_labels(f, buffer, first, count, seen));
        NN_TRY(nn_output_rows(output, split, field, first, count, f->type, buffer));
    }
    return expect_end(f);
}

/* seen: of labels, NULL for images. */
static int copy(idx_file *f, nn_output *output, const char *split, char field, seen_labels *seen) {
    int64_t rows = nn_chunk_rows(f->row_bytes);
    unsigned char *buffer = NULL;
    int rc;

    rows = rows < f->count ? rows : f->count;
    NN_TRY_GOTO(NN_NEW(&buffer, (size_t)rows * f->row_bytes, "rows"));
    NN_TRY_GOTO(nn_output_declare(output, split, field, f->type, f->count, &f->shape));
    NN_TRY_GOTO(copy_pieces(f, output, split, field, seen, buffer, rows));
done:
    nn_free(buffer);
    return rc;
}

/* Images and labels of one split. */
typedef struct pair {
    const char *split;
    idx_file images, labels;
} pair;

static int open_pair(pair *p, const char *images, const char *labels, bool labelled) {
    if (!images || (labelled && !labels))
        return nn_fail(NN_EUSAGE,
                       "the %s split needs both images and labels: %s_images and %s_labels under "
                       "`data`, or --%s-images and --%s-labels",
                       p->split, p->split, p->split, p->split, p->split);
    NN_TRY(idx_open(&p->images, images, true));
    if (!labels)
        return NN_OK;
    NN_TRY(idx_open(&p->labels, labels, false));
    if (p->images.count != p->labels.count)
        return nn_fail(NN_EFORMAT,
                       "%s has %" PRId64 " images but %s has %" PRId64
                       " labels: the files do not belong together",
                       images, p->images.count, labels, p->labels.count);
    return NN_OK;
}

static uint64_t pair_bytes(const pair *p) {
    return (uint64_t)p->images.count * (p->images.row_bytes + p->labels.row_bytes);
}

static int copy_pair(pair *p, nn_output *output, seen_labels *seen) {
    NN_TRY(copy(&p->images, output, p->split, 'x', NULL));
    if (!p->labels.gz)
        return NN_OK;
    NN_TRY(copy(&p->labels, output, p->split, 'y', seen));
    return check_names(&p->labels, seen);
}

/* The file `<from>/<prefix><name>`, with the spellings in use: "-idx" or ".idx", ".gz" or not. */
static int find_spelling(const nn_idx_options *o, nn_pool *pool, const char *name,
                         const char *ending, const char **out) {
    static const char *const dash[] = {"-", "."}, *const gz[] = {"", ".gz"};

    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++) {
            char *path = nn_pool_printf(pool, "%s/%s%s%s%s%s", o->path, o->prefix ? o->prefix : "",
                                        name, dash[i], ending, gz[k]);
            if (!path)
                return NN_EMEMORY;
            if (!*out && nn_file_exists(path))
                *out = path;
        }
    return NN_OK;
}

/* The first of the names that is there, unless *out is known. */
static int find_file(const nn_idx_options *o, nn_pool *pool, const char *const *names,
                     const char *ending, const char **out) {
    for (; *names && !*out; names++)
        NN_TRY(find_spelling(o, pool, *names, ending, out));
    return NN_OK;
}

/* Fills in what the folder has and the options leave open. */
static int look_in_folder(nn_idx_options *o, nn_pool *pool) {
    static const char *const train_images[] = {"train-images", NULL};
    static const char *const train_labels[] = {"train-labels", NULL};
    static const char *const test_images[] = {"t10k-images", "test-images", NULL};
    static const char *const test_labels[] = {"t10k-labels", "test-labels", NULL};

    NN_TRY(find_file(o, pool, train_images, "idx3-ubyte", &o->train_images));
    NN_TRY(find_file(o, pool, train_labels, "idx1-ubyte", &o->train_labels));
    NN_TRY(find_file(o, pool, test_images, "idx3-ubyte", &o->test_images));
    NN_TRY(find_file(o, pool, test_labels, "idx1-ubyte", &o->test_labels));
    if (o->train_images && o->train_labels)
        return NN_OK;
    return nn_fail(NN_EFORMAT, "%s: holds no %strain-%s, gzip'd or not", o->path,
                   o->prefix ? o->prefix : "",
                   o->train_images ? "labels-idx1-ubyte" : "images-idx3-ubyte");
}

bool nn_idx_has_folder(const char *path) {
    static const char *const names[] = {"train-images", NULL};
    nn_idx_options o = {.path = path};
    nn_pool pool = {0};
    bool found =
        find_file(&o, &pool, names, "idx3-ubyte", &o.train_images) == NN_OK && o.train_images;

    nn_pool_release(&pool);
    return found;
}

/* One file, with that of its labels where it is found. */
static int take_file(nn_idx_options *o, nn_pool *pool) {
    if (o->train_images)
        return nn_fail(NN_EUSAGE,
                       "%s is one file of samples, and train_images (--train-images) another: give "
                       "one of them",
                       o->path);
    o->train_images = o->path;
    return o->train_labels ? NN_OK : nn_find_targets(pool, o->path, &o->train_labels);
}

static int write_classes(const nn_idx_options *o, nn_pool *pool, nn_output *output,
                         size_t *written) {
    char *list = nn_pool_strdup(pool, o->classes), *name;
    const char **names = list ? nn_pool_alloc(pool, (strlen(list) + 1) * sizeof *names) : NULL;
    size_t count = 0;

    if (!names)
        return NN_EMEMORY;
    while ((name = strtok_r(list, ",", &list)))
        names[count++] = name;
    *written = count;
    return nn_h5_set_texts(output->file, "/", "classes", names, count);
}

static int write_all(const nn_idx_options *o, nn_pool *pool, nn_output *output, pair *train,
                     pair *test) {
    seen_labels seen = {.smallest = INT64_MAX, .largest = -1, .named = o->classes};

    if (train->images.type == NN_U8)
        NN_TRY(nn_h5_set_real(output->file, "/", "scale", 1.0 / 255));
    if (nn_layout_of(&train->images.shape) == NN_LAYOUT_LAST) {
        nn_info("%s: its images are taken for [H, W, C]", train->images.path);
        NN_TRY(nn_h5_set_text(output->file, "/", "layout", nn_layout_names[NN_LAYOUT_LAST]));
    }
    if (o->classes)
        NN_TRY(write_classes(o, pool, output, &seen.names));
    NN_TRY(copy_pair(train, output, &seen));
    if (test->images.gz)
        NN_TRY(copy_pair(test, output, &seen));
    return train->labels.gz && seen.largest < 0 ? nn_label_none(train->labels.path) : NN_OK;
}

static void close_pair(pair *p) {
    nn_gz_close(p->images.gz);
    nn_gz_close(p->labels.gz);
}

static int idx_run(const void *options, const char *out) {
    nn_idx_options o = *(const nn_idx_options *)options;
    pair train = {.split = "train"}, test = {.split = "test"};
    nn_pool pool = {0};
    nn_output output = {0};
    int rc;

    bool alone = o.path && nn_file_exists(o.path) && !nn_is_folder(o.path);
    if (alone)
        NN_TRY_GOTO(take_file(&o, &pool));
    else if (o.path)
        NN_TRY_GOTO(look_in_folder(&o, &pool));
    NN_TRY_GOTO(open_pair(&train, o.train_images, o.train_labels, !alone));
    if (o.test_images || o.test_labels)
        NN_TRY_GOTO(open_pair(&test, o.test_images, o.test_labels, true));
    NN_TRY_GOTO(nn_output_init(&output, out, pair_bytes(&train) + pair_bytes(&test)));
    NN_TRY_GOTO(write_all(&o, &pool, &output, &train, &test));
done:
    rc = nn_output_end(&output, rc);
    close_pair(&train);
    close_pair(&test);
    nn_pool_release(&pool);
    return rc;
}

const nn_importer_ops nn_importer_idx = {
    .entry = {"idx",
              "MNIST, Fashion-MNIST, EMNIST and the like; pixels stay bytes and are scaled to 0..1 "
              "when read.",
              nn_idx_table, sizeof(nn_idx_options)},
    .argument = "path",
    .run = idx_run,
};
