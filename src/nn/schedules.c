/* The table of schedules. */
#include "nn/schedules.h"

static const nn_entry *const rows[] = {&nn_schedule_constant.entry, &nn_schedule_step.entry, NULL};

const nn_family nn_schedules = {"schedule", rows};
