/* Evaluation beyond the public interface: of data in several files, and what it says as JSON. */
#ifndef NN_TRAIN_EVALUATE_EVALUATION_H
#define NN_TRAIN_EVALUATE_EVALUATION_H

#include "base/json/json.h"
#include "train/config/settings.h"

#include <nnmpi/train.h>

struct nn_evaluation {
    const char *split;
    int64_t samples, ignored;
    double loss;
    size_t metrics;
    nn_metric_value metric[NN_MAX_METRICS];
    double table[]; /* of all metrics, one after the other */
};

/* nn_evaluate; with `other_files` what the data set leads to in other files is read, too. */
int nn_evaluate_linked(nn_comm *comm, const char *checkpoint, const char *data, bool other_files,
                       const char *split, nn_evaluation **out);

/* Bytes of JSON that an evaluation takes at most. */
#define NN_EVALUATION_JSON (4096 + 26 * NN_MAX_TABLE)

/* The members of an object: split, samples, loss, and each metric by its name; a number for each
 * class stands in an array called <name>_per_class, what has no other value in an array of rows. */
void nn_evaluation_json(nn_json *json, const nn_evaluation *evaluation);

#endif
