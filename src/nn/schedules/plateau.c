/* The learning rate falls when validation no longer improves, as torch's ReduceLROnPlateau has it.
 */
#include "nn/schedules/schedules.h"

#include <math.h>

struct plateau {
    double factor, threshold, min_lr;
    int64_t patience, cooldown;
    const char *metric;
    int mode;
};

enum { RELATIVE, ABSOLUTE };

static const nn_option plateau_options[] = {
    {"factor", NN_OPT_REAL, offsetof(struct plateau, factor), "0.1", "(0, 1)",
     "what the learning rate is multiplied by"},
    {"patience", NN_OPT_INT, offsetof(struct plateau, patience), "10", "[0, inf)",
     "validations in a row without improvement before lr is reduced by the next one"},
    {"metric", NN_OPT_STRING, offsetof(struct plateau, metric), "loss", NULL,
     "what must improve: loss, or one of validate.metrics"},
    {"threshold", NN_OPT_REAL, offsetof(struct plateau, threshold), "1e-4", "[0, inf)",
     "least change that counts as an improvement"},
    {"threshold_mode", NN_OPT_CHOICE, offsetof(struct plateau, mode), "rel", "rel|abs",
     "whether the threshold is a share of the best value or a value"},
    {"cooldown", NN_OPT_INT, offsetof(struct plateau, cooldown), "0", "[0, inf)",
     "validations after a reduction that do not count"},
    {"min_lr", NN_OPT_REAL, offsetof(struct plateau, min_lr), "0", "[0, inf)",
     "learning rate that reductions do not go below"},
    NN_OPTION_END};

static double plateau_factor(const void *options, const nn_schedule_at *progress) {
    (void)options;
    return progress->memory->factor;
}

static const char *plateau_watches(const void *options) {
    return ((const struct plateau *)options)->metric;
}

static bool improves(const struct plateau *o, double best, double value, bool larger_is_better) {
    double margin = o->mode == RELATIVE ? best * o->threshold : o->threshold;
    if (isnan(best))
        return true;
    if (isinf(best))
        margin = 0;
    return larger_is_better ? value > best + margin : value < best - margin;
}

static void plateau_observe(const void *options, nn_schedule_memory *memory, double value,
                            bool larger_is_better, double lr) {
    const struct plateau *o = options;
    bool better = improves(o, memory->best, value, larger_is_better);
    if (better)
        memory->best = value;
    memory->bad = better || memory->cooldown ? 0 : memory->bad + 1;
    if (memory->cooldown)
        memory->cooldown--;
    if (memory->bad <= o->patience)
        return;
    memory->factor = fmin(memory->factor, fmax(memory->factor * o->factor, o->min_lr / lr));
    memory->cooldown = o->cooldown;
    memory->bad = 0;
}

const nn_schedule_ops nn_schedule_reduce_on_plateau = {
    .entry = {"reduce_on_plateau",
              "lr is multiplied by factor when validation has not improved for more than patience "
              "times in a row",
              plateau_options, sizeof(struct plateau)},
    .factor = plateau_factor,
    .watches = plateau_watches,
    .observe = plateau_observe,
};
