/* Learning-rate schedules: a factor on the base learning rate. */
#ifndef NN_NN_SCHEDULE_H
#define NN_NN_SCHEDULE_H

#include "base/option.h"

typedef struct nn_progress {
    int64_t step;  /* steps taken so far */
    int64_t epoch; /* whole epochs taken so far */
    int64_t steps_per_epoch;
    int64_t total_steps; /* planned; 0: unknown */
} nn_progress;

typedef struct nn_schedule_ops {
    nn_entry entry;
    /* The factor for the next step, > 0; a function of its arguments only, so that a resumed run
     * goes on with it. */
    double (*factor)(const void *options, const nn_progress *progress);
} nn_schedule_ops;

extern const nn_family nn_schedules; /* schedules.c: one row a schedule */

#endif
