/* Back-propagation against central differences, in float. */
#include "base/numbers/rng.h"
#include "extend/own.h"
#include "io/yaml/yaml.h"
#include "math/float_mode.h"
#include "nn/losses/loss.h"
#include "nn/model.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Steps of central differences, each a quarter of the one before. */
enum { STEPS = 4, STEP_RATIO = 4 };
#define FIRST_STEP 0.0625
/* What a float's rounding does to a sum of outputs, with room for what it does inside a layer. */
#define ROUNDING (8 * FLT_EPSILON / 2)
/* A difference may be so many times more wrong than it seems; if that is more than this share of
 * it, it says nothing. */
#define SAFETY 4
#define CERTAIN 0.25

struct check {
    nn_gradient_options options;
    nn_pool pool;
    nn_model *model;
    nn_loss *loss;          /* NULL: the sum of r z */
    size_t inputs, outputs; /* of all rows */
    nn_real *params, *grads, *x;
    nn_real *r, *z, *dz; /* [outputs]; z: a copy */
    nn_real *first;      /* gradients of params, then x: those of the first call */
    nn_target target;
    nn_pass pass;
    bool by_input; /* x is derived by */
    bool own;      /* a layer or the loss is the program's own ... */
    bool fixed;    /* ... and promises the same bits */
    nn_gradient_result found;
};

/* ---- setting up ------------------------------------------------------------------------------ */

/* A stream of its own for each array. */
enum stream { X, PARAMS, R, TARGETS };

static void draw_normal(const struct check *c, enum stream stream, size_t n, nn_real *out) {
    nn_rng rng = nn_rng_stream(c->options.seed, NN_RNG_TEST, stream, 0);
    nn_rng_normal(&rng, 0, n, out);
}

static void draw_uniform(const struct check *c, enum stream stream, size_t n, nn_real *out) {
    nn_rng rng = nn_rng_stream(c->options.seed, NN_RNG_TEST, stream, 0);
    nn_rng_uniform(&rng, 0, n, out);
}

/* Whole numbers below `limit`. */
static void draw_below(const struct check *c, enum stream stream, int64_t limit, size_t n,
                       nn_real *out) {
    draw_uniform(c, stream, n, out);
    for (size_t i = 0; i < n; i++)
        out[i] = (nn_real)(int64_t)(out[i] * (nn_real)limit);
}

/* Off the initial values: a bias of 0 may stand at a kink. */
static int draw_params(struct check *c) {
    size_t n = nn_model_size(c->model);
    nn_real *noise;
    NN_TRY(nn_model_init(c->model, c->options.seed, c->params));
    NN_TRY(NN_NEW(&noise, n, "random numbers"));
    draw_normal(c, PARAMS, n, noise);
    for (size_t i = 0; i < n; i++) {
        nn_real size = fabsf(c->params[i]);
        c->params[i] += (nn_real)0.1 * (size > 0 ? size : 1) * noise[i];
    }
    nn_free(noise);
    return 0;
}

static int draw_targets(struct check *c, bool labels, size_t width) {
    size_t rows = c->options.rows;
    double low, high;
    nn_real *value;
    int32_t *label;
    NN_TRY(NN_NEW(&value, rows * width, "targets"));
    c->target = (nn_target){.value = value, .width = width};
    if (!labels && nn_loss_target_range(c->loss, &low, &high)) {
        draw_uniform(c, TARGETS, rows * width, value);
        for (size_t i = 0; i < rows * width; i++)
            value[i] = (nn_real)(low + (high - low) * (double)value[i]);
        return 0;
    }
    if (!labels) {
        draw_normal(c, TARGETS, rows * width, value);
        return 0;
    }
    draw_below(c, TARGETS, (int64_t)nn_loss_classes(width), rows, value);
    NN_TRY(NN_NEW(&label, rows, "labels"));
    for (size_t i = 0; i < rows; i++)
        label[i] = (int32_t)value[i];
    nn_free(value);
    c->target = (nn_target){.label = label};
    return 0;
}

static int set_up_loss(struct check *c, nn_node *node, const nn_loss_ops *ops) {
    size_t width = c->outputs / c->options.rows;
    bool labels = !(ops->forms & NN_TARGET_VALUE);
    nn_loss_spec spec = {.outputs = width,
                         .batch = c->options.rows,
                         .labels = labels,
                         .classes = (int64_t)nn_loss_classes(width),
                         .target_width = width};
    NN_TRY(nn_loss_new(node, &spec, &c->loss));
    c->own = c->own || ops->fault;
    c->fixed = c->fixed && !ops->may_vary;
    return draw_targets(c, labels, width);
}

/* What the layers are like. */
static int look_at_layers(struct check *c) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(c->model, &layer);
    c->by_input = nn_model_vocabulary(c->model) == 0;
    c->fixed = true;
    for (size_t i = 1; i < layers; i++) {
        c->own = c->own || layer[i]->ops->fault;
        c->fixed = c->fixed && !layer[i]->ops->may_vary;
        c->by_input = c->by_input && layer[i]->ops->backward;
    }
    if (c->by_input)
        nn_model_learn_input(c->model);
    return c->by_input || nn_model_param_count(c->model) > 0
               ? 0
               : nn_fail(NN_EUSAGE, "the model has nothing to be derived by: no parameters, and "
                                    "its input is indices, or a layer has no backward");
}

static int allocate(struct check *c) {
    size_t n = nn_model_size(c->model), rows = c->options.rows;
    nn_shape in = nn_model_input_shape(c->model), out = nn_model_output_shape(c->model);
    int64_t *sample;
    if (!nn_shape_fits(&in, rows) || !nn_shape_fits(&out, rows))
        return nn_fail(NN_EMEMORY, "%zu rows of the model do not fit into any memory", rows);
    c->inputs = rows * nn_shape_count(&in);
    c->outputs = rows * nn_shape_count(&out);
    NN_TRY(NN_NEW(&c->params, n, "parameters"));
    NN_TRY(NN_NEW(&c->grads, n, "gradients"));
    NN_TRY(NN_NEW(&c->first, n + c->inputs, "gradients"));
    NN_TRY(NN_NEW(&c->x, c->inputs, "x"));
    NN_TRY(NN_NEW(&c->r, c->outputs, "coefficients"));
    NN_TRY(NN_NEW(&c->z, c->outputs, "outputs"));
    NN_TRY(NN_NEW(&c->dz, c->outputs, "gradients of outputs"));
    sample = nn_pool_alloc(&c->pool, rows * sizeof *sample);
    for (size_t i = 0; sample && i < rows; i++)
        sample[i] = (int64_t)i;
    c->pass = (nn_pass){.batch = rows,
                        .training = true,
                        .seed = c->options.seed,
                        .step = 1,
                        .sample = sample,
                        .length = c->options.length};
    return sample ? 0 : NN_EMEMORY;
}

static int parse(struct check *c, const char *what, const char *text, nn_node **node) {
    return nn_yaml_parse(&c->pool, what, text, strlen(text), node);
}

static int set_up(struct check *c, const char *model, const char *loss) {
    nn_node *layers, *loss_node = NULL;
    const nn_loss_ops *ops = NULL;
    NN_TRY(parse(c, "model", model, &layers));
    if (loss) {
        NN_TRY(parse(c, "loss", loss, &loss_node));
        NN_TRY(nn_loss_pick(loss_node, &ops));
    }
    NN_TRY(nn_model_plan(layers, c->options.input, ops ? ops->fuses : NULL, &c->model));
    NN_TRY(look_at_layers(c));
    NN_TRY(allocate(c));
    draw_normal(c, X, c->inputs, c->x);
    if (nn_model_vocabulary(c->model) > 0)
        draw_below(c, X, nn_model_vocabulary(c->model), c->inputs, c->x);
    draw_normal(c, R, c->outputs, c->r);
    NN_TRY(draw_params(c));
    if (ops)
        NN_TRY(set_up_loss(c, loss_node, ops));
    return nn_model_bind(c->model, c->params, c->grads, c->options.rows);
}

static void tear_down(struct check *c) {
    nn_loss_free(c->loss);
    nn_model_free(c->model);
    nn_free((void *)c->target.value);
    nn_free((void *)c->target.label);
    nn_free(c->params);
    nn_free(c->grads);
    nn_free(c->first);
    nn_free(c->x);
    nn_free(c->r);
    nn_free(c->z);
    nn_free(c->dz);
    nn_pool_release(&c->pool);
}

/* ---- what is derived ------------------------------------------------------------------------- */

/* A sum, and how large its terms are together. */
struct sum {
    double value, size;
};

static struct sum sum_of_outputs(struct check *c, const nn_real *z) {
    nn_loss_sum loss = {0};
    struct sum sum = {0};
    if (c->loss) {
        nn_loss_eval(c->loss, c->options.rows, z, &c->target, &loss, NULL);
        return (struct sum){loss.loss, fabs(loss.loss)};
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
    const char *name;
    nn_real *at;
    const nn_real *grad;
    size_t count;
    const nn_param *param; /* NULL: it is x or z */
};

static struct sum sum_at(struct check *c, const struct tensor *t) {
    return sum_of_outputs(c, t->at == c->z ? c->z : nn_model_forward(c->model, &c->pass, c->x));
}

static double larger(double a, double b) {
    return a > b ? a : b;
}

/* The slopes with one step, up and down, and what rounding may have done to their mean. */
struct slopes {
    double up, down, mean, rounding;
};

static struct slopes slopes_at(struct check *c, const struct tensor *t, size_t i, double step,
                               const struct sum *here) {
    nn_real kept = t->at[i];
    volatile nn_real above = kept + (nn_real)step, below = kept - (nn_real)step; /* as floats are */
    t->at[i] = above;
    struct sum high = sum_at(c, t);
    t->at[i] = below;
    struct sum low = sum_at(c, t);
    t->at[i] = kept;
    double up = (double)above - (double)kept, down = (double)kept - (double)below;
    return (struct slopes){(high.value - here->value) / up, (here->value - low.value) / down,
                           (high.value - low.value) / (up + down),
                           ROUNDING * (high.size + low.size) / (up + down)};
}

/* How far the slopes are apart at a kink: the difference of up and down, without what shrinks with
 * the step as at smooth places. */
static double kink(const struct slopes *before, const struct slopes *now) {
    return fabs(STEP_RATIO * (now->up - now->down) - (before->up - before->down)) /
           (STEP_RATIO - 1);
}

/* How wrong the mean of s[k] may be: large steps leave out higher derivatives and reach over kinks,
 * which smaller ones do not; small ones drown in rounding. */
static double doubt_of(const struct slopes s[STEPS], int k) {
    double doubt = larger(fabs(s[k].mean - s[k - 1].mean) / STEP_RATIO, s[k].rounding);
    for (int finer = k + 1; finer < STEPS; finer++)
        doubt = larger(doubt, fabs(s[finer].mean - s[k].mean) - s[finer].rounding);
    return larger(doubt, kink(&s[k - 1], &s[k]));
}

/* The derivative by element i, with the step that leaves the least doubt. */
static double derivative(struct check *c, const struct tensor *t, size_t i, const struct sum *here,
                         double *doubt) {
    double size = fabs((double)t->at[i]), step = FIRST_STEP * (size > 1 ? size : 1);
    struct slopes s[STEPS];
    int best = 1;
    for (int k = 0; k < STEPS; k++, step /= STEP_RATIO)
        s[k] = slopes_at(c, t, i, step, here);
    for (int k = 2; k < STEPS; k++)
        best = doubt_of(s, k) < doubt_of(s, best) ? k : best;
    *doubt = doubt_of(s, best);
    return s[best].mean;
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* Where element i of memory stands as the user sees the tensor. */
static size_t index_of(const struct check *c, const struct tensor *t, size_t i) {
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

static double root_mean_square(const struct tensor *t) {
    double sum = 0;
    for (size_t i = 0; i < t->count; i++)
        sum += (double)t->grad[i] * (double)t->grad[i];
    return sqrt(sum / (double)t->count);
}

static void compare(struct check *c, const struct tensor *t, size_t i, const struct sum *here,
                    double usual) {
    double doubt, want = derivative(c, t, i, here, &doubt), got = (double)t->grad[i];
    double size = larger(larger(fabs(want), fabs(got)), usual);
    double scale = size > 0 ? size : 1, room = SAFETY * doubt / scale;
    if (isfinite(got) && !(room <= CERTAIN)) {
        c->found.uncertain++;
        return;
    }
    double error = isfinite(got) ? fabs(got - want) / scale : INFINITY;
    if (room > c->options.tolerance)
        error = larger(error - room, 0);
    if (c->found.compared++ > 0 && !(error > c->found.error))
        return;
    c->found.error = error;
    c->found.index = (int64_t)index_of(c, t, i);
    c->found.backward = got;
    c->found.difference = want;
    snprintf(c->found.tensor, sizeof c->found.tensor, "%s", t->name);
}

static void compare_tensor(struct check *c, const struct tensor *t) {
    size_t tried = t->count < c->options.elements ? t->count : c->options.elements;
    double usual = root_mean_square(t);
    struct sum here = sum_at(c, t);
    for (size_t k = 0; k < tried; k++)
        compare(c, t, k * t->count / tried, &here, isfinite(usual) ? usual : 0);
}

static void compare_all(struct check *c) {
    const nn_param *const *param;
    size_t params = nn_model_params(c->model, &param);
    char name[sizeof c->found.tensor];
    if (c->loss)
        compare_tensor(c, &(struct tensor){"outputs", c->z, c->dz, c->outputs, NULL});
    for (size_t p = 0; p < params; p++) {
        size_t at = param[p]->offset;
        snprintf(name, sizeof name, "%s/%s", param[p]->layer->name, param[p]->name);
        if (param[p]->role != NN_PARAM_STATE) /* else it is a statistic, no derivative */
            compare_tensor(c, &(struct tensor){name, c->params + at, c->first + at, param[p]->count,
                                               param[p]});
    }
    if (c->by_input)
        compare_tensor(c, &(struct tensor){"input", c->x, c->first + nn_model_size(c->model),
                                           c->inputs, NULL});
}

/* ---- what a layer promises ------------------------------------------------------------------- */

static bool is_near(nn_real a, nn_real b, double usual) {
    return fabs((double)a - (double)b) <= 1e-4 * (usual + fabs((double)a)) || isnan(a);
}

static int fault_of(const struct check *c) {
    NN_TRY(nn_model_fault(c->model));
    return c->loss ? nn_loss_fault(c->loss) : 0;
}

/* Forward, loss, back-propagation. */
static int run(struct check *c, bool accumulate) {
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
    return fault_of(c);
}

/* Rows by themselves give what they give together. */
static int check_rows(struct check *c) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(c->model, &layer), rows = c->options.rows;
    size_t in = c->inputs / rows, out = c->outputs / rows;
    double usual = root_mean_square(&(struct tensor){.grad = c->z, .count = c->outputs});
    for (size_t i = 1; i < layers; i++)
        if (layer[i]->flags & NN_LAYER_WHOLE)
            return 0; /* batch_norm: rows do depend on each other */
    for (size_t i = 0; i < rows; i++) {
        nn_pass pass = c->pass;
        pass.batch = 1;
        pass.sample += i;
        pass.length = pass.length ? pass.length + i : NULL;
        const nn_real *z = nn_model_forward(c->model, &pass, c->x + i * in);
        for (size_t k = 0; k < out; k++)
            if (!is_near(c->z[i * out + k], z[k], usual))
                return nn_fail(NN_EUSAGE,
                               "row %zu alone gives %g for output %zu, and %g together with "
                               "others: what a row becomes may depend on this row only",
                               i, (double)z[k], k, (double)c->z[i * out + k]);
    }
    return 0;
}

/* The gradients of a second call are those of the first one, and in params twice as much. */
static int check_second(const struct check *c) {
    const nn_param *const *param;
    size_t params = nn_model_params(c->model, &param), size = nn_model_size(c->model);
    for (size_t p = 0; p < params; p++) {
        const nn_real *first = c->first + param[p]->offset, *both = c->grads + param[p]->offset;
        double usual = root_mean_square(&(struct tensor){.grad = first, .count = param[p]->count});
        for (size_t i = 0; param[p]->role != NN_PARAM_STATE && i < param[p]->count; i++)
            if (!is_near(2 * first[i], both[i], usual))
                return nn_fail(NN_EUSAGE,
                               "backward gives %g for '%s/%s', and after a second call there is %g "
                               "instead of twice as much: it has to add to g, to write all of dx, "
                               "and to give the same in each call",
                               (double)first[i], param[p]->layer->name, param[p]->name,
                               (double)both[i]);
    }
    const nn_real *first = c->first + size, *second = nn_model_input_grad(c->model);
    double usual = root_mean_square(&(struct tensor){.grad = first, .count = c->inputs});
    for (size_t i = 0; c->by_input && i < c->inputs; i++)
        if (!is_near(first[i], second[i], usual))
            return nn_fail(NN_EUSAGE,
                           "backward gives %g for number %zu of dx, and %g in a second call: it "
                           "has to write all of dx, not to add to it",
                           (double)first[i], i, (double)second[i]);
    return 0;
}

static int check_promises(struct check *c) {
    nn_real *before;
    size_t bytes = c->outputs * sizeof *before;
    NN_TRY(NN_NEW(&before, c->outputs, "outputs"));
    memcpy(before, c->z, bytes);
    int rc = run(c, true);
    bool same = memcmp(before, c->z, bytes) == 0;
    nn_free(before);
    NN_TRY(rc);
    if (c->fixed && !same)
        return nn_fail(NN_EUSAGE, "forward has other bits in a second call, which a definition "
                                  "that is `reproducible` promises not to have");
    NN_TRY(check_second(c));
    return check_rows(c);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int compute(struct check *c) {
    NN_TRY(run(c, false));
    memcpy(c->first, c->grads, nn_model_size(c->model) * sizeof *c->first);
    if (c->by_input)
        memcpy(c->first + nn_model_size(c->model), nn_model_input_grad(c->model),
               c->inputs * sizeof *c->first);
    if (c->own)
        NN_TRY(check_promises(c));
    compare_all(c);
    return fault_of(c);
}

static int judge(const struct check *c) {
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
    struct check c = {.options = *options};
    uint64_t float_mode = nn_float_mode_flush();
    c.options.rows = options->rows ? options->rows : 4;
    c.options.elements = options->elements ? options->elements : 100;
    c.options.tolerance = options->tolerance > 0 ? options->tolerance : 0.005;
    int rc = set_up(&c, model, loss);
    if (rc == 0)
        rc = compute(&c);
    if (rc == 0)
        rc = judge(&c);
    nn_float_mode_set(float_mode);
    tear_down(&c);
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
