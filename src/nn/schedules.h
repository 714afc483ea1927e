/* The rows of the schedule table. */
#ifndef NN_NN_SCHEDULES_H
#define NN_NN_SCHEDULES_H

#include "nn/schedule.h"

extern const nn_schedule_ops nn_schedule_constant, nn_schedule_step;

#endif
