/* What tells a data set from another one: the same for the same rows, whatever else a checkpoint
 * says. */
#include "data/fingerprint.h"

#include "data_files.h"

#include <nnmpi/data.h>

enum { ROWS = 100000, WIDTH = 3 }; /* more than is hashed as a whole */

static float x[ROWS * WIDTH];
static unsigned char label[ROWS];
static int64_t wide_label[ROWS];
static int calls;

static int give(void *ctx, const char *split, const char *field, int64_t first, int64_t count,
                void *out) {
    (void)ctx;
    (void)split;
    (void)field;
    memcpy(out, x + first * WIDTH, (size_t)count * WIDTH * sizeof *x);
    calls++;
    return 0;
}

/* The fingerprint of the arrays above, or of rows that a function gives. */
static nn_dataset *taken(nn_pool *pool, bool by_function, nn_dtype type) {
    static const char yaml[] = "{source: memory}";
    nn_dataset *ds;
    nn_data *data;
    nn_node *node;

    CHECK_WORKS(nn_data_new(&data));
    CHECK_WORKS(nn_data_set(data, "train", "x",
                            &(nn_array){NN_F32, 2, {ROWS, WIDTH}, by_function ? NULL : x}));
    CHECK_WORKS(nn_data_set(
        data, "train", "y",
        &(nn_array){type, 1, {ROWS}, type == NN_U8 ? (void *)label : (void *)wide_label}));
    if (by_function)
        nn_data_set_reader(data, give, NULL);
    CHECK_WORKS(nn_yaml_parse(pool, "test", yaml, strlen(yaml), &node));
    CHECK_WORKS(nn_dataset_open(node, data, &ds));
    calls = 0;
    CHECK_WORKS(nn_dataset_fingerprint(ds, NULL));
    ds->given = NULL;
    nn_data_free(data);
    return ds;
}

/* In what the data set differs from `before`; "" for nothing. */
static const char *difference(const nn_dataset *ds, const char *before) {
    static char text[NN_FINGERPRINT_TEXT];
    bool differs = nn_fingerprint_differs(ds, before, text);

    CHECK(differs == (*text != '\0'));
    return text;
}

static void check_arrays(nn_pool *pool) {
    nn_dataset *ds = taken(pool, false, NN_U8), *other;

    CHECK_STR(difference(ds, ds->fingerprint), "");
    other = taken(pool, false, NN_I64);
    CHECK_STR(difference(other, ds->fingerprint), "");
    nn_dataset_close(other);
    label[ROWS - 1] = 1; /* which are hashed as a whole */
    other = taken(pool, false, NN_U8);
    CHECK_STR(difference(other, ds->fingerprint), "/train/y holds other values");
    nn_dataset_close(other);
    label[ROWS - 1] = 0;
    for (size_t i = 0; i < ROWS / 4 * WIDTH; i++) /* a quarter of the rows */
        x[i]++;
    other = taken(pool, false, NN_U8);
    CHECK_STR(difference(other, ds->fingerprint), "/train/x holds other values");
    nn_dataset_close(other);
    nn_dataset_close(ds);
}

/* Rows of a function are not asked for. */
static void check_function(nn_pool *pool) {
    nn_dataset *ds = taken(pool, true, NN_U8), *other = taken(pool, false, NN_U8);

    CHECK_EQ_INT(calls, 0);
    CHECK(strstr(ds->fingerprint, "/train/x float32 [100000] of [3] -\n") != NULL);
    CHECK_STR(difference(ds, other->fingerprint), "");
    CHECK_STR(difference(other, ds->fingerprint), "");
    nn_dataset_close(ds);
    nn_dataset_close(other);
}

/* What a damaged or hostile checkpoint may say. */
static void check_texts(nn_pool *pool) {
    nn_dataset *ds = taken(pool, false, NN_U8);
    size_t most = 1 << 20;
    char *many = nn_pool_alloc(pool, most + 1);

    CHECK_STR(difference(ds, ""), "");
    CHECK_STR(difference(ds, "/valid/x float32 [3] of [3] 0123\n"),
              "/valid/x is not there any more");
    CHECK_STR(difference(ds, "/train/w float32 [3] 0"),
              "/train/w is not there any more, /train/x is new, /train/y is new");
    CHECK_CONTAINS(difference(ds, "\n\n \n/"), "is not there any more");
    for (size_t i = 0; i < most; i++)
        many[i] = i % 8 == 7 ? '\n' : i % 3 ? '/' : '\a';
    many[most] = '\0';
    CHECK(strlen(difference(ds, many)) < NN_FINGERPRINT_TEXT);
    CHECK(strchr(difference(ds, many), '\a') == NULL);
    nn_dataset_close(ds);
}

int main(void) {
    nn_pool pool = {0};

    check_arrays(&pool);
    check_function(&pool);
    check_texts(&pool);
    nn_pool_release(&pool);
    return check_done();
}
