/* The model, the loss and the random numbers that gradients are checked with. */
#include "base/numbers/rng.h"
#include "extend/gradient/check.h"
#include "io/yaml/yaml.h"
#include "nn/indices.h"

#include <math.h>
#include <string.h>

/* A stream of its own for each array. */
enum stream { X, PARAMS, R, TARGETS };

static void draw_normal(const gradient_check *c, enum stream stream, size_t n, nn_real *out) {
    nn_rng rng = nn_rng_stream(c->options.seed, NN_RNG_TEST, stream, 0);
    nn_rng_normal(&rng, 0, n, out);
}

static void draw_uniform(const gradient_check *c, enum stream stream, size_t n, nn_real *out) {
    nn_rng rng = nn_rng_stream(c->options.seed, NN_RNG_TEST, stream, 0);
    nn_rng_uniform(&rng, 0, n, out);
}

/* A whole number below `limit` of one in [0, 1). */
static nn_real whole_below(int64_t limit, nn_real uniform) {
    return (nn_real)(int64_t)(uniform * (nn_real)limit);
}

/* What the model reads as an index is one. */
static int draw_x(gradient_check *c) {
    size_t row = c->inputs / c->options.rows;
    nn_real *uniform;
    draw_normal(c, X, c->inputs, c->x);
    if (!c->indices)
        return 0;
    NN_TRY(NN_NEW(&uniform, c->inputs, "indices"));
    draw_uniform(c, X, c->inputs, uniform);
    for (size_t i = 0; i < c->inputs; i++)
        if (c->indices[i % row])
            c->x[i] = whole_below(c->indices[i % row], uniform[i]);
    nn_free(uniform);
    return 0;
}

/* Off the initial values: a bias of 0 may stand at a kink. */
static int draw_params(gradient_check *c) {
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

static int draw_targets(gradient_check *c, bool labels, size_t width) {
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
    draw_uniform(c, TARGETS, rows, value);
    NN_TRY(NN_NEW(&label, rows, "labels"));
    for (size_t i = 0; i < rows; i++)
        label[i] = (int32_t)whole_below((int64_t)nn_loss_classes(width), value[i]);
    nn_free(value);
    c->target = (nn_target){.label = label};
    return 0;
}

static int set_up_loss(gradient_check *c, nn_node *node, const nn_loss_ops *ops) {
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
static int look_at_layers(gradient_check *c) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(c->model, &layer);
    NN_TRY(nn_model_indices(c->model, &c->pool, &c->indices));
    c->by_input = c->indices == NULL;
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

static int allocate(gradient_check *c) {
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

static int parse(gradient_check *c, const char *what, const char *text, nn_node **node) {
    return nn_yaml_parse(&c->pool, what, text, strlen(text), node);
}

int gradient_set_up(gradient_check *c, const char *model, const char *loss) {
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
    NN_TRY(draw_x(c));
    draw_normal(c, R, c->outputs, c->r);
    NN_TRY(draw_params(c));
    if (ops)
        NN_TRY(set_up_loss(c, loss_node, ops));
    return nn_model_bind(c->model, c->params, c->grads, c->options.rows);
}

void gradient_tear_down(gradient_check *c) {
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
