/* Definitions for tests: twins of built-in parts, whose bits are the same, and what goes wrong in
 * them on demand. */
#ifndef NN_TESTS_OWN_PARTS_H
#define NN_TESTS_OWN_PARTS_H

#include <nnmpi/nnmpi.h>

#include <math.h>
#include <stddef.h>
#include <string.h>

/* What goes wrong, as ctx. */
enum own_mischief {
    OWN_NONE,
    OWN_PLAN_FAILS,
    OWN_FORWARD_FAILS,
    OWN_BACKWARD_FAILS,
    OWN_EVAL_FAILS,
    OWN_SUMS,
    OWN_ADD_FAILS,
    OWN_VALUE_FAILS,
    OWN_NAN,
    /* gradients */
    OWN_FACTOR,     /* dx is 1 % too large */
    OWN_G_FACTOR,   /* as is g */
    OWN_MISSING,    /* g has no terms of every third number */
    OWN_G_WRITTEN,  /* g is overwritten */
    OWN_DX_ADDED,   /* dx is added to */
    OWN_MIXED_ROWS, /* y depends on the row before */
    OWN_OTHER_BITS, /* y is not the same twice */
    OWN_DZ_FACTOR   /* the loss's gradient is twice as large */
};

typedef struct own_state {
    enum own_mischief mischief;
    int64_t from_step; /* it begins with this step */
    int64_t calls;
} own_state;

/* ---- prelu ----------------------------------------------------------------------------------- */

struct own_slope {
    double gamma;
    int64_t channels; /* set by plan */
};

static const nn_option own_slope_options[] = {
    {"gamma", NN_OPT_REAL, offsetof(struct own_slope, gamma), "0.25", "[-1, 1]", "initial slope"},
    NN_OPTION_END};

static int own_slope_plan(void *ctx, nn_layer_layout *layout) {
    const own_state *state = ctx;
    struct own_slope *o = layout->options;
    if (state->mischief == OWN_PLAN_FAILS)
        return nn_extend_fail(17, "the plan is bad");
    o->channels = layout->in[0].dim[layout->in[0].rank == 3 ? 0 : layout->in[0].rank - 1];
    layout->params = 1;
    layout->param[0] = (nn_param_spec){.name = "weight",
                                       .kind = NN_PARAM_IS_CONSTANT,
                                       .value = (float)o->gamma,
                                       .shape = {1, {o->channels}}};
    layout->save = 1;    /* used by the tests of memory */
    layout->scratch = 2; /* as well */
    return 0;
}

static size_t own_count(const nn_shape *s) {
    size_t n = 1;
    for (int i = 0; i < s->rank; i++)
        n *= (size_t)s->dim[i];
    return n;
}

/* The channel of element i of a sample. */
static size_t own_channel(const nn_layer_call *call, size_t i) {
    const struct own_slope *o = call->options;
    size_t inner = call->in[0].rank == 3 ? own_count(call->in) / (size_t)o->channels : 1;
    return i / inner % (size_t)o->channels;
}

static int own_slope_forward(void *ctx, const nn_layer_call *call) {
    own_state *state = ctx;
    size_t count = own_count(call->in);
    bool now = !call->training || (int64_t)call->step >= state->from_step;
    state->calls++;
    if (now && state->mischief == OWN_FORWARD_FAILS)
        return nn_extend_fail(7, "the slope has gone");
    for (size_t i = 0; i < call->rows * count; i++) {
        float z = call->x[0][i];
        call->y[i] = z > 0 ? z : call->w[0][own_channel(call, i % count)] * z;
        if (now && state->mischief == OWN_NAN)
            call->y[i] = NAN;
        if (state->mischief == OWN_MIXED_ROWS && i >= count)
            call->y[i] += 0.1f * call->x[0][i - count];
        if (state->mischief == OWN_OTHER_BITS)
            call->y[i] += 1e-6f * (float)state->calls;
    }
    for (size_t r = 0; r < call->rows; r++) {
        call->save[r] = call->x[0][r * count];
        call->scratch[2 * r] = call->scratch[2 * r + 1] = 1;
    }
    return 0;
}

static int own_slope_backward(void *ctx, const nn_layer_call *call) {
    own_state *state = ctx;
    size_t count = own_count(call->in);
    float dx_factor = state->mischief == OWN_FACTOR ? 1.01f : 1;
    float g_factor = state->mischief == OWN_G_FACTOR ? 1.01f : 1;
    if (state->mischief == OWN_BACKWARD_FAILS && (int64_t)call->step >= state->from_step)
        return 9;
    if (state->mischief == OWN_G_WRITTEN)
        memset(call->g[0], 0, sizeof *call->g[0] * own_count(call->in));
    for (size_t r = 0; r < call->rows; r++)
        if (call->save[r] < call->x[0][r * count] || call->save[r] > call->x[0][r * count])
            return nn_extend_fail(8, "what forward has left is not there");
    for (size_t i = 0; i < call->rows * count; i++) {
        float z = call->x[0][i], w = call->w[0][own_channel(call, i % count)];
        float dx = (z > 0 ? call->dy[i] : w * call->dy[i]) * dx_factor;
        if (state->mischief != OWN_MISSING || i % 3)
            call->g[0][own_channel(call, i % count)] += z > 0 ? 0 : call->dy[i] * z * g_factor;
        if (call->dx[0])
            call->dx[0][i] = dx + (state->mischief == OWN_DX_ADDED ? call->dx[0][i] : 0);
    }
    return 0;
}

static inline nn_layer_def own_slope_def(const char *name, own_state *state) {
    return (nn_layer_def){.size = sizeof(nn_layer_def),
                          .name = name,
                          .help = "a slope for what is negative",
                          .options = own_slope_options,
                          .options_size = sizeof(struct own_slope),
                          .ctx = state,
                          .plan = own_slope_plan,
                          .forward = own_slope_forward,
                          .backward = own_slope_backward,
                          .activation = true,
                          .rectifier = true,
                          .reproducible = true};
}

/* ---- squared --------------------------------------------------------------------------------- */

static int own_squared_eval(void *ctx, const nn_loss_call *call) {
    own_state *state = ctx;
    if (state->mischief == OWN_EVAL_FAILS && ++state->calls >= state->from_step)
        return nn_extend_fail(-4, "no loss today");
    for (size_t r = 0; r < call->rows; r++) {
        double sum = 0;
        for (size_t k = r * call->outputs; k < (r + 1) * call->outputs; k++) {
            double d = (double)call->z[k] - (double)call->y[k];
            call->dz[k] = (float)(state->mischief == OWN_DZ_FACTOR ? 2 * d : d);
            sum += 0.5 * d * d;
        }
        call->loss[r] = (float)sum;
    }
    return 0;
}

static inline nn_loss_def own_squared_def(const char *name, own_state *state) {
    return (nn_loss_def){.size = sizeof(nn_loss_def),
                         .name = name,
                         .ctx = state,
                         .targets = NN_TARGETS_ARE_NUMBERS,
                         .eval = own_squared_eval,
                         .reproducible = true};
}

/* ---- accuracy -------------------------------------------------------------------------------- */

static int own_hits_plan(void *ctx, void *options, size_t outputs, nn_target_kind targets,
                         size_t *sums) {
    const own_state *state = ctx;
    (void)options;
    if (state->mischief == OWN_PLAN_FAILS)
        return nn_extend_fail(6, "nothing to hit");
    *sums = state->mischief == OWN_SUMS ? SIZE_MAX : 2;
    return outputs > 1 && targets == NN_TARGETS_ARE_CLASSES ? 0 : 1;
}

static int own_hits_add(void *ctx, const nn_metric_call *call) {
    const own_state *state = ctx;
    if (state->mischief == OWN_ADD_FAILS)
        return 5;
    for (size_t r = 0; r < call->rows; r++) {
        const float *z = call->z + r * call->outputs;
        size_t best = 0;
        for (size_t k = 1; k < call->outputs; k++)
            best = z[k] > z[best] ? k : best;
        if (call->label[r] < 0)
            continue;
        call->sums[0] += (int32_t)best == call->label[r];
        call->sums[1] += 1;
    }
    return 0;
}

static int own_hits_value(void *ctx, const void *options, size_t outputs, const double *sums,
                          double *value) {
    const own_state *state = ctx;
    (void)options, (void)outputs;
    *value = sums[0] / sums[1];
    return state->mischief == OWN_VALUE_FAILS ? 3 : 0;
}

static inline nn_metric_def own_hits_def(const char *name, own_state *state) {
    return (nn_metric_def){.size = sizeof(nn_metric_def),
                           .name = name,
                           .ctx = state,
                           .plan = own_hits_plan,
                           .add = own_hits_add,
                           .value = own_hits_value,
                           .larger_is_better = true};
}

#endif
