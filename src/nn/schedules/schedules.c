/* The table of schedules. */
#include "nn/schedules/schedules.h"

#include <math.h>

static const nn_entry *const rows[] = {
    &nn_schedule_constant.entry,          &nn_schedule_step.entry,
    &nn_schedule_multistep.entry,         &nn_schedule_linear.entry,
    &nn_schedule_inverse_time.entry,      &nn_schedule_exponential.entry,
    &nn_schedule_polynomial.entry,        &nn_schedule_cosine.entry,
    &nn_schedule_reduce_on_plateau.entry, NULL};

const nn_family nn_schedules = {"schedule", rows};

double nn_schedule_time(const nn_schedule_at *progress, int per) {
    return (double)(per == NN_PER_STEP ? progress->step : progress->epoch);
}

double nn_schedule_end(const nn_schedule_at *progress, int per) {
    int64_t epoch = progress->steps_per_epoch;
    if (per == NN_PER_STEP)
        return (double)progress->total_steps;
    if (epoch == 0) /* the run has no epochs */
        return INFINITY;
    int64_t left = progress->total_steps - progress->step + progress->batch;
    int64_t epochs_left = (left + epoch - 1) / epoch;
    return (double)(progress->epoch + epochs_left);
}

double nn_schedule_elapsed(const nn_schedule_at *progress, int per, int64_t over) {
    double t = nn_schedule_time(progress, per);
    double end = over ? (double)over : nn_schedule_end(progress, per);
    return t < end ? t / end : 1;
}
