/* ranks: 1 2 3 */
/* nodes: 2 */
/* timeout: 120 */
/* Data sets in the memory of a program train to the bits that the same data in a file do: as
 * arrays, by a function, and where each rank has a part. */
#include "calls.h"
#include "data/sources/open.h"
#include "io/yaml/yaml.h"
#include "shared_folder.h"

#include <nnmpi/nnmpi.h>

#include <math.h>
#include <string.h>

/* ---- Iris, read from where the configuration has it ----------------------------------------- */

enum { TRAIN = 120, TEST = 30, COLUMNS = 4 };

static struct iris {
    float x[TRAIN + TEST][COLUMNS];
    double precise[TRAIN + TEST][COLUMNS];
    uint8_t y[TRAIN + TEST];
    int64_t wide[TRAIN + TEST];
} iris;

static const char *const classes[] = {"setosa", "versicolor", "virginica"};
static const char *const columns[] = {"sepal_length", "sepal_width", "petal_length", "petal_width"};

static void read_split(const nn_dataset *ds, const char *name, size_t first) {
    const nn_split *split = nn_dataset_split(ds, name);
    CHECK_EQ_INT(split->x.type, NN_F32);
    WORKS(nn_dataset_read(ds, split, 'x', 0, split->samples, iris.x[first]));
    for (int64_t i = 0; i < split->samples; i++) {
        unsigned char label[8];
        WORKS(nn_dataset_read(ds, split, 'y', i, 1, label));
        iris.y[first + (size_t)i] = label[0];
    }
}

static void read_iris(void) {
    nn_pool pool = {0};
    nn_node *node;
    nn_dataset *ds;
    WORKS(nn_yaml_parse(&pool, "iris", "{source: iris}", 14, &node));
    WORKS(nn_dataset_open(node, NULL, &ds));
    read_split(ds, "train", 0);
    read_split(ds, "test", TRAIN);
    nn_dataset_close(ds);
    nn_pool_release(&pool);
    for (size_t i = 0; i < TRAIN + TEST; i++) {
        iris.wide[i] = iris.y[i];
        for (size_t k = 0; k < COLUMNS; k++)
            iris.precise[i][k] = (double)iris.x[i][k];
    }
}

/* ---- how it is passed ----------------------------------------------------------------------- */

static void set_names(nn_data *data) {
    WORKS(nn_data_set_classes(data, 3, classes));
    WORKS(nn_data_set_columns(data, COLUMNS, columns));
}

static void set_floats(nn_data *data, const char *split, int64_t rows, size_t first) {
    WORKS(nn_data_set(data, split, "x", &(nn_array){NN_F32, 2, {rows, COLUMNS}, iris.x[first]}));
    WORKS(nn_data_set(data, split, "y", &(nn_array){NN_U8, 1, {rows}, iris.y + first}));
}

static nn_data *as_floats(nn_comm *comm) {
    nn_data *data;
    (void)comm;
    WORKS(nn_data_new(&data));
    set_floats(data, "train", TRAIN, 0);
    set_floats(data, "test", TEST, TRAIN);
    set_names(data);
    return data;
}

static nn_data *as_doubles(nn_comm *comm) {
    nn_data *data = as_floats(comm);
    for (int test = 0; test < 2; test++) {
        size_t first = test ? TRAIN : 0;
        int64_t rows = test ? TEST : TRAIN;
        const char *split = test ? "test" : "train";
        WORKS(nn_data_set(data, split, "x",
                          &(nn_array){NN_F64, 2, {rows, COLUMNS}, iris.precise[first]}));
        WORKS(nn_data_set(data, split, "y", &(nn_array){NN_I64, 1, {rows}, iris.wide + first}));
    }
    return data;
}

static int fails_after = -1; /* rows; -1: never */

static int read_rows(void *ctx, const char *split, const char *field, int64_t first, int64_t count,
                     void *out) {
    const struct iris *from = ctx;
    size_t at = (size_t)first + (strcmp(split, "test") == 0 ? TRAIN : 0), n = (size_t)count;
    if (fails_after >= 0 && first + count > fails_after)
        return 7;
    if (*field == 'x')
        memcpy(out, from->x[at], n * sizeof from->x[0]);
    else
        memcpy(out, from->y + at, n);
    return 0;
}

static nn_data *by_function(nn_comm *comm) {
    static const nn_array none = {NN_F32, 2, {TRAIN, COLUMNS}, NULL};
    nn_data *data = as_floats(comm);
    WORKS(nn_data_set(data, "train", "x", &none));
    WORKS(nn_data_set(data, "test", "y", &(nn_array){NN_U8, 1, {TEST}, NULL}));
    nn_data_set_reader(data, read_rows, &iris);
    return data;
}

/* Of three ranks the second has no row to train on, and the last all to test on. */
static nn_data *in_parts(nn_comm *comm) {
    int64_t rank = nn_comm_rank(comm), size = nn_comm_size(comm), last = rank + 1 == size;
    int64_t begin = rank * 50 < TRAIN ? rank * 50 : TRAIN, end = last ? TRAIN : begin + 50;
    nn_data *data, *whole;
    if (size == 3 && rank == 1)
        end = begin;
    if (size == 3 && rank == 2)
        begin = 50;
    WORKS(nn_data_new(&data));
    set_floats(data, "train", end - begin, (size_t)begin);
    set_floats(data, "test", last ? TEST : 0, TRAIN);
    set_names(data);
    WORKS(nn_data_gather(comm, data, &whole));
    nn_data_free(data);
    return whole;
}

/* ---- the same digest ------------------------------------------------------------------------ */

static nn_config *configured(void) {
    nn_config *config;
    WORKS(nn_config_default(&config));
    WORKS(nn_config_override(config, "train.epochs=7"));
    WORKS(nn_config_override(config, "data.normalize=true"));
    return config;
}

static void train(nn_comm *comm, nn_config *config, const char *folder, bool resume,
                  char digest[65]) {
    nn_train_options options = {.size = sizeof options, .run_dir = folder, .resume = resume};
    nn_train_result result = {.size = sizeof result};
    WORKS(nn_train(comm, config, &options, &result));
    memcpy(digest, result.digest, 65);
    CHECK_EQ_INT(nn_evaluation_samples(result.test), TEST);
    nn_train_result_release(&result);
}

static void test_digests(nn_comm *comm) {
    nn_data *(*const way[])(nn_comm *) = {as_floats, as_doubles, by_function, in_parts};
    char wanted[65], digest[65], folder[32];
    nn_config *config = configured();
    train(comm, config, "file", false, wanted);
    nn_config_free(config);
    for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
        nn_data *data = way[i](comm);
        config = configured();
        WORKS(nn_config_use_data(config, data));
        snprintf(folder, sizeof folder, "memory-%zu", i);
        train(comm, config, folder, false, digest);
        CHECK_STR(digest, wanted);
        CHECK_CONTAINS(nn_config_text(config), "source: memory");
        CHECK_CONTAINS(nn_config_text(config), "normalize: true");
        WORKS(nn_config_override(config, "train.epochs=9"));
        train(comm, config, folder, true, digest);
        CHECK(strcmp(digest, wanted) != 0);
        nn_config_free(config);
        nn_data_free(data);
    }
}

/* Images [H, W, C] whose elements are scaled one by one are those whose numbers the caller has
 * scaled. */
static void test_scale(nn_comm *comm) {
    enum { IMAGES = 24, H = 6, W = 5, C = 3, ELEMENTS = H * W * C };
    static const char net[] = "model: [flatten, dense: {units: 2}]\nloss: cross_entropy\n"
                              "train: {epochs: 2, batch_size: 8}\n";
    static uint8_t stored[IMAGES][ELEMENTS], y[IMAGES];
    static float scaled[IMAGES][ELEMENTS];
    double scale[ELEMENTS], offset[ELEMENTS];
    char digest[2][65];
    for (int e = 0; e < ELEMENTS; e++) {
        scale[e] = ldexp(1, -(e % 7));
        offset[e] = e % 5;
    }
    for (int i = 0; i < IMAGES; i++) {
        y[i] = (uint8_t)(i % 2);
        for (int e = 0; e < ELEMENTS; e++) {
            stored[i][e] = (uint8_t)(31 * i + 7 * e);
            scaled[i][e] = (float)(stored[i][e] * scale[e] + offset[e]);
        }
    }
    const nn_array x[2] = {{NN_U8, 4, {IMAGES, H, W, C}, stored},
                           {NN_F32, 4, {IMAGES, H, W, C}, scaled}};
    for (int i = 0; i < 2; i++) {
        nn_train_options options = {.size = sizeof options, .run_dir = i ? "scaled" : "stored"};
        nn_train_result result = {.size = sizeof result};
        nn_config *config;
        nn_data *data;
        WORKS(nn_data_new(&data));
        WORKS(nn_data_set(data, "train", "x", &x[i]));
        WORKS(nn_data_set(data, "train", "y", &(nn_array){NN_U8, 1, {IMAGES}, y}));
        if (i == 0)
            WORKS(nn_data_set_scale(data, ELEMENTS, scale, offset));
        WORKS(nn_config_parse("images", net, strlen(net), &config));
        WORKS(nn_config_use_data(config, data));
        WORKS(nn_train(comm, config, &options, &result));
        memcpy(digest[i], result.digest, 65);
        nn_train_result_release(&result);
        nn_config_free(config);
        nn_data_free(data);
    }
    CHECK_STR(digest[0], digest[1]);
}

/* A checkpoint knows that its data were in memory; classes and columns have their names. */
static void test_checkpoint(nn_comm *comm) {
    nn_evaluation *evaluation;
    nn_predictor *predictor;
    FAILS(nn_evaluate(comm, "memory-0/last.h5", NULL, "test", &evaluation), NN_EUSAGE,
          "in the memory of the program");
    WORKS(nn_predictor_open("memory-0/last.h5", 1, &predictor));
    CHECK_STR(nn_predictor_class(predictor, 2), "virginica");
    nn_predictor_free(predictor);
}

/* ---- what cannot be ------------------------------------------------------------------------- */

static void test_refused(void) {
    nn_data *data;
    nn_array x = {NN_F32, 2, {TRAIN, COLUMNS}, iris.x};
    static const double scale[] = {1, -1}, offset[] = {0, 0};
    WORKS(nn_data_new(&data));
    FAILS(nn_data_set(data, "tran", "x", &x), NN_EUSAGE, "did you mean 'train'?");
    FAILS(nn_data_set(data, "train", "labels", &x), NN_EUSAGE, "unknown field 'labels'");
    x.rank = 0;
    FAILS(nn_data_set(data, "train", "x", &x), NN_EUSAGE, "0 dimensions");
    x.rank = NN_ARRAY_RANK + 1;
    FAILS(nn_data_set(data, "train", "x", &x), NN_EUSAGE, "6 dimensions");
    x = (nn_array){NN_F32, 2, {-1, COLUMNS}, iris.x};
    FAILS(nn_data_set(data, "train", "x", &x), NN_EUSAGE, "below 0");
    x = (nn_array){NN_F32, 3, {INT64_MAX, INT64_MAX, 2}, iris.x};
    FAILS(nn_data_set(data, "train", "x", &x), NN_EUSAGE, "more numbers");
    x = (nn_array){(nn_dtype)99, 2, {TRAIN, COLUMNS}, iris.x};
    FAILS(nn_data_set(data, "train", "x", &x), NN_EUSAGE, "nn_dtype");
    FAILS(nn_data_set_scale(data, 2, scale, offset), NN_EUSAGE, "scale -1");
    nn_data_free(data);
    nn_data_free(NULL);
}

/* Trains with data that `change` has spoilt. */
static void refuse(nn_comm *comm, void (*change)(nn_data *data), int code, const char *words) {
    nn_train_options options = {.size = sizeof options, .run_dir = "refused"};
    nn_train_result result = {.size = sizeof result};
    nn_data *data = as_floats(comm);
    nn_config *config = configured();
    change(data);
    WORKS(nn_config_use_data(config, data));
    FAILS(nn_train(comm, config, &options, &result), code, words);
    nn_config_free(config);
    nn_data_free(data);
}

static void without_data(nn_data *data) {
    WORKS(nn_data_set(data, "train", "x", &(nn_array){NN_F32, 2, {TRAIN, COLUMNS}, NULL}));
}

static void with_a_bad_reader(nn_data *data) {
    without_data(data);
    nn_data_set_reader(data, read_rows, &iris);
    fails_after = 100;
}

static void with_few_targets(nn_data *data) {
    fails_after = -1;
    WORKS(nn_data_set(data, "train", "y", &(nn_array){NN_U8, 1, {TRAIN - 1}, iris.y}));
}

static void with_nan(nn_data *data) {
    static float x[TRAIN][COLUMNS];
    memcpy(x, iris.x, sizeof x);
    x[77][1] = NAN;
    WORKS(nn_data_set(data, "train", "x", &(nn_array){NN_F32, 2, {TRAIN, COLUMNS}, x}));
}

static void with_a_class_too_many(nn_data *data) {
    static uint8_t y[TRAIN];
    memcpy(y, iris.y, sizeof y);
    y[3] = 3;
    WORKS(nn_data_set(data, "train", "y", &(nn_array){NN_U8, 1, {TRAIN}, y}));
}

static void with_a_name_too_few(nn_data *data) {
    WORKS(nn_data_set_columns(data, COLUMNS - 1, columns));
}

static void with_scales_that_do_not_fit(nn_data *data) {
    static const double scale[] = {1, 2}, offset[] = {0, 0};
    WORKS(nn_data_set_scale(data, 2, scale, offset));
}

static void test_spoilt(nn_comm *comm) {
    refuse(comm, without_data, NN_EUSAGE, "neither data nor a function");
    refuse(comm, with_a_bad_reader, NN_EIO, "returned 7");
    refuse(comm, with_few_targets, NN_EFORMAT, "has 119 rows but /train/x has 120");
    refuse(comm, with_nan, NN_EFORMAT, "/train/x row 77 holds NaN");
    refuse(comm, with_a_class_too_many, NN_EFORMAT, "class");
    refuse(comm, with_a_name_too_few, NN_EFORMAT, "3 names");
    refuse(comm, with_scales_that_do_not_fit, NN_EUSAGE, "2 scales");
}

/* Parts that do not go together, on every rank. */
static void test_parts(nn_comm *comm) {
    int rank = nn_comm_rank(comm), last = nn_comm_size(comm) - 1;
    nn_data *data, *whole;
    WORKS(nn_data_new(&data));
    set_floats(data, "train", 40, 0);
    if (last == 0) {
        nn_data_free(data);
        return;
    }
    if (rank == last)
        WORKS(nn_data_set(data, "train", "x", &(nn_array){NN_F32, 2, {40, 3}, iris.x}));
    FAILS(nn_data_gather(comm, data, &whole), NN_EUSAGE, "x of 'train'");
    CHECK(whole == NULL);
    if (rank == last)
        WORKS(nn_data_set(data, "train", "x", &(nn_array){NN_F32, 2, {40, COLUMNS}, NULL}));
    FAILS(nn_data_gather(comm, data, &whole), NN_EUSAGE, "neither data nor a function");
    nn_data_free(data);
}

/* Parts that were not gathered: ranks would learn from different samples. */
static void test_differing(nn_comm *comm) {
    nn_train_options options = {.size = sizeof options, .run_dir = "refused"};
    nn_train_result result = {.size = sizeof result};
    nn_config *config = configured();
    nn_data *data = as_floats(comm);
    if (nn_comm_rank(comm) == nn_comm_size(comm) - 1)
        set_floats(data, "train", TRAIN, TEST);
    WORKS(nn_config_use_data(config, data));
    if (nn_comm_size(comm) > 1)
        FAILS(nn_train(comm, config, &options, &result), NN_EUSAGE, "nn_data_gather");
    nn_config_free(config);
    nn_data_free(data);
}

int main(void) {
    struct shared_folder folder;
    nn_comm *comm = NULL;
    if (!CHECK(nn_comm_init(&comm) == 0))
        return check_done();
    if (shared_folder_enter(&folder, comm)) {
        read_iris();
        test_refused();
        test_digests(comm);
        test_scale(comm);
        if (nn_comm_rank(comm) == 0) {
            nn_comm *alone;
            WORKS(nn_comm_alone(&alone));
            test_checkpoint(alone);
            nn_comm_free(alone);
        }
        test_spoilt(comm);
        test_parts(comm);
        test_differing(comm);
    }
    shared_folder_leave(&folder, comm);
    nn_comm_free(comm);
    return check_done();
}
