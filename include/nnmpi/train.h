/* Training, evaluation and prediction. */
#ifndef NNMPI_TRAIN_H
#define NNMPI_TRAIN_H

#include <nnmpi/comm.h>
#include <nnmpi/config.h>

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one metric says of a split: a number, a table, or both. */
typedef struct nn_metric_value {
    const char *name;     /* "accuracy"; static */
    double value;         /* NaN where there is none */
    bool table_only;      /* there is no value to the table */
    size_t rows, columns; /* of the table; 0: none. One row: a number for each class ("f1"), else
                             classes by predicted classes ("confusion") */
    const double *table;  /* [rows][columns] */
} nn_metric_value;

/* What a model is worth on a split. Its functions are Local. */
typedef struct nn_evaluation nn_evaluation;
NN_API void nn_evaluation_free(nn_evaluation *evaluation);               /* NULL is fine */
NN_API const char *nn_evaluation_split(const nn_evaluation *evaluation); /* "test"; static */
/* Samples that count, and others, whose label is -1. */
NN_API int64_t nn_evaluation_samples(const nn_evaluation *evaluation);
NN_API int64_t nn_evaluation_ignored(const nn_evaluation *evaluation);
/* Mean loss of the samples that count, by their weights. */
NN_API double nn_evaluation_loss(const nn_evaluation *evaluation);
/* The metrics of validate.metrics in their order, i below their number; NULL: there are fewer.
 * Owned by the evaluation. */
NN_API size_t nn_evaluation_metrics(const nn_evaluation *evaluation);
NN_API const nn_metric_value *nn_evaluation_metric(const nn_evaluation *evaluation, size_t i);

/* Where a run stands; passed to the progress callback on rank 0. */
typedef struct nn_status {
    int64_t step, total_steps; /* steps taken, steps planned (INT64_MAX: no end is) */
    int64_t epoch, epochs;     /* epoch under way (from 1), epochs planned */
    double loss;               /* mean over the steps since the last report */
    double lr;
    double samples_per_s;
    double seconds_left; /* INFINITY: no end is planned */
    bool important; /* worth a line of its own (end of an epoch, validation), not only a redraw */
    const nn_evaluation *validation; /* just made, or NULL */
    double seconds;                  /* since the first step of this start of the program */
    int64_t epoch_step, epoch_steps; /* steps taken of the epoch under way, and of a whole one */
    /* Where this rank's time went in the last second or two of training, in parts of 1: waiting for
     * samples, computing, waiting for other ranks. */
    double data_share, compute_share, wait_share;
    /* By validate.early_stopping.metric, of the whole run: "loss" or a metric's name, which lives
     * as long as the training, its best value so far, and the step that has it, -1 before the first
     * validation. */
    const char *best_metric;
    double best_value;
    int64_t best_step;
    const char *line; /* of metrics.jsonl that says the same, with its newline; NULL: none does */
} nn_status;

/* What nn_train does where replicas of the model differ (train.check_replicas). */
typedef enum nn_mismatch {
    NN_MISMATCH_STOP,  /* ends with NN_ERANK */
    NN_MISMATCH_REPAIR /* goes on with what most of the ranks hold, else from the last checkpoint */
} nn_mismatch;

/* `size` first, so that a program that was built with an older header, whose struct is shorter,
 * keeps working: what it does not have is zero. */
typedef struct nn_train_options {
    size_t size; /* sizeof(nn_train_options) */
    /* NULL: runs/<config>-<time>. "": no folder; nothing is written: neither checkpoints nor
     * metrics. The best parameters are kept in memory where the run wants them in the end. */
    const char *run_dir;
    /* Go on from run_dir/last.h5 when there is one. Other data than it was trained on are NN_EUSAGE
     * unless data.when_changed is accept; rows that a function gives are not compared. */
    bool resume;
    /* Non-zero: save, then end with NN_ESTOPPED; before the first step, end without saving. May be
     * set by a signal handler or another thread, on any rank. May be NULL. */
    const volatile sig_atomic_t *stop;
    /* Everything is read and planned, and the first step comes: from now on `stop` is looked at in
     * every step. Called on every rank; may be NULL. */
    void (*begun)(void *ctx);
    void (*progress)(void *ctx, const nn_status *status); /* rank 0 only; may be NULL */
    void *ctx;
    nn_mismatch on_mismatch;
    /* A count of requests, 0 before: each time that it changes, on any rank, a checkpoint is
     * written after the step under way and the run goes on. As `stop`, it may be changed by a
     * signal handler or another thread, also before the first step. May be NULL. */
    const volatile sig_atomic_t *save;
    /* Steps may be taken in parts and on the program's own minibatches (training.h). Gradients are
     * then summed by MPI_Allreduce after back-propagation, which takes longer than what
     * train.reduce: auto does. */
    bool in_parts;
    /* Called as `progress` is, with the same status; true: the run is over, as if it had come to
     * its planned end (nn_train_result.why is "callback"). That of rank 0 counts; the others need
     * none. */
    bool (*ends)(void *ctx, const nn_status *status);
    /* validate.metrics are taken of the training minibatches, too, as they come: what
     * nn_training_measure tells. Not with in_parts. The same on every rank. */
    bool measures;
    /* Seconds: `progress` is also called between reports (train.log_every), after the first step
     * that ends so long after the last call, with the loss since the last report; `ends` is not.
     * 0: with reports only. */
    double progress_every;
} nn_train_options;

typedef struct nn_train_result {
    size_t size; /* sizeof(nn_train_result), set by the caller; as in nn_train_options */
    int64_t steps, epochs;
    double loss;    /* of the last step */
    double seconds; /* in the training loop */
    double samples_per_s;
    const char *why;    /* why it ended: "epochs", "early_stopping" ... (docs/format.md); static */
    bool restored_best; /* the parameters are those of the best validation */
    int64_t best_step;
    int64_t first_step; /* where this start of the program began: of `steps`, it took the rest */
    char digest[65];    /* SHA-256 of the final parameters, hexadecimal */
    char run_dir[1024];
    char verdict[96];    /* with train.stop_when: whether the classes were separated; else "" */
    nn_evaluation *test; /* of the test split at the end, on every rank; NULL: there is none */
} nn_train_result;

/* Frees what nn_train has left in it; twice is fine, and NULL. Local. */
NN_API void nn_train_result_release(nn_train_result *result);

/* Trains as `config` says; writes the run folder from rank 0. Every rank returns the same code:
 * NN_ESTOPPED after a signal, NN_EDIVERGED when the loss is no number, NN_EBUSY when another
 * process is training in the run folder. But NN_ERANK, MPI has failed, is what this rank knows: the
 * others may wait for it, so call nn_comm_abort. Where a rank stalls (train.stall_timeout), all
 * processes end with exit status 5 without a return. `result` is filled after success, and is then
 * to be released. Collective. */
NN_API int nn_train(nn_comm *comm, nn_config *config, const nn_train_options *options,
                    nn_train_result *result);

/* Evaluates a checkpoint (of a run folder the best, else the last) on a split (NULL: test where
 * there is one, else the first) of its own data set, or of the file `data` (NULL: its own), whose
 * classes and columns are found by their names. Each sample counts once whatever the number of
 * ranks. *out, on every rank, is to be freed; NULL after a failure: NN_EUSAGE, NN_EFORMAT, NN_EIO,
 * NN_EMEMORY, NN_ERANK. Collective. */
NN_API int nn_evaluate(nn_comm *comm, const char *checkpoint, const char *data, const char *split,
                       nn_evaluation **out);

/* A trained model for inference, without ranks. */
typedef struct nn_predictor nn_predictor;

/* Loads a checkpoint, with memory to compute `batch` samples (at least 1) at a time. *out is NULL
 * after a failure: NN_EFORMAT, NN_EUSAGE, NN_EMEMORY. Local. */
NN_API int nn_predictor_open(const char *checkpoint, size_t batch, nn_predictor **out);
/* Threads that nn_predict computes with, at least 1, which it is until set. NN_EUSAGE, NN_EMEMORY.
 * Local. */
NN_API int nn_predictor_set_threads(nn_predictor *predictor, int threads);
/* NULL is fine. Local. */
NN_API void nn_predictor_free(nn_predictor *predictor);
/* What a sample has on both sides of the model. Local. */
NN_API size_t nn_predictor_inputs(const nn_predictor *predictor);  /* floats a sample */
NN_API size_t nn_predictor_outputs(const nn_predictor *predictor); /* floats a sample */
/* Name of output i's class; NULL: it has none, or there are fewer outputs. Owned by the predictor.
 * Local. */
NN_API const char *nn_predictor_class(const nn_predictor *predictor, size_t i);
/* y[count][outputs] = model(x[count][inputs]), fused activation applied; x as floats, scaled as the
 * model was trained; images as files hold them, [C, H, W]. Any count: more than `batch` samples are
 * computed a piece at a time. x and y are the caller's. NN_EUSAGE where one is NULL, NN_EFORMAT
 * where x has another number than an index where an embedding reads it. Local. */
NN_API int nn_predict(nn_predictor *predictor, size_t count, const float *x, float *y);
/* What the checkpoint says of the model and of the data that it was trained on, as a JSON object:
 * "config", the configuration, complete; "x", the shape of a sample; "labels", whether targets are
 * classes; "target_width", how many numbers or classes a sample has; "classes"; where they are
 * known "class_names" and "tokens", their kind; "scale" and "offset", of x before the model sees
 * it: one number, one for each channel or one for each element, or none. Owned by the predictor;
 * NULL: NN_EMEMORY. Local. */
NN_API const char *nn_predictor_description(nn_predictor *predictor);

#endif
