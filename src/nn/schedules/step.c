/* The learning rate falls in steps: at regular times, or at given ones. */
#include "base/numbers/elementary.h"
#include "nn/schedules/schedules.h"

#include <math.h>
#include <stdlib.h>

struct step {
    int64_t every;
    double gamma;
    int per;
};

#define GAMMA(type)                                                                                \
    {                                                                                              \
        "gamma", NN_OPT_REAL, offsetof(type, gamma), "0.1", "(0, inf)",                            \
            "what the learning rate is multiplied by at each change"                               \
    }

static const nn_option step_options[] = {
    {"every", NN_OPT_INT, offsetof(struct step, every), NULL, "[1, inf)", "t between two changes"},
    GAMMA(struct step),
    NN_PER(struct step),
    NN_OPTION_END};

static double step_factor(const void *options, const nn_schedule_at *progress) {
    const struct step *o = options;
    return nn_power(o->gamma, floor(nn_schedule_time(progress, o->per) / (double)o->every));
}

const nn_schedule_ops nn_schedule_step = {
    .entry = {"step", "lr gamma^floor(t / every): multiplied by gamma after every so many",
              step_options, sizeof(struct step)},
    .factor = step_factor,
};

#define MOST_CHANGES 64

struct multistep {
    const nn_node *at;
    double gamma;
    int per;
    size_t changes; /* from `at`, rising */
    int64_t change[MOST_CHANGES];
};

static const nn_option multistep_options[] = {
    {"at", NN_OPT_NODE, offsetof(struct multistep, at), NULL, NULL,
     "list of the t at which the learning rate changes, rising: [30, 60]"},
    GAMMA(struct multistep),
    NN_PER(struct multistep),
    NN_OPTION_END};

static int add_change(struct multistep *o, const nn_node *item) {
    char *end = "";
    int64_t t = item->kind == NN_NODE_SCALAR ? strtoll(item->text, &end, 10) : -1;
    if (t < 0 || *end || end == item->text || (o->changes && t <= o->change[o->changes - 1]))
        return nn_node_fail(item, "at is a list of whole numbers that rise: [30, 60]");
    if (o->changes == MOST_CHANGES)
        return nn_node_fail(item, "more than %d changes", MOST_CHANGES);
    o->change[o->changes++] = t;
    return 0;
}

static int multistep_check(void *options, const nn_node *node) {
    struct multistep *o = options;
    (void)node;
    o->changes = 0;
    if (o->at->kind != NN_NODE_LIST)
        return add_change(o, o->at);
    for (size_t i = 0; i < o->at->count; i++)
        NN_TRY(add_change(o, o->at->item[i]));
    return 0;
}

static double multistep_factor(const void *options, const nn_schedule_at *progress) {
    const struct multistep *o = options;
    double t = nn_schedule_time(progress, o->per);
    size_t passed = 0;
    while (passed < o->changes && (double)o->change[passed] <= t)
        passed++;
    return nn_power(o->gamma, (double)passed);
}

const nn_schedule_ops nn_schedule_multistep = {
    .entry = {"multistep", "lr gamma^k, k of the given times being past", multistep_options,
              sizeof(struct multistep)},
    .check = multistep_check,
    .factor = multistep_factor,
};
