/* The learning rate falls in steps. */
#include "nn/schedules.h"

#include <math.h>
#include <stddef.h>

struct step {
    int64_t every;
    double gamma;
    int per;
};

enum { PER_EPOCH, PER_STEP };

static const nn_option step_options[] = {
    {"every", NN_OPT_INT, offsetof(struct step, every), NULL, "[1, inf)",
     "epochs (with per: step, optimiser steps) between two changes"},
    {"gamma", NN_OPT_REAL, offsetof(struct step, gamma), "0.1", "(0, inf)",
     "what the learning rate is multiplied by at each change"},
    {"per", NN_OPT_CHOICE, offsetof(struct step, per), "epoch", "epoch|step", "unit of 'every'"},
    NN_OPTION_END};

static double step_factor(const void *options, const nn_progress *progress) {
    const struct step *o = options;
    int64_t changes = (o->per == PER_STEP ? progress->step : progress->epoch) / o->every;
    return pow(o->gamma, (double)changes);
}

const nn_schedule_ops nn_schedule_step = {
    .entry = {"step",
              "lr gamma^floor(t / every), t epochs taken so far: multiplied by gamma after "
              "every so many",
              step_options, sizeof(struct step)},
    .factor = step_factor,
};
