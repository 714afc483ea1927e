/* What the targets of a data set are to the loss: how many samples each class has, and whether the
 * numbers are such as the loss compares with. */
#include "data/convert.h"
#include "nn/class_weights.h"
#include "train/job.h"

/* ---- balanced class weights -------------------------------------------------------------------
 * They become numbers, which the checkpoint's configuration keeps: a model is evaluated elsewhere
 * by the loss it was trained with. */

/* Adds the labels of one split to count[]; ignored ones do not count. */
static int count_labels(const nn_dataset *data, const nn_split *split, void *stored, int64_t rows,
                        int64_t *count) {
    for (int64_t first = 0; first < split->samples; first += rows) {
        int64_t left = split->samples - first, piece = left < rows ? left : rows;
        NN_TRY(nn_dataset_read(data, split, 'y', first, piece, stored));
        for (int64_t i = 0; i < piece; i++) {
            int64_t label = nn_stored_integer(split->y.type, stored, (size_t)i);
            if (label >= 0)
                count[label]++;
        }
    }
    return 0;
}

int nn_job_balance(nn_job *job) {
    nn_node *weights = nn_loss_class_weights(job->settings->loss);
    const nn_split *split = nn_dataset_split(job->data, "train");
    size_t classes = nn_loss_classes(job->outputs), known = (size_t)job->data->classes;
    int64_t *count = NULL;
    void *stored = NULL;
    int rc = 0;

    if (!nn_class_weights_are_balanced(weights) || !split || !nn_split_has_labels(split))
        return 0;
    int64_t rows = nn_piece_rows(split->y.row_bytes);
    NN_TRY_GOTO(NN_NEW(&count, classes > known ? classes : known, "class counts"));
    NN_TRY_GOTO(nn_alloc(&stored, (size_t)rows, split->y.row_bytes, "labels"));
    NN_TRY_GOTO(count_labels(job->data, split, stored, rows, count));
    NN_TRY_GOTO(nn_class_weights_balance(weights, classes, count));
done:
    nn_free(count);
    nn_free(stored);
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
