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
/* After the last step, or sooner: saves, takes the best parameters where they are wanted, evaluates
 * the test split. `result` as in nn_train, to be released. No step may follow. */
NN_API int nn_training_finish(nn_training *t, nn_train_result *result);
/* NULL is fine. */
NN_API void nn_training_close(nn_training *t);

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

/* Writes a checkpoint of the present state to the run folder, which is there when this returns.
 * NN_EUSAGE where the run has no folder, NN_EIO. */
NN_API int nn_training_save(nn_training *t);
/* The parameters on all of a split (NULL: test where there is one, else the first), as validation
 * does it. *out is to be freed. NN_EUSAGE where there is no such split. */
NN_API int nn_training_evaluate(nn_training *t, const char *split, nn_evaluation **out);

/* The tensors of the model, by the names that checkpoints have for them ("fc1/weight"), as PyTorch
 * shapes them. The name is owned by the training. Local. */
NN_API size_t nn_training_tensors(const nn_training *t);
NN_API const char *nn_training_tensor(const nn_training *t, size_t i, nn_array *shape);
/* Copies a tensor out, and in (the same numbers on every rank; the optimiser's state stays);
 * values[its numbers], with its last dimension innermost. With train.ema these are the parameters
 * that are trained, not their average. NN_EUSAGE where there is no such tensor. */
NN_API int nn_training_get(nn_training *t, const char *tensor, float *values);
NN_API int nn_training_set(nn_training *t, const char *tensor, const float *values);

#endif
