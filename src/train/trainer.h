/* The inside of nn_train: trainer.c (what it consists of), start.c (its beginning, or where a run
 * goes on), step/ (one training step, its learning rate and its update), replicas/ (whether all
 * ranks hold the same), balance/ (how fast each is), saving.c (when it saves), memory.c (what it
 * takes), report.c and gradient_report.c (what people see of it), train.c (what is around the
 * steps) and training/ (the loop, and what callers drive themselves). `check` and `bench` open a
 * trainer too. */
#ifndef NN_TRAIN_TRAINER_H
#define NN_TRAIN_TRAINER_H

#include "train/balance/balance.h"
#include "train/memory.h"
#include "train/run/run.h"
#include "train/save/saver.h"
#include "train/session/samples.h"
#include "train/step/update.h"
#include "train/timeline/timeline.h"

#include <nnmpi/training.h>

/* Sums since the last report; seconds are this rank's. */
typedef struct nn_interval {
    int64_t steps;
    double begin, samples, loss, weight;
    double rows; /* of these samples, those that this rank computed */
    double data, forward, backward, comm, update;
} nn_interval;

/* A moment of the loop: the clock without what was not training, samples so far, and what the time
 * went into on this rank. */
typedef struct nn_mark {
    double seconds, samples;
    double data, compute, comm; /* of these seconds */
} nn_mark;

/* How fast the loop is. Validation and saving are pauses: every rate is that of training alone. */
typedef struct nn_pace {
    double begin, paused, samples; /* when the loop began; seconds of pauses, samples since */
    double data, compute, comm;    /* of the intervals before the one under way */
    nn_mark from, next;            /* the rate that people see is that since `from` */
    double told;                   /* when the progress callback was last told */
} nn_pace;

/* Checkpoints that nobody asked for are written at the end of an epoch, and with the best
 * parameters so far, but not more often than every so many seconds, and so seldom that comparing
 * replicas before each takes no more than this part of the time. */
#define NN_SAVE_SECONDS 10.0
#define NN_COMPARE_SHARE 1e-3

/* What the clock of rank 0 says since the last checkpoint: not yet as long as above; that; or
 * checkpoint.every_minutes. */
enum nn_save_clock { NN_SAVE_NOT_YET, NN_SAVE_MAY, NN_SAVE_MUST };

/* What a step in parts has come to. */
typedef struct nn_step_parts {
    nn_batch rows; /* of this rank */
    nn_pass pass;
    const nn_real *output; /* of the model */
    double weight;         /* of the samples of all ranks, once their loss is known */
} nn_step_parts;

typedef struct nn_trainer {
    nn_comm *comm;
    nn_config *config;
    const nn_train_options *options;
    nn_session session;
    nn_memory memory; /* a rank's, of all that training takes */
    nn_updater *updater;
    nn_loader *train, *valid, *test; /* valid, test: NULL when there is none */
    nn_loader *supplied;             /* of rows that the program supplies; that of train where
                                      this has no rows; NULL: steps are not in parts */
    struct nn_supplied *supplied_by; /* [ranks] what they say of theirs; NULL likewise */
    nn_batch supplied_rows;          /* those of the step under way, or the last one, */
    bool on_supplied;                /* unless it was on rows of the data set */
    nn_step_parts step_parts;
    const nn_samples *samples; /* that other trainings use, too; NULL: none */
    nn_node_buffer *shared[3]; /* behind train, test, valid, as far as ranks share them */
    const char *valid_split;
    nn_evaluation *validation; /* the last one; NULL when there is none */
    nn_run *run;               /* rank 0; NULL elsewhere */
    nn_saver *saver;           /* NULL: nothing is saved */
    nn_real *best;             /* [nn_model_size] rank 0, without a run folder: the best parameters
                                  so far; NULL: not wanted */
    nn_balance *balance;       /* NULL: one rank */
    nn_state state;
    int64_t steps_per_epoch, total_steps; /* of the whole run */
    int64_t first_step;                   /* steps taken before this start of the program */
    int64_t pause_epoch; /* it ends, saved, after so many, of the plan of train.epochs; 0: of all */
    /* the last ones; -1: none */
    int64_t saved_step, validated_step, compared_step;
    double lr, loss;    /* of the last step */
    double rate;        /* of the caller, in place of the schedule's; 0: none */
    double rate_factor; /* of the caller, on learning rates; 0 stands for 1 */
    nn_pace pace;
    double memory_seen;      /* seconds at which metrics.jsonl was told of memory; 0: never */
    double saved_at;         /* seconds at which the last checkpoint was begun, or training */
    double compare_s;        /* that this rank hashed for the last comparison of replicas */
    int64_t reported_step;   /* of the last checkpoint that metrics.jsonl tells of; -1: none */
    bool has_ends;           /* rank 0 has options->ends */
    bool ended;              /* the program has asked for the end */
    bool stop;               /* a rank has been asked to stop */
    bool asked;              /* a rank has been asked to save and go on */
    sig_atomic_t answered;   /* requests of options->save, of this rank, that were answered */
    bool unreported;         /* a checkpoint that was requested has not been reported yet */
    enum nn_save_clock save; /* rank 0's, in the last step */
    bool saving;             /* rank 0 was still writing a checkpoint then */
    bool last;               /* this rank wants no other step of this call; then: some rank */
    double *delta;      /* [layers] train.report: gradients: squares of dC/dy of the last step that
                           reports, then, added over the ranks, the norms; NULL: not wanted */
    nn_real *before;    /* [nn_model_size] the parameters before it, on rank 0; NULL likewise */
    nn_watch_fn *watch; /* looks at the layers' values in every step; NULL: nobody does */
    void *watch_ctx;
    struct nn_measured *measured; /* options->measures; NULL: not wanted */
    nn_interval interval;
    nn_timeline *timeline; /* train.trace; NULL: not wanted, */
    bool traces;           /* and whether these steps are a run's, with a folder */
    double step_begin;     /* of the step under way, */
    double phase_begin;    /* and of its phase */
    uint64_t float_mode;   /* the caller's, while that of training is set */
} nn_trainer;

/* Plans data, model and memory for the trainer's comm, config and options; nn_trainer_close
 * releases them, also after a failure. The same code on every rank. Collective. */
int nn_trainer_open(nn_trainer *t);
/* Takes the fingerprint of the data that checkpoints keep, and on resuming compares it with that of
 * the checkpoint: NN_EUSAGE, unless data.when_changed says otherwise. Local. */
int nn_trainer_check_data(nn_trainer *t);
/* Fresh parameters (or pretrained ones), and position and state of a run at its beginning.
 * Collective. */
int nn_trainer_begin(nn_trainer *t);
/* The same, with a run folder; or all of it from the newest checkpoint there, where resuming is
 * asked for. Collective. */
int nn_trainer_start(nn_trainer *t);
/* Back to the newest checkpoint of a run under way, as if it were resumed. *rewound false: there is
 * none yet, and nothing has changed. Collective. */
int nn_trainer_rewind(nn_trainer *t, bool *rewound);
/* Collective. */
void nn_trainer_close(nn_trainer *t);

/* What the bits of a step depend on besides the numbers that go into it; returns `text`. Local. */
const char *nn_trainer_kernels(const nn_trainer *t, char text[NN_KERNELS_TEXT]);

/* What this rank tells the others with the sums of a step: that it was asked to stop, or to save
 * and go on; what rank 0's clock says, and whether it is still writing; and that something has
 * failed, a checkpoint or what `failure` (0: nothing) stands for. Local. */
void nn_trainer_add_requests(const nn_trainer *t, int failure, nn_step_sums *sums);
/* On rank 0: what its clock says, and why a checkpoint could not be written (0: nothing failed so
 * far). Local. */
enum nn_save_clock nn_trainer_save_clock(const nn_trainer *t);
int nn_trainer_save_failure(const nn_trainer *t);

/* Whether what is done every so many epochs or steps (0: not by these) is due after the last step.
 * Local. */
bool nn_trainer_is_due(const nn_trainer *t, int64_t every_epochs, int64_t every_steps);

/* Whether the run has a folder, the same on every rank. Local. */
bool nn_trainer_has_folder(const nn_trainer *t);
/* What saves, before the first step of a run: a saver, or without a folder memory for the best
 * parameters. NN_EUSAGE, NN_EMEMORY. Collective. */
int nn_trainer_open_saver(nn_trainer *t);
/* After a step: begins a checkpoint where one is due or was asked for from outside, and tells of
 * the latter once it is on the disk. Collective. */
int nn_trainer_save_due(nn_trainer *t);
/* The best parameters so far: in a checkpoint of their own, or kept for a while. Collective. */
int nn_trainer_save_best(nn_trainer *t);
/* Waits until what was begun is written, which metrics.jsonl is told; why it could not be all ranks
 * return. Those of other nodes do not see that the disk of rank 0 is slow, but goes on: they hear
 * of it from time to time, so that none takes it for a stall. Collective. */
int nn_trainer_wait_written(nn_trainer *t);
/* The state is on the disk when it returns. Collective. */
int nn_trainer_save_now(nn_trainer *t);
/* Where training ended with NN_EDIVERGED: the best parameters, which may not have been written yet.
 * The message stays that of the divergence. Local. */
void nn_trainer_rescue_best(nn_trainer *t, int rc);

/* One minibatch: forward, back-propagation, gradients summed over the ranks, one optimiser step.
 * The code returned is the same on every rank, but for NN_ERANK. Collective. */
int nn_trainer_step(nn_trainer *t);
/* What the last step has left to the next one (nn_reducer_go_ahead), before anyone looks at
 * parameters or state. NN_EDIVERGED, NN_ERANK. Collective. */
int nn_trainer_complete_step(nn_trainer *t);

/* Memory for rows that the program supplies, where steps are in parts. Local. */
int nn_trainer_open_supplied(nn_trainer *t);
/* The next step is on these rows of this rank, which are checked and copied: nn_trainer_step or
 * nn_trainer_forward takes it. NN_EUSAGE, NN_EFORMAT where some rank's are not as they should be:
 * nothing has happened then. Collective. */
int nn_trainer_supply(nn_trainer *t, const nn_minibatch *batch);

/* options->measures: memory for the metrics of training minibatches; rows of this rank with the
 * outputs that training made of them are added; the sums of a step are, Collective where a metric
 * is the program's own, whose failure all ranks have then. NN_EUSAGE where steps may be taken in
 * parts, and then dropped; NN_EMEMORY. Local but for that. */
int nn_trainer_open_measured(nn_trainer *t);
void nn_trainer_measure_rows(const nn_trainer *t, const nn_output_part *rows);
int nn_trainer_measure_step(const nn_trainer *t, const nn_batch *shard);

/* The same step in parts, with session.in_parts, in this order; the mean loss and the weight are
 * those of all ranks. Collective. */
int nn_trainer_forward(nn_trainer *t);
int nn_trainer_take_loss(nn_trainer *t, double *loss);
void nn_trainer_backward(nn_trainer *t);
int nn_trainer_sum_gradients(nn_trainer *t);
int nn_trainer_update(nn_trainer *t);

/* Compares what several ranks hold alike, parameters and optimiser state, once a step, unless
 * train.check_replicas is 0. Where they differ: NN_ERANK with rank, host, layer and elements. With
 * options->on_mismatch NN_MISMATCH_REPAIR a warning instead, after the minority has got the bits of
 * the majority or, where there is none, after nn_trainer_rewind (*rewound); NN_ERANK where there is
 * no checkpoint either. Collective. */
int nn_trainer_compare_replicas(nn_trainer *t, bool *rewound);

/* Before the first step of this start of the program: the clocks begin. Local. */
void nn_trainer_begin_steps(nn_trainer *t);
/* Whether the run is not over. The same on every rank. Local. */
bool nn_trainer_goes_on(const nn_trainer *t);
/* What follows a step: reports, validation, checkpoints, the answer to signals (NN_ESTOPPED); and
 * after the last one the last validation and checkpoint. Where replicas differed the run may go on
 * from an earlier checkpoint. Collective. */
int nn_trainer_attend(nn_trainer *t);
/* The best parameters where they are wanted, the test split, and all that a run ends with.
 * Collective. */
int nn_trainer_finish(nn_trainer *t, nn_train_result *result);
/* After divergence: adds to the message what can be done, and what there is to go on from. Local.
 */
void nn_trainer_advise(const nn_trainer *t, int rc);

/* The learning rate of the coming step. */
double nn_trainer_rate(const nn_trainer *t);
/* Tells the schedule of a validation. */
void nn_trainer_observe(nn_trainer *t, const nn_evaluation *e);

/* Who looks at the layers' values in the step under way, with watch_ctx or the trainer. NULL:
 * nobody. */
nn_watch_fn *nn_trainer_watch(const nn_trainer *t);
/* train.report: gradients. The size of delta and of the update is taken in steps that metrics.jsonl
 * has a line for: before such a step delta is cleared and the parameters are kept, which completes
 * the step before; after back-propagation delta is summed over the ranks. Collective. */
int nn_trainer_begin_gradient_report(nn_trainer *t);
int nn_trainer_sum_deltas(nn_trainer *t, double weight);
/* The two as members of a train line, on rank 0. Local. */
void nn_trainer_put_gradients(const nn_trainer *t, nn_json *json);

/* log.tensorboard, log.weights: what is written of the parameters that the run has come to. The
 * same code on every rank. Collective. */
int nn_trainer_log_parameters(nn_trainer *t);
/* log.tensorboard: the first samples of rank 0's part of the validation's first minibatch, where
 * they are pictures. The same code on every rank. Collective. */
int nn_trainer_log_samples(nn_trainer *t);

/* Sets steps_per_epoch and total_steps, counted from where the run stands; before the first step
 * and after a resume. */
void nn_trainer_plan_steps(nn_trainer *t);

/* Tells of the ranks and of their memory. Rank 0 acts. */
void nn_trainer_say_plan(const nn_trainer *t);

/* Tells where a resumed run stands, and what is not as it was in the checkpoint. Rank 0 acts. */
void nn_trainer_say_resumed(const nn_trainer *t, const nn_state *before);

/* Before the borders of shards move: loaders keep nothing that they have chosen or made ahead. */
void nn_trainer_forget_minibatches(const nn_trainer *t);

/* Begins a new interval. */
void nn_trainer_restart_interval(nn_trainer *t);
/* What took from `since` until now was no training. */
void nn_trainer_pause(nn_trainer *t, double since);
/* Samples a second in training since the loop began; 0 before the first step. */
double nn_trainer_mean_rate(const nn_trainer *t);
/* Writes the interval to metrics.jsonl, tells the progress callback, begins a new one. Rank 0 acts;
 * the same code on every rank. Collective. */
int nn_trainer_report(nn_trainer *t, bool important);
/* Writes what the checkpoint that was written last has cost, once. Local. */
int nn_trainer_report_saved(nn_trainer *t);
/* Between reports: calls the progress callback where it wants to be called. Local. */
void nn_trainer_show_progress(nn_trainer *t);
/* The same of a validation, and of the end. Collective. */
int nn_trainer_report_validation(nn_trainer *t, const nn_evaluation *validation);
int nn_trainer_report_end(nn_trainer *t, const nn_train_result *result);

#endif
