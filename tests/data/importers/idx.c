/* IDX: plain and gzip'd, by folder and by name; damaged files. */
#include "data/importers/importer.h"
#include "data/loader/loader.h"
#include "data/sources/open.h"
#include "data_files.h"

#include <zlib.h>

#define IMAGES 3

static const unsigned char images[] = {0, 0, 8, 3, 0, 0,  0,  IMAGES, 0,  0,  0,   2,   0,   0,
                                       0, 2, 0, 1, 2, 51, 10, 11,     12, 13, 252, 253, 254, 255};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, IMAGES, 2, 0, 1};

static void put_gz(const char *path, const void *bytes, size_t length) {
    gzFile f = gzopen(path, "wb");

    CHECK(f && gzwrite(f, bytes, (unsigned)length) == (int)length && gzclose(f) == Z_OK);
}

static int run(nn_idx_options options) {
    nn_error_clear();
    return nn_importer_idx.run(&options, "t.h5");
}

#define RUN(...) run((nn_idx_options){__VA_ARGS__})

static void check_split(const nn_dataset *ds, const char *name) {
    nn_loader_spec spec = {.dataset = ds, .split = name};
    nn_loader *loader;
    nn_batch batch;

    CHECK_WORKS(nn_loader_new(&spec, &loader));
    CHECK_WORKS(nn_loader_batch(loader, 0, 0, &batch));
    CHECK_EQ_INT(batch.count, IMAGES);
    for (int i = 0; i < IMAGES * 4; i++)
        CHECK_NEAR(batch.x[i], images[16 + i] / 255.0, 1e-7);
    for (int i = 0; i < IMAGES; i++)
        CHECK_EQ_INT(batch.target.label[i], labels[8 + i]);
    nn_loader_free(loader);
}

static void check_file(size_t splits) {
    nn_dataset *ds;

    CHECK_WORKS(nn_dataset_open_path("t.h5", &ds));
    if (!ds)
        return;
    CHECK_EQ_INT(ds->splits, splits);
    CHECK_EQ_INT(ds->split[0].x.type, NN_U8);
    CHECK_EQ_INT(ds->split[0].y.type, NN_U8);
    CHECK_EQ_INT(ds->split[0].x.shape.rank, 2);
    CHECK_EQ_INT(ds->classes, 3);
    for (size_t i = 0; i < splits; i++)
        check_split(ds, ds->split[i].name);
    nn_dataset_close(ds);
}

static void folders(void) {
    nn_dataset *ds;

    put_bytes("train-images-idx3-ubyte", images, sizeof images);
    put_gz("train-labels-idx1-ubyte.gz", labels, sizeof labels);
    CHECK_WORKS(RUN(.path = "."));
    check_file(1);
    put_gz("t10k-images.idx3-ubyte.gz", images, sizeof images);
    CHECK_FAILS(RUN(.path = "."), NN_EUSAGE,
                "test_images and test_labels under `data`, or --test-images and --test-labels");
    put_bytes("t10k-labels-idx1-ubyte", labels, sizeof labels);
    CHECK_WORKS(RUN(.path = ".", .classes = "a,b,c"));
    check_file(2);
    CHECK_FAILS(RUN(.path = ".", .prefix = "emnist-"), NN_EFORMAT, "no emnist-train-images");
    CHECK_FAILS(RUN(.path = "none"), NN_EFORMAT, "none: holds no train-images-idx3-ubyte");
    CHECK_FAILS(RUN(.path = NULL), NN_EUSAGE, "--train-images");
    CHECK_WORKS(open_yaml("{source: idx, path: .}", &ds));
    if (ds)
        check_split(ds, "test");
    nn_dataset_close(ds);
}

/* The message for these bytes as images and good labels. */
static int with_images(const void *bytes, size_t length) {
    put_bytes("i", bytes, length);
    put_bytes("l", labels, sizeof labels);
    return RUN(.train_images = "i", .train_labels = "l");
}

static void damaged(void) {
    unsigned char bad[sizeof images + 1] = {0};

    CHECK_WORKS(with_images(images, sizeof images));
    check_file(1);
    memcpy(bad, images, sizeof images);
    CHECK_FAILS(with_images(bad, sizeof images + 1), NN_EFORMAT,
                "i: has more bytes than the 3 rows");
    CHECK_FAILS(with_images(bad, sizeof images - 1), NN_EFORMAT, "i: truncated");
    CHECK_FAILS(with_images(bad, 6), NN_EFORMAT, "i: truncated: it ends within the dimensions");
    CHECK_FAILS(with_images(bad, 0), NN_EFORMAT, "i: truncated: it ends within the magic number");
    CHECK_FAILS(with_images(labels, sizeof labels), NN_EFORMAT, "i: holds 1 dimensions");
    bad[2] = 7;
    CHECK_FAILS(with_images(bad, sizeof images), NN_EFORMAT, "i: not an IDX file");
    CHECK_CONTAINS(nn_error_message(), "00 00 07 03");
    bad[2] = 8;
    bad[7] = 2;
    CHECK_FAILS(with_images(bad, sizeof images), NN_EFORMAT, "i has 2 images but l has 3 labels");
    CHECK_FAILS(RUN(.train_images = "none", .train_labels = "l"), NN_EFORMAT, "none: cannot be");
}

static void damaged_gz(void) {
    char bytes[200];
    size_t length;
    FILE *f;

    put_gz("i", images, sizeof images);
    f = fopen("i", "rb");
    length = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    CHECK_FAILS(with_images(bytes, length - 12), NN_EFORMAT,
                "i: the compressed data ends too early");
    memset(bytes + length, 0, 7); /* of a tape */
    CHECK_WORKS(with_images(bytes, length + 7));
    bytes[length + 3] = 'x'; /* what follows is no member of it, and not passed over */
    CHECK_FAILS(with_images(bytes, length + 7), NN_EFORMAT, "i: the compressed data is damaged");
    bytes[length - 8] = (char)~bytes[length - 8]; /* the checksum */
    CHECK_FAILS(with_images(bytes, length), NN_EFORMAT, "i: the compressed data is damaged");
}

/* Big-endian numbers of more than one byte. */
static void wide(void) {
    const unsigned char x[] = {0, 0, 0x0b, 2, 0, 0, 0, 3, 0, 0, 0, 1, 1, 2, 0xff, 0xfe, 0, 5};
    const int expected[] = {258, -2, 5};
    int32_t got[3];
    nn_h5 *file;

    CHECK_WORKS(with_images(x, sizeof x));
    CHECK_WORKS(nn_h5_open("t.h5", &file));
    CHECK(!nn_h5_has_attr(file, "/", "scale"));
    CHECK_WORKS(nn_h5_read(file, "/train/x", 0, 3, NN_I32, got));
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(got[i], expected[i]);
    CHECK_WORKS(nn_h5_close(file));
}

/* These bytes as labels, with as many good images. */
static int with_labels(const void *bytes, size_t length, const char *classes) {
    put_bytes("i", images, sizeof images);
    put_bytes("l", bytes, length);
    return RUN(.train_images = "i", .train_labels = "l", .classes = classes);
}

/* What is imported can be read: labels are refused where a data set's would be. */
static void labels_refused(void) {
    const unsigned char large[] = {0, 0, 0x0c, 1,    0, 0, 0, IMAGES, 0, 0,
                                   0, 0, 0,    0x40, 0, 0, 0, 0,      0, 1};
    unsigned char small[] = {0, 0, 9, 1, 0, 0, 0, IMAGES, 2, 0xcb, 1};

    CHECK_FAILS(with_labels(small, sizeof small, NULL), NN_EFORMAT,
                "l: its row 1 holds -53; labels are 0, 1, 2 ...");
    CHECK_FAILS(with_labels(large, sizeof large, NULL), NN_EFORMAT,
                "l: its row 1 holds 4194304; labels are 0, 1, 2 ...");
    memset(small + 8, 0xff, 3);
    CHECK_FAILS(with_labels(small, sizeof small, NULL), NN_EFORMAT, "l: every label is -1");
    small[9] = 5;
    CHECK_WORKS(with_labels(small, sizeof small, NULL));
    CHECK_FAILS(with_labels(labels, sizeof labels, "a,b"), NN_EFORMAT,
                "l: the labels are 0 to 2, but classes (--classes) names 2");
    CHECK_FAILS(with_labels(labels, sizeof labels, ""), NN_EFORMAT, "names 0");
    CHECK_WORKS(with_labels(labels, sizeof labels, "a,b,c"));
    check_file(1);
}

int main(void) {
    enter_folder();
    folders();
    damaged();
    damaged_gz();
    wide();
    labels_refused();
    leave_folder();
    return check_done();
}
