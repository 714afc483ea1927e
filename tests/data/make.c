/* Generated data sets, splitting them, and what data info says of them. */
#include "data/sources/make.h"

#include "data/info/info.h"
#include "data/sources/open.h"
#include "data/split.h"
#include "data_files.h"

#define MAX_ROWS 4000

/* Makes a data set with the generator's options given as YAML. */
static int make(const char *name, const char *options, nn_make_options common) {
    static nn_pool pool;
    const nn_entry *entry = nn_family_find(&nn_generators, name);
    nn_binding binding = {entry->options, nn_pool_alloc(&pool, entry->size)};
    nn_node *map;

    if (nn_yaml_parse(&pool, "options", options, strlen(options), &map) < 0)
        return -1;
    NN_TRY(nn_options_bind(&binding, 1, map, name, NULL));
    return nn_make((const nn_generator_ops *)(const void *)entry, binding.out, &common, "t.h5");
}

static int64_t read_split(const char *split, float *x, float *y) {
    nn_dataset *ds;
    const nn_split *s;
    char name[32];
    int64_t rows;

    CHECK_WORKS(nn_dataset_open_path("t.h5", &ds));
    s = ds ? nn_dataset_split(ds, split) : NULL;
    rows = s ? s->samples : 0;
    nn_dataset_close(ds);
    if (rows > 0 && rows <= MAX_ROWS) {
        nn_h5 *file;
        CHECK_WORKS(nn_h5_open("t.h5", &file));
        snprintf(name, sizeof name, "/%s/x", split);
        CHECK_WORKS(nn_h5_read(file, name, 0, rows, NN_F32, x));
        snprintf(name, sizeof name, "/%s/y", split);
        CHECK_WORKS(nn_h5_read(file, name, 0, rows, NN_F32, y));
        CHECK_WORKS(nn_h5_close(file));
    }
    return rows;
}

static float x[MAX_ROWS * 3], y[MAX_ROWS];

static void check_xor(void) {
    CHECK_WORKS(make("xor", "{}", (nn_make_options){.samples = 4, .seed = 1}));
    CHECK_EQ_INT(read_split("train", x, y), 4);
    for (int i = 0; i < 4; i++) {
        CHECK_NEAR(x[2 * i], i >= 2, 0);
        CHECK_NEAR(x[2 * i + 1], i % 2, 0);
        CHECK_NEAR(y[i], i == 1 || i == 2, 0);
    }
}

static void check_line(void) {
    CHECK_WORKS(make("line", "{slope: -3, intercept: 0.5}",
                     (nn_make_options){.samples = 1000, .seed = 2, .valid = 0.1, .test = 0.2}));
    CHECK_EQ_INT(read_split("valid", x, y), 100);
    CHECK_EQ_INT(read_split("test", x, y), 200);
    CHECK_EQ_INT(read_split("train", x, y), 700);
    for (int i = 0; i < 700; i++)
        CHECK_NEAR(y[i], -3 * x[i] + 0.5f, 1e-6);
    CHECK(x[0] < x[1] || x[0] > x[1]);
}

/* The rows of a class lie around one centre with the spread asked for. */
static void check_blobs(void) {
    double mean[3] = {0}, squares = 0;
    int n = 0;

    CHECK_WORKS(make("blobs", "{classes: 4, features: 3, spread: 0.5}",
                     (nn_make_options){.samples = 4000, .seed = 3}));
    CHECK_EQ_INT(read_split("train", x, y), 4000);
    for (int i = 0; i < 4000; i++) {
        CHECK_NEAR(y[i], i % 4, 0);
        for (int e = 0; i % 4 == 2 && e < 3; e++)
            mean[e] += (double)x[3 * i + e] / 1000;
    }
    for (int i = 2; i < 4000; i += 4)
        for (int e = 0; e < 3; e++, n++)
            squares += pow((double)x[3 * i + e] - mean[e], 2);
    CHECK_NEAR(sqrt(squares / n), 0.5, 0.03);
}

static void check_spirals(void) {
    CHECK_WORKS(
        make("spirals", "{noise: 0, turns: 0.25}", (nn_make_options){.samples = 500, .seed = 4}));
    CHECK_EQ_INT(read_split("train", x, y), 500);
    for (int i = 0; i < 500; i++) { /* a quarter turn stays above, the other arm below */
        float up = i % 2 ? -x[2 * i + 1] : x[2 * i + 1];
        CHECK(up >= 0);
        CHECK(hypotf(x[2 * i], x[2 * i + 1]) <= 1);
    }
}

static void check_repeatable(void) {
    static float again[MAX_ROWS * 3], other[MAX_ROWS];
    nn_make_options common = {.samples = 100, .seed = 5};

    CHECK_WORKS(make("blobs", "{}", common));
    read_split("train", x, y);
    CHECK_WORKS(make("blobs", "{}", common));
    read_split("train", again, other);
    CHECK(memcmp(x, again, 200 * sizeof *x) == 0);
    common.seed = 6;
    CHECK_WORKS(make("blobs", "{}", common));
    read_split("train", again, other);
    CHECK(memcmp(x, again, 200 * sizeof *x) != 0);
    common.valid = common.test = 0.5;
    CHECK_FAILS(make("blobs", "{}", common), NN_EUSAGE, "leave no samples");
}

/* Sample i is the same whatever number is made, every one is drawn, and no two are alike. */
static void check_digits(void) {
    static float few[20 * 144], many[40 * 144];
    static float kind[40];
    nn_make_options common = {.samples = 20, .seed = 7};
    nn_dataset *ds;

    CHECK_WORKS(make("digits", "{size: 12}", common));
    CHECK_EQ_INT(read_split("train", few, kind), 20);
    common.samples = 40;
    CHECK_WORKS(make("digits", "{size: 12}", common));
    CHECK_EQ_INT(read_split("train", many, kind), 40);
    CHECK(memcmp(few, many, sizeof few) == 0);
    for (int i = 0; i < 40; i++) {
        float ink = 0;
        for (int e = 0; e < 144; e++)
            ink += many[144 * i + e] / 255;
        CHECK_NEAR(kind[i], i % 10, 0);
        CHECK_NEAR(ink, 25, 20);
        for (int k = 0; k < i; k++)
            CHECK(memcmp(many + 144 * i, many + 144 * k, 144 * sizeof *many) != 0);
    }
    CHECK_WORKS(nn_dataset_open_path("t.h5", &ds));
    CHECK_EQ_INT(ds->split[0].x.type, NN_U8);
    CHECK_NEAR(ds->affine.scale[0], 1.0 / 255, 1e-12);
    nn_dataset_close(ds);
}

/* 30 rows of class 0, 20 of class 1, 10 of class 2, 3 ignored; x tells the row. */
static void put_uneven(void) {
    static const char *const names[] = {"zero", "one", "two"};
    int16_t row[63];
    int8_t kind[63];
    float w[63];
    nn_h5 *file;

    for (int i = 0; i < 63; i++) {
        row[i] = (int16_t)i;
        kind[i] = (int8_t)(i < 30 ? 0 : i < 50 ? 1 : i < 60 ? 2 : -1);
        w[i] = (float)i;
    }
    CHECK_WORKS(nn_h5_create("u.h5", &file));
    put_array(file, "/train/x", NN_I16, 1, 63, 0, row);
    put_array(file, "/train/y", NN_I8, 1, 63, 0, kind);
    put_array(file, "/train/w", NN_F32, 1, 63, 0, w);
    put_array(file, "/test/x", NN_I16, 1, 5, 0, row);
    put_array(file, "/test/y", NN_I8, 1, 5, 0, kind);
    CHECK_WORKS(nn_h5_set_texts(file, "/", "classes", names, 3));
    CHECK_WORKS(nn_h5_set_real(file, "/train", "scale", 0.5));
    CHECK_WORKS(nn_h5_set_real(file, "/test", "scale", 0.5));
    CHECK_WORKS(nn_h5_close(file));
}

/* Counts rows of the split by class in counts[1 + class]; marks them in seen. */
static void count_rows(const char *split, int64_t rows, int counts[4], bool seen[63]) {
    int16_t row[63];
    int8_t kind[63];
    float w[63];
    char name[32];
    nn_h5 *file;

    CHECK_WORKS(nn_h5_open("t.h5", &file));
    snprintf(name, sizeof name, "/%s/x", split);
    CHECK_WORKS(nn_h5_read(file, name, 0, rows, NN_I16, row));
    snprintf(name, sizeof name, "/%s/y", split);
    CHECK_WORKS(nn_h5_read(file, name, 0, rows, NN_I8, kind));
    snprintf(name, sizeof name, "/%s/w", split);
    CHECK_WORKS(nn_h5_read(file, name, 0, rows, NN_F32, w));
    CHECK_WORKS(nn_h5_close(file));
    for (int64_t i = 0; i < rows; i++) {
        CHECK(!seen[row[i]]);
        CHECK_NEAR(w[i], row[i], 0);
        CHECK_EQ_INT(kind[i], row[i] < 30 ? 0 : row[i] < 50 ? 1 : row[i] < 60 ? 2 : -1);
        CHECK(i == 0 || row[i] > row[i - 1]); /* the stored order stays */
        seen[row[i]] = true;
        counts[1 + kind[i]]++;
    }
}

static void check_split(void) {
    nn_split_options options = {.valid = 0.1, .stratify = true, .seed = 1};
    int counts[4] = {0}, train[4] = {0};
    bool seen[63] = {false};
    nn_dataset *ds;

    put_uneven();
    CHECK_WORKS(nn_data_split("u.h5", &options, "t.h5"));
    CHECK_WORKS(nn_dataset_open_path("t.h5", &ds));
    CHECK_EQ_INT(ds->splits, 3);
    CHECK_EQ_INT(nn_dataset_split(ds, "valid")->samples, 6);
    CHECK_EQ_INT(nn_dataset_split(ds, "test")->samples, 5);
    CHECK_EQ_INT(ds->split[0].x.type, NN_I16);
    CHECK_NEAR(ds->affine.scale[0], 0.5, 0);
    CHECK_STR(ds->class_names[2], "two");
    nn_dataset_close(ds);
    count_rows("valid", 6, counts, seen);
    CHECK_EQ_INT(counts[1], 3);
    CHECK_EQ_INT(counts[2], 2);
    CHECK_EQ_INT(counts[3], 1);
    count_rows("train", 57, train, seen);
    for (int i = 0; i < 63; i++)
        CHECK(seen[i]);

    options.stratify = false;
    CHECK_WORKS(nn_data_split("u.h5", &options, "u.h5")); /* in place */
    CHECK_FAILS(nn_data_split("u.h5", &options, "t.h5"), NN_EUSAGE, "u.h5 has a /valid already");
    options = (nn_split_options){.test = 0.5};
    CHECK_FAILS(nn_data_split("u.h5", &options, "t.h5"), NN_EUSAGE, "u.h5 has a /test already");
    options = (nn_split_options){.seed = 1};
    CHECK_FAILS(nn_data_split("u.h5", &options, "t.h5"), NN_EUSAGE, "nothing to split off");
}

static int open_info(const char *path, nn_info **info) {
    nn_pool pool = {0};
    nn_node *data;
    int rc = nn_dataset_node_all(&pool, path, false, &data);

    if (rc == NN_OK)
        rc = nn_info_new(data, path, info);
    nn_pool_release(&pool);
    return rc;
}

/* All that info writes, in `text`. */
static void info_text(const char *path, bool json, char text[4000]) {
    FILE *out = fmemopen(text, 4000, "w");
    nn_info *info = NULL;

    CHECK_WORKS(open_info(path, &info));
    CHECK_WORKS((json ? nn_info_json : nn_info_text)(info, out));
    fclose(out);
    nn_info_free(info);
}

static void check_info(void) {
    char text[4000];

    put_uneven();
    info_text("u.h5", false, text);
    CHECK_CONTAINS(text, "int16 [1]");
    CHECK_CONTAINS(text, "15.5"); /* mean of x: 31 * 0.5 */
    CHECK_CONTAINS(text, "two");
    CHECK_CONTAINS(text, "3 samples of train are ignored");
    info_text("u.h5", true, text);
    CHECK_CONTAINS(text, "\"counts\":[30,20,10]");
    CHECK_CONTAINS(text, "\"class_names\":[\"zero\",\"one\",\"two\"]");
    CHECK_CONTAINS(text, "\"mean\":15.5");
    CHECK_CONTAINS(text, "\"max\":31");
    CHECK_CONTAINS(text, "\"std\":9.09"); /* sqrt((63^2 - 1) / 12) / 2 */
    CHECK_WORKS(make("line", "{}", (nn_make_options){.samples = 600000, .seed = 1}));
    info_text("t.h5", true, text);        /* read in more than one piece */
    CHECK_CONTAINS(text, "\"std\":0.57"); /* 1 / sqrt(3) */
}

int main(void) {
    enter_folder();
    check_xor();
    check_line();
    check_blobs();
    check_spirals();
    check_repeatable();
    check_digits();
    check_split();
    check_info();
    leave_folder();
    return check_done();
}
