/* The rows of the schedule table, and what they share. */
#ifndef NN_NN_SCHEDULES_SCHEDULES_H
#define NN_NN_SCHEDULES_SCHEDULES_H

#include "nn/schedules/schedule.h"

#include <stddef.h>

/* The clock a schedule goes by. */
enum { NN_PER_EPOCH, NN_PER_STEP };

#define NN_PER(type)                                                                               \
    {                                                                                              \
        "per", NN_OPT_CHOICE, offsetof(type, per), "epoch", "epoch|step",                          \
            "what t counts: whole epochs or optimiser steps taken so far"                          \
    }
#define NN_OVER(type, what)                                                                        \
    { "over", NN_OPT_INT, offsetof(type, over), "0", "[0, inf)", what "; 0: the whole run" }

/* t, and the t at which the run is planned to end. */
double nn_schedule_time(const nn_schedule_at *progress, int per);
double nn_schedule_end(const nn_schedule_at *progress, int per);

/* How far t is on its way to `over` (0: the end of the run), at most 1. */
double nn_schedule_elapsed(const nn_schedule_at *progress, int per, int64_t over);

extern const nn_schedule_ops nn_schedule_constant, nn_schedule_step, nn_schedule_multistep,
    nn_schedule_linear, nn_schedule_inverse_time, nn_schedule_exponential, nn_schedule_polynomial,
    nn_schedule_cosine, nn_schedule_reduce_on_plateau;

#endif
