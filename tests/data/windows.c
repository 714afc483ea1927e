/* Windows of a stream of tokens: where each begins, what follows, and texts that are short. */
#include "data_files.h"

enum { TOKENS = 24, CONTEXT = 5 };

/* Token i of /train is i. */
static void make_stream(int64_t count) {
    int32_t token[TOKENS];
    nn_h5 *file;

    for (int32_t i = 0; i < TOKENS; i++)
        token[i] = i;
    CHECK_WORKS(nn_h5_create("t.h5", &file));
    CHECK_WORKS(nn_h5_make_unsigned(file, "/train/tokens", 2, count));
    CHECK_WORKS(nn_h5_write_rows(file, "/train/tokens", 0, count, NN_I32, token));
    CHECK_WORKS(nn_h5_set_int(file, "/", "context", 7));
    CHECK_WORKS(nn_h5_close(file));
}

/* Rows of x and y, read together from `first` on: windows begin at begin[first], ... What a window
 * has in common with the one before is no target of it. */
static void check_rows(const nn_dataset *ds, int64_t first, int64_t count, const int32_t *begin) {
    int32_t x[TOKENS], y[TOKENS];

    CHECK_WORKS(nn_dataset_read(ds, &ds->split[0], 'x', first, count, x));
    CHECK_WORKS(nn_dataset_read(ds, &ds->split[0], 'y', first, count, y));
    for (int64_t i = 0; i < count * CONTEXT; i++) {
        int64_t window = first + i / CONTEXT;
        int32_t expected = begin[window] + (int32_t)(i % CONTEXT);
        bool shared = expected < window * CONTEXT;
        CHECK_EQ_INT(x[i], expected);
        CHECK_EQ_INT(y[i], shared ? -1 : expected + 1);
    }
}

static nn_dataset *opened(const char *yaml) {
    nn_dataset *ds;

    if (open_yaml(yaml, &ds) == 0)
        return ds;
    fprintf(stderr, "%s: %s\n", yaml, nn_error_message());
    exit(1);
}

/* 24 tokens are 23 with one that follows: four windows, and one that begins at 18. */
static void check_places(void) {
    static const int32_t begin[] = {0, 5, 10, 15, 18};
    make_stream(TOKENS);
    nn_dataset *ds = opened("{path: t.h5, context: 5}");
    CHECK_EQ_INT(ds->split[0].samples, 5);
    check_rows(ds, 0, 4, begin);
    check_rows(ds, 3, 2, begin);
    check_rows(ds, 4, 1, begin);
    CHECK_EQ_INT(ds->split[0].has_length, false);
    nn_dataset_close(ds);
    make_stream(21); /* the windows are all full */
    ds = opened("{path: t.h5, context: 5}");
    CHECK_EQ_INT(ds->split[0].samples, 4);
    check_rows(ds, 2, 2, begin);
    nn_dataset_close(ds);
}

/* A text may be shorter than a window, whoever says how long that is. */
static void check_short(void) {
    static const int32_t expected[] = {0, 1, 2, 0, 0, 0, 0};
    int32_t x[7], length;
    nn_dataset *ds;

    make_stream(4);
    ds = opened("{path: t.h5}");
    CHECK_EQ_INT(ds->split[0].samples, 1);
    CHECK_WORKS(nn_dataset_read(ds, &ds->split[0], 'x', 0, 1, x));
    for (size_t i = 0; i < 7; i++)
        CHECK_EQ_INT(x[i], expected[i]);
    CHECK(ds->split[0].has_length);
    CHECK_WORKS(nn_dataset_read(ds, &ds->split[0], NN_FIELD_LENGTH, 0, 1, &length));
    CHECK_EQ_INT(length, 3);
    nn_dataset_close(ds);
    ds = opened("{path: t.h5, context: 4}");
    CHECK_EQ_INT(ds->split[0].samples, 1);
    CHECK(ds->split[0].has_length);
    nn_dataset_close(ds);
    make_stream(1);
    CHECK_FAILS(open_yaml("{path: t.h5}", &ds), NN_EFORMAT,
                "/train/tokens has 1 tokens; a text has at least 2");
}

int main(void) {
    enter_folder();
    check_places();
    check_short();
    leave_folder();
    return check_done();
}
