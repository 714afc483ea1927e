/* Data sets that cannot be used: one clear message each, naming file and place. */
#include "data/loader/loader.h"
#include "data/sources/open.h"
#include "data_files.h"
#include "io/files/file.h"

#include <math.h>

#define N 20

static float x[N * 4], y_real[N];
static int32_t y[N];

static void fill(void) {
    for (int i = 0; i < N; i++) {
        y[i] = i % 3;
        y_real[i] = (float)i;
        for (int e = 0; e < 4; e++)
            x[i * 4 + e] = (float)(i + e);
    }
}

static nn_h5 *begin(void) {
    nn_h5 *file;

    fill();
    CHECK_WORKS(nn_h5_create("bad.h5", &file));
    return file;
}

static int open_bad(nn_h5 *file) {
    nn_dataset *ds;
    int rc;

    CHECK_WORKS(nn_h5_close(file));
    nn_error_clear();
    rc = nn_dataset_open_path("bad.h5", &ds);
    CHECK((ds == NULL) == (rc < 0));
    nn_dataset_close(ds);
    return rc;
}

/* Opens for training, from memory and from the file; x is indices below `vocabulary` unless 0. */
static int load_indices(nn_h5 *file, uint64_t memory, int64_t vocabulary) {
    const int32_t most = (int32_t)vocabulary, limit[4] = {most, most, most, most};
    nn_loader_spec spec = {.split = "train",
                           .batch_size = 2,
                           .shuffle = true,
                           .indices = vocabulary ? limit : NULL,
                           .memory_limit = memory};
    nn_dataset *ds;
    nn_loader *loader = NULL;
    int rc;

    if (file)
        CHECK_WORKS(nn_h5_close(file));
    CHECK_WORKS(nn_dataset_open_path("bad.h5", &ds));
    spec.dataset = ds;
    nn_error_clear();
    rc = nn_loader_new(&spec, &loader);
    CHECK((loader == NULL) == (rc < 0));
    nn_loader_free(loader);
    nn_dataset_close(ds);
    return rc;
}

static int load_bad(nn_h5 *file, uint64_t memory) {
    return load_indices(file, memory, 0);
}

static void files(void) {
    nn_dataset *ds;
    nn_h5 *file;

    CHECK_FAILS(nn_dataset_open_path("none.h5", &ds), NN_EFORMAT, "none.h5");
    put_text("bad.h5", "this is no HDF5 file");
    CHECK_FAILS(nn_dataset_open_path("bad.h5", &ds), NN_EFORMAT, "not an HDF5 file");
    file = begin();
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    CHECK_WORKS(nn_h5_close(file));
    CHECK(truncate("bad.h5", 500) == 0);
    CHECK_FAILS(nn_dataset_open_path("bad.h5", &ds), NN_EFORMAT, "truncated");
}

static void keys(void) {
    nn_dataset *ds;

    CHECK_FAILS(open_yaml("{}", &ds), NN_EUSAGE, "test.yaml:1:1");
    CHECK_FAILS(open_yaml("[x.h5]", &ds), NN_EUSAGE, "data is a map");
    CHECK_FAILS(open_yaml("{source: irsi}", &ds), NN_EUSAGE, "did you mean 'iris'?");
    CHECK_FAILS(open_yaml("{path: x.h5, sorce: csv}", &ds), NN_EUSAGE, "sorce");
    CHECK_FAILS(open_yaml("{source: iris, path: x.h5}", &ds), NN_EUSAGE, "path");
    CHECK_FAILS(open_yaml("{source: csv}", &ds), NN_EUSAGE, "path");
    CHECK_FAILS(open_yaml("{source: {csv: {path: x}}}", &ds), NN_EUSAGE, "stand beside it");
}

static void shapes(void) {
    const int64_t deep[7] = {2, 2, 1, 1, 1, 1, 5};
    nn_h5 *file = begin();

    put_array(file, "/training/x", NN_F32, 2, N, 4, x);
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "bad.h5: no /train");
    CHECK_CONTAINS(nn_error_message(), "this file has /training");

    file = begin();
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "bad.h5: /train holds no x");

    file = begin();
    CHECK_WORKS(nn_h5_write(file, "/train/x", NN_F32, 7, deep, 0, 0, x));
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "/train/x has 7 dimensions");

    file = begin();
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N - 1, 0, y);
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "/train/y has 19 rows but /train/x has 20");

    file = begin();
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    put_array(file, "/test/x", NN_F32, 2, N, 3, x);
    put_array(file, "/test/y", NN_I32, 1, N, 0, y);
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "a row of /test/x is [3] but one of /train/x is [4]");

    file = begin();
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    put_array(file, "/test/x", NN_F32, 2, N, 4, x);
    put_array(file, "/test/y", NN_F32, 1, N, 0, y_real);
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "/test/y is float32 (values) but /train/y is int32");

    file = begin();
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    CHECK_FAILS(load_bad(file, 0), NN_EFORMAT, "bad.h5: /train has x but no y");
}

static void labels(void) {
    static const char *const names[] = {"a", "b", "c"};
    nn_h5 *file = begin();

    y[17] = 3;
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    CHECK_WORKS(nn_h5_set_texts(file, "/", "classes", names, 3));
    CHECK_FAILS(open_bad(file), NN_EFORMAT,
                "bad.h5: /train/y row 17 holds label 3, but there are 3 classes (0 to 2)");

    file = begin();
    y[5] = -2;
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "bad.h5: /train/y row 5 holds -2");

    file = begin();
    y[5] = -1; /* ignored */
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    CHECK_WORKS(load_bad(file, 0));

    file = begin();
    for (int i = 0; i < N; i++)
        y[i] = -1;
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "every label is -1");
}

static void numbers(uint64_t memory) {
    const double huge[2] = {1, 1e300};
    nn_h5 *file = begin();

    x[17 * 4 + 2] = NAN;
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    CHECK_FAILS(load_bad(file, memory), NN_EFORMAT, "bad.h5: /train/x row 17 holds NaN");

    file = begin();
    y_real[3] = -INFINITY;
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_F32, 1, N, 0, y_real);
    CHECK_FAILS(load_bad(file, memory), NN_EFORMAT, "bad.h5: /train/y row 3 holds Inf");

    file = begin();
    put_array(file, "/train/x", NN_F64, 1, 2, 0, huge);
    put_array(file, "/train/y", NN_I32, 1, 2, 0, y);
    CHECK_WORKS(nn_h5_close(file));
    CHECK_FAILS(load_bad(NULL, memory), NN_EFORMAT, "bad.h5: /train/x row 1 holds");

    file = begin();
    y_real[4] = -0.5f;
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    put_array(file, "/train/w", NN_F32, 1, N, 0, y_real);
    CHECK_FAILS(load_bad(file, memory), NN_EFORMAT, "bad.h5: /train/w row 4 is -0.5");
}

/* x holds 0 to 22. */
static void indices(uint64_t memory) {
    static const float wrong[] = {-1, 2.5F};
    nn_h5 *file = begin();

    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    CHECK_WORKS(load_indices(file, memory, 23));
    CHECK_FAILS(load_indices(NULL, memory, 22), NN_EFORMAT,
                "bad.h5: /train/x row 19 holds 22 in column 3, but the model's embedding takes "
                "whole numbers from 0 to 21");
    for (size_t i = 0; i < 2; i++) {
        file = begin();
        x[4 * 7 + 3] = wrong[i];
        put_array(file, "/train/x", NN_F32, 2, N, 4, x);
        put_array(file, "/train/y", NN_I32, 1, N, 0, y);
        CHECK_FAILS(load_indices(file, memory, 23), NN_EFORMAT, "/train/x row 7 holds");
    }
}

static void lengths(uint64_t memory) {
    const int64_t image[4] = {N, 1, 2, 2};
    int16_t length[N];
    nn_h5 *file = begin();

    for (int i = 0; i < N; i++)
        length[i] = (int16_t)(1 + i % 4);
    length[7] = 5;
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    put_array(file, "/train/len", NN_I16, 1, N, 0, length);
    CHECK_FAILS(load_bad(file, memory), NN_EFORMAT,
                "bad.h5: /train/len row 7 is 5; sequences of x have 1 to 4 steps");

    file = begin();
    length[7] = 0;
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/y", NN_I32, 1, N, 0, y);
    put_array(file, "/train/len", NN_I16, 1, N, 0, length);
    CHECK_FAILS(load_bad(file, memory), NN_EFORMAT, "bad.h5: /train/len row 7 is 0");

    file = begin();
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/len", NN_F32, 1, N, 0, y_real);
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "/train/len is float32");

    file = begin();
    put_array(file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(file, "/train/len", NN_I16, 1, N - 1, 0, length);
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "/train/len has 19 rows but /train/x has 20");

    file = begin();
    CHECK_WORKS(nn_h5_write(file, "/train/x", NN_F32, 4, image, 0, 0, x));
    put_array(file, "/train/len", NN_I16, 1, N, 0, length);
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "/train has len, but a row of x is [1, 2, 2]");
}

static void put_scaled(nn_h5 **file) {
    *file = begin();
    put_array(*file, "/train/x", NN_F32, 2, N, 4, x);
    put_array(*file, "/train/y", NN_I32, 1, N, 0, y);
}

static void scales(void) {
    nn_h5 *file;

    put_scaled(&file);
    CHECK_WORKS(nn_h5_set_real(file, "/", "scale", -1));
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "attribute scale of / is -1, but must be positive");

    put_scaled(&file);
    CHECK_WORKS(nn_h5_set_real(file, "/train", "std", 0));
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "attribute std of /train is 0");

    put_scaled(&file);
    CHECK_WORKS(nn_h5_set_real(file, "/", "scale", 1));
    CHECK_WORKS(nn_h5_set_real(file, "/", "mean", 1));
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "keep one pair");

    put_scaled(&file);
    CHECK_WORKS(nn_h5_set_real(file, "/", "offset", NAN));
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "attribute offset of /");

    put_scaled(&file);
    put_array(file, "/test/x", NN_F32, 2, N, 4, x);
    put_array(file, "/test/y", NN_I32, 1, N, 0, y);
    CHECK_WORKS(nn_h5_set_real(file, "/train", "scale", 2));
    CHECK_FAILS(open_bad(file), NN_EFORMAT, "/test and /train are scaled differently");
}

int main(void) {
    enter_folder();
    files();
    keys();
    shapes();
    labels();
    numbers(0);
    numbers(1);
    indices(0);
    lengths(0);
    indices(1);
    lengths(1);
    scales();
    leave_folder();
    return check_done();
}
