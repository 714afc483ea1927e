/* The state of a training: what a checkpoint is written from and read into. */
#ifndef NN_TRAIN_CHECKPOINT_SNAPSHOT_H
#define NN_TRAIN_CHECKPOINT_SNAPSHOT_H

#include "base/real.h"
#include "comm/reduce/residuals.h"
#include "data/field.h"
#include "nn/model.h"
#include "nn/optimizers/optimizer.h"
#include "nn/schedules/schedule.h"

#include <math.h>

/* Where the run stands; no ranks, no threads. Every member is an attribute of /state. */
typedef struct nn_state {
    int64_t step, epoch,
        batch; /* steps taken; epoch under way (from 0) and minibatches of it taken */
    int64_t batch_size, steps_per_epoch; /* of global minibatches; what `batch` counts up to */
    int64_t shuffle_buffer;              /* samples that are shuffled together; 0: all, 1: none */
    int64_t seed;
    int64_t best_step;               /* of the best validation; -1: none yet */
    double best_value;               /* of the stopping metric */
    int64_t since_best;              /* validations without improvement */
    double epoch_loss, epoch_weight; /* sums over the epoch under way */
    int64_t epoch_mistakes;          /* train.stop_when: of the epoch under way ... */
    int64_t last_epoch_mistakes;     /* ... and of the last whole one; -1: none yet */
    double last_epoch_loss;          /* mean over the last whole epoch; NaN: none yet */
    nn_schedule_memory schedule;
} nn_state;

/* Of a run that has not begun. */
static inline nn_state nn_state_new(void) {
    return (nn_state){.best_step = -1,
                      .last_epoch_loss = NAN,
                      .last_epoch_mistakes = -1,
                      .schedule = {.factor = 1, .best = NAN}};
}

/* What the data look like to the model: enough to predict without the data set. */
typedef struct nn_data_traits {
    nn_shape x;               /* of one sample, as files hold it: images [C, H, W] */
    bool labels;              /* y are class indices */
    size_t target_width;      /* numbers of y a sample */
    int64_t classes;          /* 0: no labels */
    const char **class_names; /* [classes] or NULL */
    int64_t first_label;      /* the number of class 0 where classes have no names */
    const char *tokens;       /* of a text: "bytes", "chars" ...; NULL: none, or not known */
    size_t features;          /* names of the columns of x; 0: none */
    const char **feature_names;
    nn_categories categories; /* whose numbers columns hold */
    const char *fingerprint;  /* data/fingerprint.h; NULL: none was taken */
    nn_affine affine;         /* how x becomes floats */
    nn_normal normal;         /* and these what the model sees */
} nn_data_traits;

/* Residuals of sums between nodes (comm/reduce/residuals.h). */
typedef struct nn_residual_state {
    size_t nodes, size; /* nodes of the run, elements of each; 0: it has none */
    const size_t *at;   /* [parameters of the model] where those of each begin among a node's, or
                           NN_NO_RESIDUAL */
    uint16_t *value;    /* [nodes][size] bfloat16; NULL: neither written nor read */
    bool left;          /* after reading: the file has some that were not taken */
} nn_residual_state;

#define NN_KERNELS_TEXT 160 /* bytes of nn_snapshot.kernels */

/* What a checkpoint holds, for writing, and where to put it, for reading. */
typedef struct nn_snapshot {
    const nn_model *model;
    nn_real *params; /* [nn_model_size] */
    size_t slots;    /* optimiser state vectors, 0 when only the parameters matter */
    const char *const *slot_names;
    nn_real *slot[NN_MAX_SLOTS]; /* [nn_model_size] each */
    nn_residual_state residual;
    nn_state state;
    const int64_t *shards; /* [borders] those of nn_shards, where they move; NULL: they do not */
    size_t borders;
    const char *config;    /* YAML text */
    const char *optimizer; /* its name */
    nn_data_traits data;
    const char *kernels; /* what its bits depend on besides; NULL where that does not matter */
    const char *link; /* nn_link_text of a run between nodes, NULL where bits do not depend on it */
    const char *history; /* JSON lines of the epochs so far, "" when none */
} nn_snapshot;

#endif
