/* A training that its caller drives: a step at a time, with a look at the parameters in between.
 * nn_train (train.h) is made of these functions. Intended usage:
 *
 *   nn_training *t;
 *   int rc = nn_training_open(comm, config, &options, &t);      1.
 *   while (rc == 0 && nn_training_goes_on(t)) {
 *       rc = nn_training_step(t);                               2.
 *       if (rc == 0)
 *           rc = nn_training_attend(t);                         3.
 *   }
 *   if (rc == 0)
 *       rc = nn_training_finish(t, &result);                    4.
 *   nn_training_close(t);
 *
 * 1. plans, reads and allocates, and begins the run or resumes it; 2. takes a minibatch; 3. does
 * what the configuration asks for after it: reports, validation, checkpoints, signals; 4. gives the
 * best parameters, the result on the test split and the digest.
 *
 * All ranks call the same functions in the same order: all are Collective but where it says Local,
 * and return the same code on every rank (but NN_ERANK, as in train.h). After a failure only
 * nn_training_close may follow, or nn_comm_abort where it was NN_ERANK; anything else returns
 * NN_EUSAGE, as does what comes at the wrong time. By the thread that opened it. */
#ifndef NNMPI_TRAINING_H
#define NNMPI_TRAINING_H

#include <nnmpi/array.h>
#include <nnmpi/train.h>

typedef struct nn_training nn_training;

/* As nn_train begins. *out is NULL after a failure. The configuration, its data and what `options`
 * points to outlive the training. NN_EUSAGE, NN_EFORMAT, NN_EMEMORY, NN_EBUSY, NN_EIO, NN_ESTOPPED.
 */
NN_API int nn_training_open(nn_comm *comm, nn_config *config, const nn_train_options *options,
                            nn_training **out);
/* Whether the run is not over: by epochs, steps or what else ends it. The same on every rank.
 * Local. */
NN_API bool nn_training_goes_on(const nn_training *t);
/* Forward, back-propagation, the gradients' average over the ranks, the optimiser's step, on the
 * next minibatch of the training split. NN_EDIVERGED, NN_EIO. */
NN_API int nn_training_step(nn_training *t);
/* After a step, once. NN_ESTOPPED after a signal, when all is saved; NN_EIO. */
NN_API int nn_training_attend(nn_training *t);
/* Both, again and again: up to `most` steps, at least 1 (of what the ranks say, the fewest), and
 * not beyond the end of the epoch under way or of the run. For programs whose own work between two
 * steps would take a part of a small model's time. On several nodes, sums that are on their way
 * when a step ends are waited for in the next one, so that some 10 steps a call hide most of the
 * network's time. NN_EDIVERGED, NN_ESTOPPED, NN_EIO. */
NN_API int nn_training_advance(nn_training *t, int64_t most);
/* After the last step, or sooner: saves, takes the best parameters where they are wanted, evaluates
 * the test split. `result` as in nn_train, to be released. No step may follow. */
NN_API int nn_training_finish(nn_training *t, nn_train_result *result);
/* NULL is fine. */
NN_API void nn_training_close(nn_training *t);

/* ---- minibatches of the program's own ---------------------------------------------------------
 */

/* Rows of this rank, in the shapes and types that the data set has them in, but that floats may
 * have either precision, and labels any integer type; rank 0: none. */
typedef struct nn_minibatch {
    size_t size; /* sizeof(nn_minibatch) */
    nn_array x, y, w, len;
} nn_minibatch;

/* nn_training_step on rows that each rank supplies for itself: its own ones, of any number up to
 * nn_training_most_rows, also none (or NULL) where another rank has some. What is averaged is
 * averaged over the rows (or their weights) of all ranks, whoever has how many. The arrays are read
 * before it returns. Wants nn_train_options.in_parts. NN_EUSAGE and NN_EFORMAT, where arrays of
 * some rank are not as they should be, end nothing.
 *
 * Where there is nothing but such rows, the data set describes them by arrays without rows or data
 * (nn_data_set(data, "train", "x", &(nn_array){NN_F32, 2, {0, 784}})), and train.batch_size says
 * how many there are at most on all ranks together. Such a run has no epochs: what counts epochs
 * never comes, and it ends with train.max_steps, or when the program leaves its loop. Else these
 * steps are between those of the epochs. With train.reproducible each rank has its share of the
 * minibatch's microbatches. */
NN_API int nn_training_step_on(nn_training *t, const nn_minibatch *batch);
/* Rows that this rank may supply for a step: its even share of train.batch_size, or more, where
 * memory for evaluation is there. Local. */
NN_API size_t nn_training_most_rows(const nn_training *t);
/* Floats of a prediction, for all steps of a sequence with a class for each. Local. */
NN_API size_t nn_training_prediction_size(const nn_training *t);
/* y[rows][outputs] = model(x), in inference mode, the fused activation applied, of x (and len,
 * where sequences have lengths) of any number of rows; also after nn_training_finish, but not while
 * a step in parts is under way. Each rank for itself. NN_EUSAGE, NN_EFORMAT, NN_EMEMORY end
 * nothing. Local. */
NN_API int nn_training_predict(nn_training *t, const nn_minibatch *batch, float *y);

/* ---- a step in parts ---------------------------------------------------------------------------
 */

/* nn_training_step, or with a minibatch nn_training_step_on, is these five in their order, with the
 * same bits:
 *
 *   nn_training_forward(t, NULL);
 *   nn_training_take_loss(t, &loss);
 *   nn_training_backward(t);
 *   nn_training_sum_gradients(t);
 *   nn_training_update(t);
 *
 * and nn_training_attend follows. They want nn_train_options.in_parts. Whatever comes in between,
 * but for reading tensors and what concerns gradients or rates, drops the step; so does
 * nn_training_forward, which begins it anew. NN_EUSAGE where the part before is missing. */

/* The model on this rank's rows, in training mode (dropout, statistics of the minibatch). */
NN_API int nn_training_forward(nn_training *t, const nn_minibatch *batch);
/* What it made of them, [rows][outputs], before the activation that the loss has fused in; of
 * sequences with a class for each step [rows][steps][outputs]. Owned by the training, and valid
 * until the next call but nn_training_take_loss. Local. */
NN_API int nn_training_outputs(const nn_training *t, nn_array *outputs);
/* The mean loss of all ranks' rows; NaN where all are ignored. */
NN_API int nn_training_take_loss(nn_training *t, double *loss);
/* The gradients of this rank's rows. */
NN_API int nn_training_backward(nn_training *t);
/* They become the sums over the ranks. */
NN_API int nn_training_sum_gradients(nn_training *t);
/* The optimiser's step at the rate that is set now, with what the configuration adds to it, as
 * clipping. NN_EDIVERGED. */
NN_API int nn_training_update(nn_training *t);

/* Copies the gradient of a tensor out, and in: that of the mean loss of all ranks, or before
 * nn_training_sum_gradients this rank's part of it, whose sum it is. Afterwards what is set is the
 * same on every rank. Tensors that do not learn, as statistics, have zeros, and none is set. With
 * train.reproducible only afterwards. Local. */
NN_API int nn_training_get_gradient(nn_training *t, const char *tensor, float *values);
NN_API int nn_training_set_gradient(nn_training *t, const char *tensor, const float *values);

/* ---- between steps --------------------------------------------------------------------------- */

/* Steps taken of the whole run, the epoch under way (from 1), and mean loss of the last minibatch
 * (NaN before the first step). Local. */
NN_API int64_t nn_training_steps(const nn_training *t);
NN_API int64_t nn_training_epoch(const nn_training *t);
NN_API double nn_training_loss(const nn_training *t);
/* The learning rate of the coming step, and its replacement: the schedule's rates are multiplied by
 * `factor` (positive, the same on every rank, 1 at first) from now on. A checkpoint does not keep
 * it. */
NN_API double nn_training_rate(const nn_training *t); /* Local */
NN_API int nn_training_scale_rate(nn_training *t, double factor);
/* The coming steps take this rate, whatever the schedule says; 0: the schedule's again. The same on
 * every rank. */
NN_API int nn_training_set_rate(nn_training *t, double rate);

/* Writes a checkpoint of the present state to the run folder, which is there when this returns.
 * NN_EUSAGE where the run has no folder, NN_EIO. */
NN_API int nn_training_save(nn_training *t);
/* Writes the parameters, with train.ema their average, to a checkpoint of this path, without the
 * optimiser's state: for nn_evaluate, nn_predictor_open, nn_training_load and init.from. `config`
 * is what the file says of how they were trained; NULL: the training's own. Also after
 * nn_training_finish, and without a run folder. NN_EUSAGE and NN_EIO end nothing. */
NN_API int nn_training_write(nn_training *t, const char *path, nn_config *config);
/* The parameters on all of a split (NULL: test where there is one, else the first), as validation
 * does it. *out is to be freed. NN_EUSAGE where there is no such split. */
NN_API int nn_training_evaluate(nn_training *t, const char *split, nn_evaluation **out);
/* Mean loss and metrics of the minibatches since the last call, or since the first step: each with
 * the parameters of its step, as training saw it (dropout, augmentation, the minibatch's own
 * statistics). Wants nn_train_options.measures and a step since. *out, whose split is "train", is
 * to be freed. NN_EUSAGE ends nothing. */
NN_API int nn_training_measure(nn_training *t, nn_evaluation **out);

/* The tensors of the model, by the names that checkpoints have for them ("fc1/weight"), as PyTorch
 * shapes them. The name is owned by the training. Local. */
NN_API size_t nn_training_tensors(const nn_training *t);
NN_API const char *nn_training_tensor(const nn_training *t, size_t i, nn_array *shape);
/* Copies a tensor out, and in (the same numbers on every rank; the optimiser's state stays);
 * values[its numbers], with its last dimension innermost. With train.ema these are the parameters
 * that are trained, not their average, which begins with them: before the first step both are set.
 * After nn_training_finish tensors can be copied out still, those that the digest is of. NN_EUSAGE
 * where there is no such tensor. */
NN_API int nn_training_get(nn_training *t, const char *tensor, float *values);
NN_API int nn_training_set(nn_training *t, const char *tensor, const float *values);
/* The same of what validation, nn_training_predict and nn_training_write take: with train.ema the
 * average, which goes on from what is set, else the parameters themselves. */
NN_API int nn_training_get_average(nn_training *t, const char *tensor, float *values);
NN_API int nn_training_set_average(nn_training *t, const char *tensor, const float *values);
/* Takes all parameters from a checkpoint (of a run folder the best, else the last) of a model with
 * the same tensors, and nothing else: optimiser, steps and rate stay. NN_EFORMAT, NN_EUSAGE end
 * nothing. */
NN_API int nn_training_load(nn_training *t, const char *checkpoint);

/* ---- views -------------------------------------------------------------------------------------
 */

/* Tensors where they lie: taken, looked at or changed, and restored.
 *
 *   nn_view view = {.size = sizeof view};
 *   nn_training_take(t, NN_WRITE_PARAMETERS);
 *   nn_training_view(t, "fc1/weight", &view);
 *   view.data[i * view.stride[0] + k * view.stride[1]] *= 0.5f;     W[i][k], of all i and k
 *   nn_training_restore(t);
 *
 * Until they are restored the training says its names and counters, and can be closed; all else
 * returns NN_EUSAGE. Views end with nn_training_restore and nn_training_close: their pointers are
 * not to be used any more. */
typedef enum nn_access {
    /* Between two steps, or after nn_training_finish. Nothing is to be written. Local, and so is
     * nn_training_restore. */
    NN_READ_PARAMETERS = 1,
    /* Between two steps; parts of one that were taken are dropped. Every rank writes the same
     * numbers. Where ranks of a node share one copy of the parameters, nn_training_view makes
     * copies of its own for each, of which nn_training_restore takes those of the node's first:
     * what all ranks do happens once. The optimiser's state stays, and with train.ema the averages
     * of the tensors that were viewed begin with what is written before the first step, as with
     * nn_training_set. NN_ERANK. Collective, and so is nn_training_restore.
     */
    NN_WRITE_PARAMETERS,
    /* After nn_training_backward those of this rank's rows, after nn_training_sum_gradients their
     * sums over the ranks, where every rank writes the same numbers, if any; with
     * train.reproducible only then. Local, and so is nn_training_restore. */
    NN_GRADIENTS
} nn_access;

/* An index adds its stride; memory may have another order than the shape, which is PyTorch's. */
typedef struct nn_view {
    size_t size; /* sizeof(nn_view), set by the caller */
    float *data;
    int rank;
    int64_t dim[NN_ARRAY_RANK], stride[NN_ARRAY_RANK]; /* strides in floats */
    /* Gradients are those of the summed loss: divided by `weight`, the weights of all ranks' rows
     * together (1 each where there are none), they are those of the mean, as
     * nn_training_get_gradient has them; 0: no row counts. Of parameters 1. */
    double weight;
} nn_view;

/* NN_EUSAGE where it is not the time, or something is taken already. */
NN_API int nn_training_take(nn_training *t, nn_access access);
/* One of the tensors that were taken. NN_EUSAGE where there is none of the name, or it has no
 * gradient: statistics, and those of frozen layers; NN_EMEMORY where a copy to write to finds no
 * memory. Neither ends anything. Local. */
NN_API int nn_training_view(const nn_training *t, const char *tensor, nn_view *view);
NN_API int nn_training_restore(nn_training *t);

#endif
