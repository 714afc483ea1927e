/* A session is what a configuration becomes: data, model, loss and memory, ready to compute. */
#ifndef NN_TRAIN_SESSION_SESSION_H
#define NN_TRAIN_SESSION_SESSION_H

#include "comm/node_buffer.h"
#include "comm/reduce/reduce.h"
#include "data/loader/loader.h"
#include "data/naming.h"
#include "data/sources/open.h"
#include "nn/model.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/settings.h"
#include "train/session/microbatch.h"

#include <nnmpi/train.h>

typedef struct nn_staging nn_staging;

/* Sums of an evaluation besides those of its metrics. */
#define NN_EVALUATION_SUMS 3

typedef struct nn_session {
    nn_comm *comm;
    nn_compute compute; /* threads are for who allocates to set */
    const nn_settings *settings;
    nn_dataset *data;
    nn_model *model;
    const int32_t *indices; /* of nn_model_indices */
    nn_loss *loss;
    bool in_parts;                       /* nn_train_options.in_parts, or the train split has no
                                            rows: gradients are summed before any step is taken */
    int64_t batch_size, eval_batch_size; /* of global minibatches */
    int64_t pass_size;                   /* most samples of a pass over one in training */
    nn_shards shards;                    /* of the ranks in a pass, and in evaluation */
    size_t capacity;                     /* most rows of a shard of either */
    size_t outputs;                      /* numbers that a target is compared with */
    size_t positions;                    /* targets a sample */
    size_t output_rows;                  /* targets whose outputs are computed at once */
    nn_metric_spec metric_spec;
    nn_choice metric[NN_MAX_METRICS];
    size_t metrics;
    nn_metric_layout metric_layout[NN_MAX_METRICS];
    size_t metric_state; /* doubles of all together that each microbatch has for itself */
    size_t metric_exact; /* those of exact ones, which microbatches need not keep apart */
    double *metric_sums; /* nn_session_metric_sums of them */
    const nn_optimizer_ops *optimizer;
    size_t slots;                        /* of the optimiser */
    const char *slot_name[NN_MAX_SLOTS]; /* theirs, then that of the parameters beside an average */
    nn_microbatches *micro;              /* NULL: shards are computed as a whole */
    nn_reduce_ops ops;                   /* of the reducer */
    nn_link link; /* of the nodes; set before memory is allocated: as it was known */
    char link_text[NN_LINK_TEXT];
    nn_reducer *reducer;         /* owns params, gradients and average; NULL: evaluation only */
    nn_real *params;             /* [nn_model_size] */
    nn_real *average;            /* of the parameters; NULL: none */
    nn_real *slot[NN_MAX_SLOTS]; /* [nn_reducer_share] each: what this rank takes the step on */
    size_t *residual_at; /* [parameters of the model] nn_residual_state.at; NULL: no residuals */
    nn_staging *staging; /* for checkpoints; NULL: there are none */
    nn_step_sums *sums;  /* [own microbatches] of the step under way, before they are summed */
    int sum_rc;          /* of its first sum of statistics that failed */
    double waited;       /* seconds in such sums since the trainer looked last */
    nn_trace *trace;     /* train.trace, before loaders are opened; NULL: none */
} nn_session;

/* Opens the data and plans model, loss and metrics; no memory for parameters yet. Classes and
 * columns of the data are taken as those of the same names in `trained`; NULL: as they are.
 * `whole_output`: whatever its size, the output of a pass has to stand in memory. Local. */
int nn_session_plan(nn_session *session, nn_comm *comm, nn_config *config, const nn_naming *trained,
                    bool whole_output);
/* The gradient sum that training wants, but for the gradients that are outer products, ops and ctx.
 * Local. */
nn_reduce_spec nn_session_reduce_spec(const nn_session *session);
/* Allocates parameters (and, with `ops` for training, gradients and this rank's share of optimiser
 * state) and buffers for this rank's shards of training and evaluation minibatches. The same code
 * on every rank. Collective. */
int nn_session_allocate(nn_session *session, const nn_reduce_ops *ops, void *ctx);
/* Collective where training memory was allocated. */
void nn_session_release(nn_session *session);

/* What travels between nodes: "rows of fc1, a part of lstm1; sums of the other gradients"; NULL:
 * there is one node. After nn_session_allocate. Local. */
#define NN_BETWEEN_TEXT 360
const char *nn_session_between_text(const nn_session *session, char text[NN_BETWEEN_TEXT]);

/* Does the first layer make images of rows [H, W], where others would take them for sequences? */
bool nn_session_sees_images(const nn_session *session);

/* Those of `most` threads that a minibatch has enough work for. With fewer threads than cores a
 * small net has one to spare for a thread that prepares minibatches, which makes it faster. The
 * model is planned. Local. */
int nn_session_threads(const nn_session *session, int most);

/* The split that validation uses: the configured one, else "valid", else "test"; NULL: there is
 * none. NN_EUSAGE when the configured one does not exist. */
int nn_session_validation_split(const nn_session *session, const char **split);

/* A loader of one split for this rank; `training`: in the order of its epochs, changed as
 * data.augment says, else as stored. Local. */
int nn_session_loader(const nn_session *session, const char *split, int64_t batch_size,
                      bool training, nn_loader **out);
/* The same without the samples, which nn_session_fill reads. Local. */
int nn_session_loader_shared(const nn_session *session, const char *split, int64_t batch_size,
                             bool training, nn_loader **out);
/* One for rows that the program supplies (nn_loader_supply), in the shape of the train split's, up
 * to session->capacity a rank; `x_only`: to predict, without targets. Local. */
int nn_session_loader_supplied(const nn_session *session, bool x_only, nn_loader **out);
/* Reads and checks them, into memory that the ranks of a node share where there are several and
 * they can (*shared, to be freed after the loader; else NULL). Collective. */
int nn_session_fill(nn_session *session, nn_loader *loader, nn_node_buffer **shared);

/* Stored integers of a data set that does not say how they become floats are taken as those that
 * the model was trained on, and floats are normalized as they were. Local. */
int nn_data_inherit_scale(nn_dataset *data, const nn_data_traits *trained);

/* What the model has to know about a data set, and the loss about it and the model. The traits
 * point into the data set. */
nn_data_traits nn_data_traits_of(const nn_dataset *data);
nn_loss_spec nn_loss_spec_of(const nn_data_traits *data, size_t outputs, size_t batch);
/* Targets of a sample: more than 1 where a data set has a label for each position. */
size_t nn_data_positions(const nn_data_traits *data);
/* Do they divide the outputs of the model? Traits from a file need not. NN_EFORMAT. */
int nn_data_check_positions(const nn_data_traits *data, const char *file, size_t outputs);
/* Points into the traits. */
nn_naming nn_data_naming(const nn_data_traits *data);
/* The same, and how x becomes floats, for opening another file; without a `data:` map. */
nn_like nn_data_like(const nn_data_traits *data);

/* The parameters that the model is evaluated with: their average where there is one. */
nn_real *nn_session_model_params(const nn_session *session);

/* What the session says of its state: the snapshot that a checkpoint is written from, with this
 * rank's own vectors; state and texts are the caller's. Local. */
nn_snapshot nn_session_snapshot(const nn_session *session);
/* The snapshot that one is read into on rank 0, with memory for whole vectors of optimiser state
 * where ranks have shares of them, and for residuals. To be closed, also after a failure. Local. */
int nn_session_open_snapshot(const nn_session *session, nn_snapshot *snapshot);
void nn_session_close_snapshot(const nn_session *session, nn_snapshot *snapshot);
/* Gives every rank rank 0's parameters and, from its open snapshot unless NULL, optimiser state and
 * residuals. Collective. */
int nn_session_distribute(nn_session *session, const nn_snapshot *snapshot);

/* Rows [begin, end) of a shard. */
nn_batch nn_session_rows(const nn_session *session, const nn_batch *batch, size_t begin,
                         size_t end);

/* Most rows of a microbatch. */
size_t nn_session_microbatch_rows(const nn_session *session);
/* Most rows of a pass without nn_pass.micro: where there are microbatches, layers have memory for
 * one of them. */
size_t nn_session_most_at_once(const nn_session *session);
/* Tells the model of them, if there are any (nn_model_set_microbatches). */
void nn_session_set_microbatches(const nn_session *session, size_t stride);
/* Microbatches of this rank's shards, 1 when they have none. */
size_t nn_session_own_microbatches(const nn_session *session);

/* values [own microbatches][n] become in values[n] the sums over all ranks, microbatches along
 * their tree. Collective. */
int nn_session_sum(const nn_session *session, size_t n, double *values);

/* The same for the statistics of a pass, as nn_sum_fn, with the session as context: a failure is
 * kept in session->sum_rc. Collective. */
void nn_session_sum_statistics(void *ctx, size_t n, double *values);
/* For a new step: nothing is summed, nothing has failed. */
void nn_session_clear_sums(nn_session *session);

/* Rows of the output, targets, that a pass over so many samples computes at once, where the model
 * can divide its output (train.output_rows); 0: all. NN_EUSAGE where it cannot, but was told to.
 * Local. */
int nn_plan_output_rows(const nn_settings *settings, const nn_model *model, size_t positions,
                        size_t samples, size_t *rows);

/* A part of the output of a pass, and what it is compared with. */
typedef struct nn_output_part {
    size_t micro;     /* the microbatch; 0 where there are none */
    size_t begin;     /* its first row, target, among those of the pass */
    size_t count;     /* rows */
    nn_target target; /* [count] */
    const nn_real *z; /* [count][outputs] */
    nn_real *dz;      /* where dC/dz is to be put; NULL: not in training */
} nn_output_part;
typedef void nn_see_output(void *ctx, const nn_output_part *part);
/* Has `see` look at the output part by part: nn_model_output, for a pass over `batch`. Local. */
void nn_session_output(const nn_session *session, const nn_pass *pass, const nn_batch *batch,
                       nn_see_output *see, void *ctx);

/* What has failed in layers and in the loss that the program has defined itself, since it was asked
 * last; and whether anything can. Local. */
int nn_session_fault(const nn_session *session);
bool nn_session_can_fault(const nn_session *session);

/* The shard's microbatches, NULL when it has none. */
const nn_shard_microbatches *nn_session_microbatches(const nn_session *session,
                                                     const nn_batch *batch);

/* Memory for what nn_session_evaluate says, to be freed by nn_evaluation_free. NN_EMEMORY. Local.
 */
int nn_session_evaluation_new(const nn_session *session, nn_evaluation **out);
/* Evaluates the parameters on all of a loader's split; the same on every rank. Collective. */
int nn_session_evaluate(nn_session *session, nn_loader *loader, const char *split,
                        nn_evaluation *result);
/* Doubles that an evaluation adds up on this rank. Local. */
size_t nn_session_metric_sums(const nn_session *session);
/* Adds a part of the output to the state of each metric, [metric_state] and [metric_exact], in
 * which they stand one behind the other; and what they make of their state in `result`. Fail where
 * metrics of the program's own do. Local. */
int nn_session_add_metrics(const nn_session *session, const nn_output_part *part, double *state,
                           double *exact);
int nn_session_read_metrics(const nn_session *session, double *state, double *exact,
                            nn_evaluation *result);
/* Its number of that name, the loss when no metric has it; and whether larger is better. Local. */
double nn_session_metric(const nn_session *session, const nn_evaluation *result, const char *name,
                         bool *larger_is_better);

#endif
