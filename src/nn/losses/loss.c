/* What all losses share: choosing the form of the targets once, converting each minibatch to it,
 * weighting and adding up. */
#include "nn/losses/loss.h"

#include "base/log.h"
#include "math/parallel.h"
#include "nn/losses/class_weights.h"
#include "nn/losses/conversion.h"

#include <stdio.h>
#include <string.h>

/* Outputs that are worth a fork and join. */
#define GRAIN 16384

struct nn_loss {
    const nn_loss_ops *ops;
    void *options;
    nn_loss_spec spec;
    const nn_conversion *conversion;
    const nn_node *class_weights; /* as configured; NULL: all 1 */
    nn_real *class_weight;        /* [classes]; NULL: all 1 */
    nn_real smoothing;            /* of the target, towards ... */
    nn_real uniform;              /* ... this number everywhere */
    bool mixes;        /* targets become value = class_weight[j] ((1 - smoothing) y + ...) */
    int32_t *label;    /* [batch] converted targets, or ... */
    nn_real *value;    /* [batch][outputs] */
    nn_real *row_loss; /* [batch] */
    nn_real *gradient; /* [batch][outputs] for evaluations that want none */
};

static const char *plural(size_t n) {
    return n == 1 ? "" : "s";
}

static int wrong_outputs(const nn_node *node, const nn_loss_ops *ops, size_t outputs) {
    if (outputs == 1)
        return nn_node_fail(node,
                            "loss '%s' wants one output for each class, but the model ends with 1 "
                            "output: end it with as many as there are classes, or take "
                            "binary_cross_entropy",
                            ops->entry.name);
    return nn_node_fail(node,
                        "loss '%s' wants one output, but the model ends with %zu: end it with "
                        "dense: {units: 1}",
                        ops->entry.name, outputs);
}

/* One output tells two classes apart, several tell as many as they are. */
static int check_classes(const nn_node *node, const nn_loss_ops *ops, const nn_loss_spec *spec) {
    bool one = spec->outputs == 1;
    size_t classes = (size_t)spec->classes;

    if (classes > (one ? 2 : spec->outputs)) {
        if (!nn_conversion_find(ops->forms, true, false))
            return nn_node_fail(node,
                                "loss '%s' tells two classes apart, but the data set has %zu: take "
                                "cross_entropy and end the model with dense: {units: %zu}",
                                ops->entry.name, classes, classes);
        return nn_node_fail(node,
                            "the data set has %zu classes but the model ends with %zu output%s: "
                            "end it with dense: {units: %zu}",
                            classes, spec->outputs, plural(spec->outputs), classes);
    }
    if (!one && classes < spec->outputs)
        nn_warn("the data set has %zu class%s but the model ends with %zu outputs", classes,
                classes == 1 ? "" : "es", spec->outputs);
    return 0;
}

static int check_width(const nn_node *node, const nn_loss_ops *ops, const nn_loss_spec *spec) {
    if (spec->target_width == spec->outputs)
        return 0;
    if (spec->target_width == 1 && nn_conversion_find(ops->forms, true, false))
        return nn_node_fail(
            node,
            "a target of the data set is one number, but loss '%s' wants classes or "
            "%zu numbers: store class indices as integers of shape [samples]",
            ops->entry.name, spec->outputs);
    return nn_node_fail(node,
                        "a target of the data set has %zu number%s but the model ends with %zu "
                        "output%s: end it with dense: {units: %zu}",
                        spec->target_width, plural(spec->target_width), spec->outputs,
                        plural(spec->outputs), spec->target_width);
}

static int choose_conversion(const nn_node *node, nn_loss *loss) {
    const nn_loss_spec *spec = &loss->spec;

    unsigned forms = loss->ops->forms;

    if (loss->smoothing > 0)
        forms &= ~(unsigned)NN_TARGET_LABEL;
    loss->conversion = nn_conversion_find(forms, spec->labels, spec->outputs == 1);
    if (spec->labels)
        NN_TRY(check_classes(node, loss->ops, spec));
    else
        NN_TRY(check_width(node, loss->ops, spec));
    if (!loss->conversion)
        return wrong_outputs(node, loss->ops, spec->outputs);
    return 0;
}

/* Whether the loss takes the converted targets as rows of probabilities. */
static bool takes_probabilities(const nn_loss *loss) {
    return loss->conversion->to & loss->ops->forms & NN_TARGET_ONE_HOT;
}

static int plan_class_weights(nn_loss *loss) {
    size_t classes = nn_loss_classes(loss->spec.outputs);
    const nn_node *node = loss->class_weights;

    if (!node)
        return 0;
    if (!loss->spec.labels && !takes_probabilities(loss))
        return nn_node_fail(node,
                            "class_weights of loss '%s' want class labels, integers y of shape "
                            "[samples], but the data set has rows of numbers",
                            loss->ops->entry.name);
    NN_TRY(NN_NEW(&loss->class_weight, classes, "class weights"));
    return nn_class_weights_read(node, classes, loss->spec.class_names, loss->class_weight);
}

static void plan_mixing(nn_loss *loss) {
    bool probabilities = takes_probabilities(loss);

    loss->uniform = probabilities ? 1 / (nn_real)loss->spec.outputs : (nn_real)0.5;
    loss->mixes = loss->smoothing > 0 || (loss->class_weight && probabilities);
}

static int allocate(nn_loss *loss) {
    size_t batch = loss->spec.batch + (loss->spec.batch == 0);
    size_t row = loss->spec.outputs * sizeof(nn_real);

    if (loss->conversion->to_labels)
        NN_TRY(NN_NEW(&loss->label, batch, "labels of a minibatch"));
    if (loss->conversion->to_values || loss->mixes)
        NN_TRY(nn_alloc((void **)&loss->value, batch, row, "targets of a minibatch"));
    NN_TRY(NN_NEW(&loss->row_loss, batch, "losses of a minibatch"));
    return nn_alloc((void **)&loss->gradient, batch, row, "output gradient of a minibatch");
}

/* What every loss takes. */
struct common {
    nn_node *class_weights;
};

const nn_option nn_loss_options[] = {
    {"class_weights", NN_OPT_NODE, offsetof(struct common, class_weights), "", NULL,
     "what a sample of each class counts, for class labels: a list of numbers, a map from classes "
     "(names or indices, the others count 1), or balanced: samples / (classes * samples of the "
     "class) of the training split; the mean is over sum of weight * loss / sum of weight"},
    NN_OPTION_END};

const nn_option nn_loss_smoothing_options[] = {
    {"label_smoothing", NN_OPT_REAL, offsetof(nn_loss_smoothing, rate), "0", "[0, 1)",
     "e: the target y becomes (1 - e) y + e / outputs (cross_entropy), (1 - e) y + e / 2 "
     "(binary_cross_entropy), in training and in evaluation"},
    NN_OPTION_END};

static int bind_options(nn_loss *loss, nn_node *options) {
    const nn_entry *entry = &loss->ops->entry;
    struct common common = {NULL};
    nn_binding bindings[] = {{entry->options, NULL}, {nn_loss_options, &common}};
    char what[64];

    if (entry->size)
        NN_TRY(nn_alloc(&loss->options, 1, entry->size, "options of the loss"));
    bindings[0].out = loss->options;
    snprintf(what, sizeof what, "loss '%s'", entry->name);
    NN_TRY(nn_options_bind(bindings, 2, options, what, NULL));
    loss->class_weights = common.class_weights;
    if (loss->ops->smooths && loss->options)
        loss->smoothing = (nn_real)((const nn_loss_smoothing *)loss->options)->rate;
    return 0;
}

static int pick(nn_node *node, const nn_loss_ops **ops, nn_node **options) {
    const nn_entry *row;

    NN_TRY(nn_family_pick(&nn_losses, node, &row, options));
    *ops = (const nn_loss_ops *)row;
    return 0;
}

int nn_loss_pick(nn_node *node, const nn_loss_ops **ops) {
    nn_node *options;
    return pick(node, ops, &options);
}

int nn_loss_check(nn_node *node, const nn_loss_ops **ops) {
    nn_node *options;
    nn_loss loss = {.ops = NULL};
    int rc;

    NN_TRY(pick(node, &loss.ops, &options));
    rc = bind_options(&loss, options);
    nn_free(loss.options);
    *ops = loss.ops;
    return rc;
}

nn_node *nn_loss_class_weights(const nn_node *node) {
    return nn_node_get(node->item[0], "class_weights");
}

int nn_loss_new(nn_node *node, const nn_loss_spec *spec, nn_loss **out) {
    nn_loss *loss;
    nn_node *options;
    int rc;

    NN_TRY(NN_NEW(&loss, 1, "loss"));
    loss->spec = *spec;
    NN_TRY_GOTO(pick(node, &loss->ops, &options));
    NN_TRY_GOTO(bind_options(loss, options));
    NN_TRY_GOTO(choose_conversion(node, loss));
    if (loss->ops->plan && loss->ops->plan(loss->ops, loss->options, spec->outputs) < 0)
        NN_TRY_GOTO(nn_node_prefix(NN_EUSAGE, node));
    NN_TRY_GOTO(plan_class_weights(loss));
    plan_mixing(loss);
    NN_TRY_GOTO(allocate(loss));
    *out = loss;
    return 0;
done:
    nn_loss_free(loss);
    return rc;
}

void nn_loss_free(nn_loss *loss) {
    if (!loss)
        return;
    nn_free(loss->options);
    nn_free(loss->class_weight);
    nn_free(loss->label);
    nn_free(loss->value);
    nn_free(loss->row_loss);
    nn_free(loss->gradient);
    nn_free(loss);
}

const nn_loss_ops *nn_loss_ops_of(const nn_loss *loss) {
    return loss->ops;
}

const nn_loss_spec *nn_loss_get_spec(const nn_loss *loss) {
    return &loss->spec;
}

double nn_loss_threshold(const nn_loss *loss) {
    return loss->conversion->to & loss->ops->forms & NN_TARGET_VALUE ? 0.5 : 0;
}

bool nn_loss_target_range(const nn_loss *loss, double *low, double *high) {
    unsigned to = loss->conversion->to & loss->ops->forms;

    *low = to & NN_TARGET_SIGN ? -1 : 0;
    *high = 1;
    return !loss->spec.labels && !(to & NN_TARGET_VALUE);
}

/* One call of nn_loss_eval, shared by the threads. */
struct call {
    const nn_loss *loss;
    const nn_real *z;
    const nn_target *target;
    nn_real *dz;
};

/* Label smoothing, and the class weights of rows of probabilities; y may be in. */
static void mix_rows(const nn_loss *loss, size_t rows, const nn_real *in, nn_real *y) {
    size_t width = loss->spec.outputs;
    nn_real keep = 1 - loss->smoothing, add = loss->smoothing * loss->uniform;
    bool weighted = loss->class_weight && takes_probabilities(loss);

    for (size_t k = 0; k < rows * width; k++)
        y[k] = keep * in[k] + add;
    for (size_t k = 0; weighted && k < rows * width; k++)
        y[k] *= loss->class_weight[k % width];
}

/* Rows [begin, end) of the target in the form that the conversion gives. */
static nn_target convert_form(const nn_loss *loss, const nn_target *target, size_t begin,
                              size_t end) {
    const nn_conversion *conversion = loss->conversion;
    size_t width = loss->spec.outputs, at = begin * width;
    nn_target in = {.label = target->label ? target->label + begin : NULL,
                    .value = target->value ? target->value + at : NULL,
                    .width = width};

    if (conversion->to_labels) {
        conversion->to_labels(end - begin, width, &in, loss->label + begin);
        return (nn_target){.label = loss->label + begin};
    }
    if (conversion->to_values) {
        conversion->to_values(end - begin, width, &in, loss->value + at);
        return (nn_target){.value = loss->value + at, .width = width};
    }
    return in;
}

/* The same as the loss takes them. */
static nn_target convert_rows(const nn_loss *loss, const nn_target *target, size_t begin,
                              size_t end) {
    nn_target rows = convert_form(loss, target, begin, end);

    if (loss->mixes && rows.value) {
        nn_real *mixed = loss->value + begin * loss->spec.outputs;
        mix_rows(loss, end - begin, rows.value, mixed);
        rows.value = mixed;
    }
    return rows;
}

static void eval_rows(void *ctx, size_t begin, size_t end) {
    const struct call *call = ctx;
    const nn_loss *loss = call->loss;
    size_t width = loss->spec.outputs, at = begin * width;
    nn_target target = convert_rows(loss, call->target, begin, end);

    loss->ops->eval(loss->options, end - begin, width, call->z + at, &target,
                    loss->row_loss + begin, call->dz + at);
}

/* A sample of weight 0 adds exactly nothing, even where its loss is not finite. */
static void weigh_row(nn_real weight, size_t width, nn_real *dz) {
    for (size_t j = 0; j < width; j++)
        dz[j] = weight > 0 ? dz[j] * weight : 0;
}

/* What the class of sample i counts, 1 where there are no class weights or no labels. */
static nn_real class_weight_of(const nn_loss *loss, const nn_target *target, size_t i) {
    if (!loss->class_weight || !target->label || target->label[i] < 0)
        return 1;
    return loss->class_weight[target->label[i]];
}

void nn_loss_eval(nn_loss *loss, size_t batch, const nn_real *z, const nn_target *target,
                  nn_loss_sum *sum, nn_real *dz) {
    size_t width = loss->spec.outputs;
    struct call call = {loss, z, target, dz ? dz : loss->gradient};

    nn_parallel(loss->ops->one_thread ? NULL : loss->spec.compute, batch, 1 + GRAIN / width,
                eval_rows, &call);
    for (size_t i = 0; i < batch; i++) {
        nn_real sample = nn_target_weight(target, i);
        nn_real both = sample * class_weight_of(loss, target, i);
        nn_real weight = loss->mixes && takes_probabilities(loss) ? sample : both;
        if (weight > 0)
            sum->loss += (double)weight * loss->row_loss[i];
        sum->weight += both;
        if (dz && (weight < 1 || weight > 1))
            weigh_row(weight, width, dz + i * width);
    }
}

int nn_loss_fault(const nn_loss *loss) {
    return loss->ops->fault ? loss->ops->fault(loss->options) : 0;
}

void nn_loss_activation(const nn_loss *loss, size_t batch, const nn_real *z, nn_real *y) {
    size_t width = loss->spec.outputs;

    if (loss->ops->activation)
        loss->ops->activation(batch, width, z, y);
    else if (y != z)
        memcpy(y, z, batch * width * sizeof *y);
}
