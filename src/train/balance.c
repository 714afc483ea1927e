/* `class_weights: balanced` becomes numbers, which the checkpoint's configuration keeps: a model is
 * evaluated elsewhere by the loss it was trained with. */
#include "data/convert.h"
#include "nn/class_weights.h"
#include "train/job.h"

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
