/* The learning rate falls (or rises) smoothly with the time t. */
#include "base/numbers/elementary.h"
#include "nn/schedules/schedules.h"

struct linear {
    double from, to;
    int64_t over;
    int per;
};

static const nn_option linear_options[] = {
    {"from", NN_OPT_REAL, offsetof(struct linear, from), "1", "[0, inf)", "factor at t = 0"},
    {"to", NN_OPT_REAL, offsetof(struct linear, to), "0", "[0, inf)", "factor at the end"},
    NN_OVER(struct linear, "t from one factor to the other"),
    NN_PER(struct linear),
    NN_OPTION_END};

static double linear_factor(const void *options, const nn_schedule_at *progress) {
    const struct linear *o = options;
    return o->from + (o->to - o->from) * nn_schedule_elapsed(progress, o->per, o->over);
}

const nn_schedule_ops nn_schedule_linear = {
    .entry = {"linear", "lr times from + (to - from) t / over, then as at the end", linear_options,
              sizeof(struct linear)},
    .factor = linear_factor,
};

struct inverse_time {
    double k;
    int per;
};

static const nn_option inverse_time_options[] = {
    {"k", NN_OPT_REAL, offsetof(struct inverse_time, k), NULL, "[0, inf)", "how fast it falls"},
    NN_PER(struct inverse_time),
    NN_OPTION_END};

static double inverse_time_factor(const void *options, const nn_schedule_at *progress) {
    const struct inverse_time *o = options;
    return 1 / (1 + o->k * nn_schedule_time(progress, o->per));
}

const nn_schedule_ops nn_schedule_inverse_time = {
    .entry = {"inverse_time", "lr / (1 + k t)", inverse_time_options, sizeof(struct inverse_time)},
    .factor = inverse_time_factor,
};

struct exponential {
    double gamma;
    int per;
};

static const nn_option exponential_options[] = {
    {"gamma", NN_OPT_REAL, offsetof(struct exponential, gamma), NULL, "(0, inf)",
     "factor of each epoch or step on the one before"},
    NN_PER(struct exponential),
    NN_OPTION_END};

static double exponential_factor(const void *options, const nn_schedule_at *progress) {
    const struct exponential *o = options;
    return nn_power(o->gamma, nn_schedule_time(progress, o->per));
}

const nn_schedule_ops nn_schedule_exponential = {
    .entry = {"exponential", "lr gamma^t", exponential_options, sizeof(struct exponential)},
    .factor = exponential_factor,
};

struct polynomial {
    double power, to;
    int64_t over;
    int per;
};

static const nn_option polynomial_options[] = {
    {"power", NN_OPT_REAL, offsetof(struct polynomial, power), "1", "(0, inf)",
     "1: a straight line"},
    {"to", NN_OPT_REAL, offsetof(struct polynomial, to), "0", "[0, 1]", "factor at the end"},
    NN_OVER(struct polynomial, "t until the end"),
    NN_PER(struct polynomial),
    NN_OPTION_END};

static double polynomial_factor(const void *options, const nn_schedule_at *progress) {
    const struct polynomial *o = options;
    double left = 1 - nn_schedule_elapsed(progress, o->per, o->over);
    return o->to + (1 - o->to) * nn_power(left, o->power);
}

const nn_schedule_ops nn_schedule_polynomial = {
    .entry = {"polynomial", "lr times to + (1 - to) (1 - t / over)^power, then as at the end",
              polynomial_options, sizeof(struct polynomial)},
    .factor = polynomial_factor,
};
