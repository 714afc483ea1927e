/* The inside of a training that the program drives (nnmpi/training.h): training.c (its life),
 * parts.c (a step in parts, and what is computed besides), measure.c (metrics of the minibatches),
 * tensors.c, views.c (tensors without copies). */
#ifndef NN_TRAIN_TRAINING_TRAINING_H
#define NN_TRAIN_TRAINING_TRAINING_H

#include "train/trainer.h"

#include <nnmpi/training.h>

/* What a training has come to. Between two steps it is ready, or has taken some parts of one. */
typedef enum nn_training_phase {
    NN_TRAINING_READY,
    NN_TRAINING_FORWARD,
    NN_TRAINING_LOSS,
    NN_TRAINING_BACKWARD,
    NN_TRAINING_SUMMED,
    NN_TRAINING_STEPPED,
    NN_TRAINING_FINISHED,
    NN_TRAINING_FAILED
} nn_training_phase;

/* What a program has of a tensor while parameters are taken to be written. */
struct nn_viewed {
    bool viewed;
    nn_real *copy; /* to write to where ranks share the parameters; or NULL */
};

struct nn_training {
    nn_trainer trainer;
    nn_train_options options;
    nn_training_phase phase;
    int rc;                 /* of the failure */
    double left;            /* when the last call returned: the caller's own time does not count */
    const char **tensor;    /* [tensors] "fc1/weight" */
    nn_loader *inputs;      /* of rows to predict; NULL: none so far */
    nn_access taken;        /* 0: nothing is taken */
    struct nn_viewed *view; /* [tensors], while parameters are taken to be written */
    uint64_t float_mode;    /* the caller's */
    nn_pool pool;
};

/* nn_training_open on samples that other trainings use at the same time, which outlive it; NULL:
 * none. Collective. */
int nn_training_open_on(nn_comm *comm, nn_config *config, const nn_samples *samples,
                        const nn_train_options *options, nn_training **out);
/* All of a training that was opened, to its result. Collective. */
int nn_training_run(nn_training *t, nn_train_result *result);

/* Around what the library does: subnormal numbers count as 0, and the watchdog looks at this rank.
 * leave returns `rc`, which ends the training; forgive lets it go on where it is NN_EUSAGE. */
void nn_training_enter(nn_training *t);
int nn_training_leave(nn_training *t, int rc);
int nn_training_forgive(nn_training *t, int rc);

/* What a training has come to; a failed one where there is none. */
nn_training_phase nn_training_at(const nn_training *t);

/* NN_EUSAGE where it may not come now; unless it is `right`, `instead` says what is. The same on
 * every rank, so that none waits for others. */
int nn_training_check(const nn_training *t, bool right, const char *what, const char *instead);
/* NN_EUSAGE unless called between two steps. */
int nn_training_check_between(const nn_training *t, const char *what);
/* NN_EUSAGE unless called between two steps or after the end. */
int nn_training_check_between_or_finished(const nn_training *t, const char *what);
/* A step on the program's minibatch, or, NULL, on the next one of the data set, may come now. */
int nn_training_check_step(const nn_training *t, const char *what, const nn_minibatch *batch);
/* What the caller's one holds, also of an older header's, which lacks the last arrays; NN_EUSAGE.
 */
int nn_training_read_minibatch(const nn_minibatch *batch, nn_minibatch *out);
/* It is to be on these rows; NN_EUSAGE or NN_EFORMAT leave all as it was. Collective. */
int nn_training_choose(nn_training *t, const nn_minibatch *batch);
/* Gradients may be looked at now. */
int nn_training_check_gradients(const nn_training *t, const char *what);
/* A tensor and its number. NN_EUSAGE: there is none of that name. */
int nn_training_find(const nn_training *t, const char *tensor, size_t *i, const nn_param **out);
/* Where the gradient of a tensor stands; NULL: it has none, as statistics and frozen layers. */
nn_real *nn_training_gradient(const nn_training *t, const nn_param *param);
/* NN_EUSAGE, which says that it has none. */
int nn_training_no_gradient(const char *what, const char *tensor);
/* No tensor is viewed any more. */
void nn_training_drop_views(nn_training *t);
/* The parts of a step that were taken are dropped: what comes now needs their memory. */
void nn_training_drop(nn_training *t);

#endif
