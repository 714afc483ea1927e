/* The learning rate stays as it is. */
#include "nn/schedules/schedules.h"

static double constant_factor(const void *options, const nn_schedule_at *progress) {
    (void)options, (void)progress;
    return 1;
}

const nn_schedule_ops nn_schedule_constant = {
    .entry = {"constant", "the learning rate stays as it is", NULL, 0},
    .factor = constant_factor,
};
