/* Half a cosine from 1 down (Loshchilov and Hutter 2017), once or again and again. */
#include "base/numbers/elementary.h"
#include "nn/schedules/schedules.h"

#include <math.h>

struct cosine {
    double to;
    int64_t over, grow;
    bool restarts;
    int per;
};

static const nn_option cosine_options[] = {
    NN_OVER(struct cosine, "t of the (first) way down"),
    {"to", NN_OPT_REAL, offsetof(struct cosine, to), "0", "[0, 1]", "factor at the end"},
    {"restarts", NN_OPT_BOOL, offsetof(struct cosine, restarts), "false", NULL,
     "begin again at the top when at the end; wants `over`"},
    {"grow", NN_OPT_INT, offsetof(struct cosine, grow), "1", "[1, inf)",
     "with restarts, each way down is so many times as long as the one before"},
    NN_PER(struct cosine),
    NN_OPTION_END};

static int cosine_check(void *options, const nn_node *node) {
    const struct cosine *o = options;
    nn_node nowhere = {.file = NULL};
    if (o->restarts && o->over == 0)
        return nn_node_fail(node ? node : &nowhere, "restarts want `over`, the t between them");
    if (!o->restarts && o->grow > 1)
        return nn_node_fail(node ? node : &nowhere, "grow has a meaning with restarts: true only");
    return 0;
}

/* How far it is on the present way down. */
static double share_of(const struct cosine *o, const nn_schedule_at *progress) {
    double t = nn_schedule_time(progress, o->per), length = (double)o->over;
    if (!o->restarts)
        return nn_schedule_elapsed(progress, o->per, o->over);
    if (o->grow == 1)
        return fmod(t, length) / length;
    while (t >= length) {
        t -= length;
        length *= (double)o->grow;
    }
    return t / length;
}

static double cosine_factor(const void *options, const nn_schedule_at *progress) {
    const struct cosine *o = options;
    return o->to + (1 - o->to) * (1 + nn_circle_at(share_of(o, progress) / 2).cosine) / 2;
}

const nn_schedule_ops nn_schedule_cosine = {
    .entry = {"cosine",
              "lr times to + (1 - to) (1 + cos(pi t / over)) / 2, then as at the end, or from the "
              "top again",
              cosine_options, sizeof(struct cosine)},
    .check = cosine_check,
    .factor = cosine_factor,
};
