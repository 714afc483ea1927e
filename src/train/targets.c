/* What the targets of a data set are to the loss: how many samples each class has, and whether the
 * numbers are such as the loss compares with. */
#include "data/convert.h"
#include "nn/losses/class_weights.h"
#include "train/session.h"

/* ---- balanced class weights -------------------------------------------------------------------
 * They become numbers, which the checkpoint's configuration keeps: a model is evaluated elsewhere
 * by the loss it was trained with. */

struct census {
    const nn_dataset *data;
    const nn_split *split;
    int64_t rows;    /* of a piece */
    void *stored;    /* labels or lengths of a piece */
    int32_t *length; /* of a piece, where labels beyond the end do not count */
    int64_t *count;  /* samples of each class; ignored ones are in none */
};

static int count_piece(struct census *c, int64_t first, int64_t count) {
    size_t positions = nn_split_positions(c->split);
    if (c->length) {
        NN_TRY(nn_dataset_read(c->data, c->split, NN_FIELD_LENGTH, first, count, c->stored));
        NN_TRY(nn_dataset_lengths(c->data, c->split, first, count, c->stored, c->length));
    }
    NN_TRY(nn_dataset_read(c->data, c->split, 'y', first, count, c->stored));
    for (size_t i = 0; i < (size_t)count * positions; i++) {
        int64_t label = nn_stored_integer(c->split->y.type, c->stored, i);
        bool counts = !c->length || i % positions < (size_t)c->length[i / positions];
        if (label >= 0 && counts)
            c->count[label]++;
    }
    return 0;
}

static int count_labels(struct census *c, size_t classes) {
    size_t row = c->split->y.row_bytes;
    bool masks = nn_split_masks_labels(c->split);
    if (masks && row < c->split->length.row_bytes)
        row = c->split->length.row_bytes;
    c->rows = nn_piece_rows(row);
    NN_TRY(NN_NEW(&c->count, classes, "class counts"));
    NN_TRY(nn_alloc(&c->stored, (size_t)c->rows, row, "labels"));
    if (masks)
        NN_TRY(NN_NEW(&c->length, (size_t)c->rows, "lengths"));
    for (int64_t first = 0; first < c->split->samples; first += c->rows) {
        int64_t left = c->split->samples - first;
        NN_TRY(count_piece(c, first, left < c->rows ? left : c->rows));
    }
    return 0;
}

int nn_job_balance(nn_job *job) {
    nn_node *weights = nn_loss_class_weights(job->settings->loss);
    struct census c = {.data = job->data, .split = nn_dataset_split(job->data, "train")};
    size_t classes = nn_loss_classes(job->outputs), known = (size_t)job->data->classes;
    int rc = 0;

    if (!nn_class_weights_are_balanced(weights) || !c.split || !nn_split_has_labels(c.split))
        return 0;
    NN_TRY_GOTO(count_labels(&c, classes > known ? classes : known));
    NN_TRY_GOTO(nn_class_weights_balance(weights, classes, c.count));
done:
    nn_free(c.count);
    nn_free(c.stored);
    nn_free(c.length);
    return rc;
}

/* ---- range of the numbers -------------------------------------------------------------------- */

/* One split's y, a piece at a time. */
struct scan {
    const nn_job *job;
    const nn_split *split;
    double low, high;
    nn_pool pool;
    nn_converter convert;
    int64_t rows; /* of a piece */
    void *stored;
    nn_real *value;
};

static int check_piece(struct scan *s, int64_t first, int64_t count) {
    size_t width = s->convert.width;

    NN_TRY(nn_dataset_read(s->job->data, s->split, 'y', first, count, s->stored));
    nn_converter_apply(&s->convert, (size_t)count, s->stored, s->value);
    for (size_t k = 0; k < (size_t)count * width; k++) {
        double y = (double)s->value[k];
        if (y < s->low || y > s->high)
            return nn_fail(NN_EFORMAT,
                           "%s: /%s/y row %lld holds %g, but the loss '%s' compares with numbers "
                           "from %g to %g",
                           s->job->data->path, s->split->name,
                           (long long)first + (long long)(k / width), y,
                           nn_loss_ops_of(s->job->loss)->entry.name, s->low, s->high);
    }
    return 0;
}

static int check_split(struct scan *s) {
    int64_t samples = s->split->samples;

    s->rows = nn_piece_rows(s->split->y.row_bytes);
    NN_TRY(nn_converter_init(&s->convert, &s->split->y, NULL, NN_AS_STORED, &s->pool));
    NN_TRY(nn_alloc(&s->stored, (size_t)s->rows, s->split->y.row_bytes, "targets"));
    NN_TRY(NN_NEW(&s->value, (size_t)s->rows * s->convert.width, "targets"));
    for (int64_t first = 0; first < samples; first += s->rows) {
        int64_t left = samples - first;
        NN_TRY(check_piece(s, first, left < s->rows ? left : s->rows));
    }
    return 0;
}

int nn_job_check_targets(const nn_job *job) {
    double low, high;
    int rc = 0;

    if (!nn_loss_target_range(job->loss, &low, &high))
        return 0;
    for (size_t i = 0; i < job->data->splits && rc == 0; i++) {
        struct scan s = {.job = job, .split = &job->data->split[i], .low = low, .high = high};
        if (s.split->has_y)
            rc = check_split(&s);
        nn_free(s.stored);
        nn_free(s.value);
        nn_pool_release(&s.pool);
    }
    return rc;
}
