/* Evaluation beyond the public interface: of data in several files, and what it says as JSON. */
#ifndef NN_TRAIN_EVALUATE_EVALUATION_H
#define NN_TRAIN_EVALUATE_EVALUATION_H

#include "base/json/json.h"
#include "train/config/settings.h"

#include <nnmpi/train.h>

/* Classes that are told by name, and bytes of a name, of which longer ones are cut. */
#define NN_NAMED_CLASSES 100
#define NN_CLASS_TEXT 64

struct nn_evaluation {
    const char *split;
    bool only_split;                   /* the data set has no other one */
    size_t classes;                    /* that have names; 0: they have none, or are too many */
    char (*class_name)[NN_CLASS_TEXT]; /* [classes] behind the table */
    int64_t samples, ignored;
    double loss;
    size_t metrics;
    nn_metric_value metric[NN_MAX_METRICS];
    double table[]; /* of all metrics, one after the other */
};

/* nn_evaluate; with `other_files` what the data set leads to in other files is read, too.
 * Collective. */
int nn_evaluate_linked(nn_comm *comm, const char *checkpoint, const char *data, bool other_files,
                       const char *split, nn_evaluation **out);

/* Rows of a split and the outputs z of the model, before the activation that the loss has fused in;
 * all live until it returns. */
struct nn_session;
struct nn_batch;
typedef int nn_see_rows(void *ctx, const struct nn_session *session, const char *split,
                        const struct nn_batch *batch, const nn_real *z);

/* A trained model and the split that nn_evaluate takes by itself, in the data that the checkpoint
 * was trained on: to be asked what it says of samples, or of anything else. One rank. NN_EFORMAT,
 * NN_EIO. */
typedef struct nn_probe nn_probe;
int nn_probe_open(nn_comm *comm, const char *checkpoint, nn_probe **out);
void nn_probe_close(nn_probe *probe);
/* Computes with the parameters that are evaluated, up to `capacity` rows at once. */
struct nn_session *nn_probe_session(nn_probe *probe);
/* Of the split. */
int64_t nn_probe_samples(const nn_probe *probe);
/* Has `see` look at about the first `most` samples. Its failure ends it. */
int nn_probe_rows(nn_probe *probe, int64_t most, nn_see_rows *see, void *ctx);

/* Bytes of JSON that an evaluation takes at most. */
#define NN_EVALUATION_JSON (4096 + 26 * NN_MAX_TABLE + 6 * NN_NAMED_CLASSES * NN_CLASS_TEXT)

/* The members of an object: split, samples, loss, and each metric by its name; a number for each
 * class stands in an array called <name>_per_class, what has no other value in an array of rows;
 * "classes" has their names, where there are such arrays and names. */
void nn_evaluation_json(nn_json *json, const nn_evaluation *evaluation);

/* The name of column i, and row i, of a metric's table; NULL: it has none. */
const char *nn_evaluation_class(const nn_evaluation *evaluation, const nn_metric_value *metric,
                                size_t i);

#endif
