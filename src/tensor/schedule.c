/* Learning-rate schedules of imperative programs: the rows of nn/schedules, whose time the program
 * counts. */
#include "nn/schedules/schedule.h"

#include "base/text.h"
#include "tensor/tensor.h"

#include <math.h>

struct nn_schedule {
    nn_pool pool; /* of the options */
    const nn_schedule_ops *ops;
    void *options;
    nn_schedule_memory memory;
};

static int pick(nn_schedule *s, const char *text) {
    const nn_entry *row;
    nn_node *map;
    NN_TRY(nn_pick_row(&s->pool, &nn_schedules, text, &row, &s->options, &map));
    s->ops = (const nn_schedule_ops *)row;
    return s->ops->check ? s->ops->check(s->options, map) : 0;
}

int nn_schedule_new(const char *schedule, nn_schedule **out) {
    nn_schedule *s = NULL;
    *out = NULL;
    NN_TRY(NN_NEW(&s, 1, "schedule"));
    s->memory = (nn_schedule_memory){.factor = 1, .best = NAN};
    int rc = pick(s, schedule);
    if (rc < 0)
        nn_schedule_free(s);
    else
        *out = s;
    return rc;
}

void nn_schedule_free(nn_schedule *s) {
    if (!s)
        return;
    nn_pool_release(&s->pool);
    nn_free(s);
}

/* Steps and epochs are the same to it: an epoch has one step. */
double nn_schedule_factor(const nn_schedule *s, int64_t t, int64_t end) {
    if (!s)
        return 0;
    nn_schedule_at progress = {.step = t,
                               .epoch = t,
                               .steps_per_epoch = end > 0,
                               .total_steps = end > 0 ? end : INT64_MAX,
                               .memory = &s->memory};
    return s->ops->factor(s->options, &progress);
}

int nn_schedule_observe(nn_schedule *s, double value, bool larger_is_better, double rate) {
    if (!s)
        return nn_fail(NN_EUSAGE, "schedule: it is NULL");
    if (!s->ops->observe)
        return nn_fail(NN_EUSAGE, "schedule: %s watches no value", s->ops->entry.name);
    if (isnan(value) || !(rate >= 0))
        return nn_fail(NN_EUSAGE, "schedule: a value of %g at the rate %g; both are numbers",
                       nn_plain_nan(value), nn_plain_nan(rate));
    s->ops->observe(s->options, &s->memory, value, larger_is_better, rate);
    return 0;
}

nn_schedule_state nn_schedule_get_state(const nn_schedule *s) {
    static const nn_schedule_memory none;
    const nn_schedule_memory *m = s ? &s->memory : &none;
    return (nn_schedule_state){m->factor, m->best, m->bad, m->cooldown};
}

int nn_schedule_set_state(nn_schedule *s, nn_schedule_state state) {
    if (!s)
        return nn_fail(NN_EUSAGE, "schedule: it is NULL");
    if (!(state.factor >= 0 && state.factor <= 1) || state.bad < 0 || state.cooldown < 0)
        return nn_fail(NN_EUSAGE,
                       "schedule: a state of factor %g, %lld bad values and a cooldown of %lld; "
                       "the factor is in [0, 1], and the others are at least 0",
                       nn_plain_nan(state.factor), (long long)state.bad, (long long)state.cooldown);
    s->memory = (nn_schedule_memory){state.factor, state.best, state.bad, state.cooldown};
    return 0;
}
