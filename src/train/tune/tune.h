/* Sweeps: a configuration is trained with several values of some keys, each combination a trial,
 * and several trials at the same time on groups of ranks.
 *
 * The folder of a sweep holds config.yaml and tune.yaml, what it was begun with, of which the
 * second makes it a sweep's; trial-001 ..., a run folder for each trial, with result-1.json ... for
 * each rung that it has finished; tune.jsonl and tune.csv, all results so far. What is finished is
 * not done again. */
#ifndef NN_TRAIN_TUNE_TUNE_H
#define NN_TRAIN_TUNE_TUNE_H

#include "base/options/option.h"

#include <nnmpi/train.h>

#include <stdio.h>

/* Which trials there are. */
typedef struct nn_search {
    const nn_node *grid;  /* "train.lr=0.1,0.01" ... */
    int64_t random, seed; /* 0: all combinations */
    bool halving;
    int64_t ranks_per_trial;
} nn_search;
extern const nn_entry nn_search_entry; /* its options */

#define NN_TUNE_ETA 3 /* halving: one of so many goes on, with so many times the epochs */

typedef enum nn_trial_state {
    NN_TRIAL_OPEN,    /* its rung is not done yet */
    NN_TRIAL_DONE,    /* to the end */
    NN_TRIAL_DROPPED, /* others were better after fewer epochs */
    NN_TRIAL_FAILED
} nn_trial_state;

/* What one came to: in the last rung that it has finished. The same bytes on every rank. */
typedef struct nn_trial_result {
    nn_trial_state state;
    int rung;      /* from 1 on; 0: none is finished */
    int exit_code; /* of one that failed, as `nnmpi train` would end, and why */
    char message[256];
    double value;      /* of the sweep's metric, the best validation; NaN: none */
    int64_t best_step; /* which had it; -1: it is that of the end */
    int64_t steps, epochs;
    double seconds;
    char digest[65];
} nn_trial_result;

typedef struct nn_sweep {
    nn_pool *pool;
    const char *folder;
    const char *config; /* text of config.yaml */
    nn_search search;
    size_t keys, trials;
    const char **key;   /* [keys] "train.lr" */
    const char **value; /* [trials][keys] as YAML */
    int rungs;          /* 1 without halving */
    int64_t epochs;     /* of the last rung, with halving */
    char metric[64];    /* what `value` of the results is; known once a trial is done */
    bool larger_is_better;
    nn_trial_result *result; /* [trials] */
} nn_sweep;

/* The trials of search.grid, for so many ranks; every trial's configuration is right, and what was
 * not given in `search` is completed. NN_EUSAGE. Local. */
int nn_sweep_plan(nn_sweep *sweep, int ranks);
/* The value of key k in trial i. */
static inline const char *nn_sweep_value(const nn_sweep *sweep, size_t i, size_t k) {
    return sweep->value[i * sweep->keys + k];
}
/* The run folder of trial i; NULL with the error set. Owned by the sweep's pool. */
const char *nn_sweep_folder(const nn_sweep *sweep, size_t i);
/* Epochs of a rung, with halving; of rung 0 none. */
int64_t nn_sweep_epochs(const nn_sweep *sweep, int rung);
/* The configuration of trial i, checked. NN_EUSAGE. Local. */
int nn_sweep_config(const nn_sweep *sweep, size_t i, nn_config **out);

/* results.c: what trial i came to in a rung, as a file. Local. */
int nn_result_write(const nn_sweep *sweep, size_t i, const nn_trial_result *result);
/* Without a file, or with one that cannot be read, which is a warning, the trial stays as it is. */
int nn_result_read(nn_sweep *sweep, size_t i, int rung);
/* Removes results of trials that failed otherwise than by divergence: what was in their way may
 * have been mended since. Local. */
int nn_results_forget_failures(const nn_sweep *sweep);
/* order[trials]: the best first, what has failed last. */
void nn_sweep_rank(const nn_sweep *sweep, size_t *order);
/* A line of JSON for each trial that has a result. */
void nn_sweep_put_json(const nn_sweep *sweep, const size_t *order, FILE *out);
/* Writes tune.csv and tune.jsonl, a line for each trial that has a result. NN_EIO. Local. */
int nn_sweep_write_table(const nn_sweep *sweep);

/* Where a sweep is when a trial begins in a rung. */
typedef struct nn_sweep_place {
    size_t trial;
    int rung;
    double share, adds;  /* of the epochs of all rungs: what is done, and what this trial will have
                            added; others under way are taken to be as far as it */
    int64_t from, until; /* its epochs in the rung; until 0: to its end */
} nn_sweep_place;

typedef struct nn_sweep_options {
    const volatile sig_atomic_t *stop, *save; /* as in nn_train_options */
    /* On rank 0, before each of its trials in a rung, and what these come to meanwhile. */
    void (*begun)(void *ctx, const nn_sweep *sweep, const nn_sweep_place *place);
    void (*progress)(void *ctx, const nn_status *status); /* as in nn_train_options */
    double progress_every;
    /* On the first rank of each group, when a trial has come to an end in a rung. */
    void (*told)(void *ctx, const nn_sweep *sweep, size_t trial, const nn_trial_result *result);
    void *ctx;
} nn_sweep_options;

/* Runs all trials of a plan that are not finished: each is what nn_train does with its
 * configuration, in its folder, on a group of ranks. Trials that fail are results; NN_ESTOPPED
 * after a signal, when all that is under way is saved. sweep->result is complete on every rank,
 * also then. Collective. */
int nn_sweep_run(nn_comm *comm, nn_sweep *sweep, const nn_sweep_options *options);

#endif
