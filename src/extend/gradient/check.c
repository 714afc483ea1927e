/* Back-propagation against central differences, in float. */
#include "extend/gradient/check.h"

#include "base/sized.h"
#include "extend/gradient/difference.h"
#include "math/float_mode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A difference may be so many times more wrong than it seems; if that is more than this share of
 * it, it says nothing. */
#define SAFETY 4
#define CERTAIN 0.25

/* ---- running --------------------------------------------------------------------------------- */

int gradient_fault(const gradient_check *c) {
    NN_TRY(nn_model_fault(c->model));
    return c->loss ? nn_loss_fault(c->loss) : 0;
}

int gradient_run(gradient_check *c, bool accumulate) {
    nn_loss_sum sum = {0};
    nn_pass pass = c->pass;
    pass.accumulate = accumulate;
    const nn_real *z = nn_model_forward(c->model, &pass, c->x);
    memcpy(c->z, z, c->outputs * sizeof *z);
    memcpy(c->dz, c->r, c->outputs * sizeof *z);
    if (c->loss)
        nn_loss_eval(c->loss, c->options.rows, c->z, &c->target, &sum, c->dz);
    memcpy(nn_model_output_grad(c->model), c->dz, c->outputs * sizeof *z);
    nn_model_backward(c->model, &pass, NULL, NULL);
    return gradient_fault(c);
}

/* ---- what is derived ------------------------------------------------------------------------- */

static gradient_sum sum_of_outputs(gradient_check *c, const nn_real *z) {
    nn_loss_sum loss = {0};
    gradient_sum sum = {0};
    if (c->loss) {
        nn_loss_eval(c->loss, c->options.rows, z, &c->target, &loss, NULL);
        return (gradient_sum){loss.loss, fabs(loss.loss)};
    }
    for (size_t i = 0; i < c->outputs; i++) {
        double term = (double)c->r[i] * (double)z[i];
        sum.value += term;
        sum.size += term * term;
    }
    sum.size = sqrt(sum.size);
    return sum;
}

/* Something to derive by, and the gradient that back-propagation has found. */
struct tensor {
    gradient_check *check;
    const char *name;
    nn_real *at;
    const nn_real *grad;
    size_t count;
    const nn_param *param; /* NULL: it is x or z */
};

/* A gradient_function of the numbers of a tensor. */
static gradient_sum sum_at(void *ctx) {
    const struct tensor *t = ctx;
    gradient_check *c = t->check;
    return sum_of_outputs(c, t->at == c->z ? c->z : nn_model_forward(c->model, &c->pass, c->x));
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* Where element i of memory stands as the user sees the tensor. */
static size_t index_of(const struct tensor *t, size_t i) {
    const gradient_check *c = t->check;
    nn_shape in = nn_model_input_shape(c->model);
    size_t stride[NN_PARAM_RANK], index = 0;
    if (t->param) {
        nn_param_strides(t->param, stride);
        for (int d = 0; d < t->param->rank; d++) {
            size_t dim = (size_t)t->param->dim[d];
            index = index * dim + i / stride[d] % dim;
        }
        return index;
    }
    if (t->at != c->x || !nn_shape_is_turned(&in))
        return i;
    size_t count = nn_shape_count(&in), channels = (size_t)nn_shape_channels(&in), at = i % count;
    return i - at + at % channels * (count / channels) + at / channels;
}

double gradient_root_mean_square(size_t count, const nn_real *x) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum / (double)count);
}

static void compare(const struct tensor *t, size_t i, const gradient_function *f, double usual) {
    gradient_check *c = t->check;
    double doubt, want = gradient_difference(f, t->at + i, &doubt), got = (double)t->grad[i];
    double size = fmax(fmax(fabs(want), fabs(got)), usual);
    double scale = size > 0 ? size : 1, room = SAFETY * doubt / scale;
    if (isfinite(got) && !(room <= CERTAIN)) {
        c->found.uncertain++;
        return;
    }
    double error = isfinite(got) ? fabs(got - want) / scale : INFINITY;
    if (room > c->options.tolerance)
        error = fmax(error - room, 0);
    if (c->found.compared++ > 0 && !(error > c->found.error))
        return;
    c->found.error = error;
    c->found.index = (int64_t)index_of(t, i);
    c->found.backward = got;
    c->found.difference = want;
    snprintf(c->found.tensor, sizeof c->found.tensor, "%s", t->name);
}

static void compare_tensor(struct tensor t) {
    size_t most = t.check->options.elements, tried = t.count < most ? t.count : most;
    double usual = gradient_root_mean_square(t.count, t.grad);
    gradient_function f = {sum_at, &t, sum_at(&t)};
    for (size_t k = 0; k < tried; k++)
        compare(&t, k * t.count / tried, &f, isfinite(usual) ? usual : 0);
}

static void compare_all(gradient_check *c) {
    const nn_param *const *param;
    size_t params = nn_model_params(c->model, &param);
    char name[sizeof c->found.tensor];
    if (c->loss)
        compare_tensor((struct tensor){c, "outputs", c->z, c->dz, c->outputs, NULL});
    for (size_t p = 0; p < params; p++) {
        size_t at = param[p]->offset;
        snprintf(name, sizeof name, "%s/%s", param[p]->layer->name, param[p]->name);
        if (param[p]->role != NN_PARAM_STATE) /* else it is a statistic, no derivative */
            compare_tensor(
                (struct tensor){c, name, c->params + at, c->first + at, param[p]->count, param[p]});
    }
    if (c->by_input)
        compare_tensor(
            (struct tensor){c, "input", c->x, c->first + nn_model_size(c->model), c->inputs, NULL});
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int compute(gradient_check *c) {
    NN_TRY(gradient_run(c, false));
    memcpy(c->first, c->grads, nn_model_size(c->model) * sizeof *c->first);
    if (c->by_input)
        memcpy(c->first + nn_model_size(c->model), nn_model_input_grad(c->model),
               c->inputs * sizeof *c->first);
    if (c->own)
        NN_TRY(gradient_check_promises(c));
    compare_all(c);
    return gradient_fault(c);
}

static int judge(const gradient_check *c) {
    const nn_gradient_result *r = &c->found;
    if (r->compared == 0)
        return nn_fail(NN_EUSAGE,
                       "none of %zu derivatives could be compared: central differences with "
                       "several steps do not agree, as where outputs jump",
                       r->uncertain);
    if (r->error <= c->options.tolerance)
        return 0;
    return nn_fail(NN_EUSAGE,
                   "back-propagation gives %g for number %lld of '%s', central differences give "
                   "%g: a relative error of %.2g, and %.2g is allowed",
                   r->backward, (long long)r->index, r->tensor, r->difference, r->error,
                   c->options.tolerance);
}

static int check_options(const nn_gradient_options *o) {
    bool shaped = o->input.rank >= 1 && o->input.rank <= NN_MAX_RANK;
    for (int i = 0; shaped && i < o->input.rank; i++)
        shaped = o->input.dim[i] >= 1;
    if (!shaped)
        return nn_fail(NN_EUSAGE,
                       "nn_gradient_options.input is no shape of a sample: 1 to %d dimensions, "
                       "each 1 or more",
                       NN_MAX_RANK);
    if (o->tolerance < 0 || !isfinite(o->tolerance))
        return nn_fail(NN_EUSAGE, "nn_gradient_options.tolerance is %g; it is 0 or more",
                       o->tolerance);
    return 0;
}

static int check(const char *model, const char *loss, const nn_gradient_options *options,
                 nn_gradient_result *found) {
    gradient_check c = {.options = *options};
    uint64_t float_mode = nn_float_mode_flush();
    c.options.rows = options->rows ? options->rows : 4;
    c.options.elements = options->elements ? options->elements : 100;
    c.options.tolerance = options->tolerance > 0 ? options->tolerance : 0.005;
    int rc = gradient_set_up(&c, model, loss);
    if (rc == 0)
        rc = compute(&c);
    if (rc == 0)
        rc = judge(&c);
    nn_float_mode_set(float_mode);
    gradient_tear_down(&c);
    *found = c.found;
    return rc;
}

int nn_gradient_check(const char *model, const char *loss, const nn_gradient_options *options,
                      nn_gradient_result *result) {
    nn_gradient_options own = {0};
    nn_gradient_result found = {0};
    if (!model || !options)
        return nn_fail(NN_EUSAGE, "nn_gradient_check: %s is NULL", model ? "options" : "model");
    NN_TRY(nn_sized_check("nn_gradient_options", options->size, sizeof own));
    if (result)
        NN_TRY(nn_sized_check("nn_gradient_result", result->size, sizeof found));
    memcpy(&own, options, options->size);
    NN_TRY(check_options(&own));
    int rc = check(model, loss, &own, &found);
    if (result) {
        found.size = result->size;
        memcpy(result, &found, result->size);
    }
    return rc;
}
