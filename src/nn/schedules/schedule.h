/* Learning-rate schedules: a factor on the base learning rate. */
#ifndef NN_NN_SCHEDULES_SCHEDULE_H
#define NN_NN_SCHEDULES_SCHEDULE_H

#include "base/options/option.h"

/* What a schedule that watches validation keeps from one to the next; part of the checkpoint. */
typedef struct nn_schedule_memory {
    double factor;         /* so far; 1 at first */
    double best;           /* value of the metric; NaN: none yet */
    int64_t bad, cooldown; /* validations without improvement; to be passed over */
} nn_schedule_memory;

typedef struct nn_schedule_at {
    int64_t step;  /* steps taken so far */
    int64_t epoch; /* whole epochs taken so far */
    int64_t batch; /* minibatches taken of the epoch under way */
    int64_t steps_per_epoch;
    int64_t total_steps; /* planned; 0: unknown */
    const nn_schedule_memory *memory;
} nn_schedule_at;

typedef struct nn_schedule_ops {
    nn_entry entry;
    /* What ranges cannot say, and what is to be worked out from the options once after they are
     * bound; NN_EUSAGE at `node`, their place (may be NULL). NULL: nothing. */
    int (*check)(void *options, const nn_node *node);
    /* The factor for the next step, >= 0; a function of its arguments only, so that a resumed run
     * goes on with it. */
    double (*factor)(const void *options, const nn_schedule_at *progress);
    /* Both NULL, or: the metric it watches ("loss" or one of validate.metrics), and what follows
     * from a new value of it. `lr` is the base learning rate. */
    const char *(*watches)(const void *options);
    void (*observe)(const void *options, nn_schedule_memory *memory, double value,
                    bool larger_is_better, double lr);
} nn_schedule_ops;

extern const nn_family nn_schedules; /* schedules.c: one row a schedule */

#endif
