/* The learning rate of a step: base rate, rule for the number of ranks, warm-up, schedule. */
#include "train/trainer.h"

static double base_rate(const nn_trainer *t) {
    const nn_settings *s = t->session.settings;
    return s->train.lr * (s->train.scale_lr == NN_SCALE_LINEAR ? nn_comm_size(t->comm) : 1);
}

/* From warmup.from up to 1, in a straight line of steps. */
static double warmup(const nn_trainer *t) {
    const nn_settings *s = t->session.settings;
    double n = s->train.warmup.epochs ? (double)(s->train.warmup.epochs * t->steps_per_epoch)
                                      : (double)s->train.warmup.steps;
    double step = (double)t->state.step, from = s->train.warmup.from;
    return step < n ? from + (1 - from) * step / n : 1;
}

double nn_trainer_rate(const nn_trainer *t) {
    const nn_settings *s = t->session.settings;
    const nn_schedule_ops *schedule = (const nn_schedule_ops *)s->train.schedule.row;
    if (t->rate > 0)
        return t->rate;
    nn_schedule_at progress = {.step = t->state.step,
                               .epoch = t->state.epoch,
                               .batch = t->state.batch,
                               .steps_per_epoch = t->steps_per_epoch,
                               .total_steps = t->total_steps,
                               .memory = &t->state.schedule};
    double rate = base_rate(t) * warmup(t) * schedule->factor(s->train.schedule.options, &progress);
    return t->rate_factor > 0 ? rate * t->rate_factor : rate;
}

void nn_trainer_observe(nn_trainer *t, const nn_evaluation *e) {
    const nn_choice *choice = &t->session.settings->train.schedule;
    const nn_schedule_ops *schedule = (const nn_schedule_ops *)choice->row;
    bool larger_is_better;
    if (!schedule->observe)
        return;
    double value =
        nn_session_metric(&t->session, e, schedule->watches(choice->options), &larger_is_better);
    schedule->observe(choice->options, &t->state.schedule, value, larger_is_better, base_rate(t));
}
