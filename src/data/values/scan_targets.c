#include "data/values/scan_targets.h"

#include "data/dataset.h"
#include "data/values/convert.h"

/* ---- labels ---------------------------------------------------------------------------------- */

/* Labels, and lengths of sequences, a chunk at a time. */
struct label_scan {
    const nn_dataset *ds;
    const nn_split *split;
    int64_t rows;    /* of a chunk */
    void *stored;    /* labels or lengths of a chunk */
    int32_t *length; /* of a chunk; NULL: all labels count */
    int64_t *count;
};

static int count_chunk(const struct label_scan *s, int64_t first, int64_t count) {
    size_t positions = nn_split_positions(s->split);
    if (s->length) {
        NN_TRY(nn_dataset_read(s->ds, s->split, NN_FIELD_LENGTH, first, count, s->stored));
        NN_TRY(nn_dataset_lengths(s->ds, s->split, first, count, s->stored, s->length));
    }
    NN_TRY(nn_dataset_read(s->ds, s->split, 'y', first, count, s->stored));
    for (size_t i = 0; i < (size_t)count * positions; i++) {
        int64_t label = nn_stored_integer(s->split->y.type, s->stored, i);
        bool counts = !s->length || i % positions < (size_t)s->length[i / positions];
        if (label >= 0 && counts)
            s->count[label]++;
    }
    return 0;
}

static int count_labels(struct label_scan *s) {
    size_t row = s->split->y.row_bytes;
    bool masks = nn_split_masks_labels(s->split);
    if (masks && row < s->split->length.row_bytes)
        row = s->split->length.row_bytes;
    s->rows = nn_chunk_rows(row);
    NN_TRY(nn_alloc(&s->stored, (size_t)s->rows, row, "labels"));
    if (masks)
        NN_TRY(NN_NEW(&s->length, (size_t)s->rows, "lengths"));
    for (int64_t first = 0; first < s->split->samples; first += s->rows) {
        int64_t left = s->split->samples - first;
        NN_TRY(count_chunk(s, first, left < s->rows ? left : s->rows));
    }
    return 0;
}

int nn_split_count_labels(const nn_dataset *ds, const nn_split *split, int64_t *count) {
    struct label_scan s = {.ds = ds, .split = split, .count = count};
    int rc = count_labels(&s);
    nn_free(s.stored);
    nn_free(s.length);
    return rc;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* One split's y, a chunk at a time. */
struct number_scan {
    const nn_dataset *ds;
    const nn_split *split;
    double low, high;
    const char *loss;
    nn_pool pool;
    nn_converter convert;
    int64_t rows; /* of a chunk */
    void *stored;
    nn_real *value;
};

static int check_chunk(struct number_scan *s, int64_t first, int64_t count) {
    size_t width = s->convert.width;

    NN_TRY(nn_dataset_read(s->ds, s->split, 'y', first, count, s->stored));
    nn_converter_apply(&s->convert, (size_t)count, s->stored, s->value);
    for (size_t k = 0; k < (size_t)count * width; k++) {
        double y = (double)s->value[k];
        if (y < s->low || y > s->high)
            return nn_fail(NN_EFORMAT,
                           "%s: /%s/y row %lld holds %g, but the loss '%s' compares with numbers "
                           "from %g to %g",
                           s->ds->path, s->split->name, (long long)first + (long long)(k / width),
                           y, s->loss, s->low, s->high);
    }
    return 0;
}

static int check_split(struct number_scan *s) {
    int64_t samples = s->split->samples;

    s->rows = nn_chunk_rows(s->split->y.row_bytes);
    NN_TRY(nn_converter_init(&s->convert, &s->split->y, NULL, NN_AS_STORED, &s->pool));
    NN_TRY(nn_alloc(&s->stored, (size_t)s->rows, s->split->y.row_bytes, "targets"));
    NN_TRY(NN_NEW(&s->value, (size_t)s->rows * s->convert.width, "targets"));
    for (int64_t first = 0; first < samples; first += s->rows) {
        int64_t left = samples - first;
        NN_TRY(check_chunk(s, first, left < s->rows ? left : s->rows));
    }
    return 0;
}

int nn_dataset_check_targets(const nn_dataset *ds, double low, double high, const char *loss) {
    int rc = 0;

    for (size_t i = 0; i < ds->splits && rc == 0; i++) {
        struct number_scan s = {
            .ds = ds, .split = &ds->split[i], .low = low, .high = high, .loss = loss};
        if (s.split->has_y)
            rc = check_split(&s);
        nn_free(s.stored);
        nn_free(s.value);
        nn_pool_release(&s.pool);
    }
    return rc;
}
