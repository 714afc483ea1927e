/* Metrics of a program's own: the functions of its definition behind those of a row of the table.
 */
#include "nn/metrics/metric.h"

#include "extend/custom.h"

#include <math.h>
#include <string.h>

#define MOST_SUMS (1 << 24)

/* A row and what it stands for; kept for good. */
struct custom_metric {
    nn_metric_ops ops;
    nn_metric_def def;
    nn_pool pool; /* of its texts and options */
};

static const nn_metric_def *def_of(const nn_custom *custom) {
    return &((const struct custom_metric *)custom->row)->def;
}

static void custom_bind(const nn_metric_ops *ops, void *options) {
    ((nn_custom *)options)->row = ops;
}

static int custom_fault(void *options) {
    nn_custom *custom = options;
    int rc = nn_custom_fault(custom);
    if (rc < 0)
        nn_error_prefix(rc, "metric '%s'", ((const nn_metric_ops *)custom->row)->entry.name);
    return rc;
}

static int custom_plan(const void *options, const nn_metric_spec *spec, nn_metric_layout *layout) {
    nn_custom *custom = (nn_custom *)options;
    const nn_metric_def *def = def_of(custom);
    nn_custom_succeeds(custom, "plan",
                       def->plan(def->ctx, nn_custom_options(custom), spec->outputs,
                                 spec->labels ? NN_TARGETS_ARE_CLASSES : NN_TARGETS_ARE_NUMBERS,
                                 &layout->state));
    NN_TRY(custom_fault(custom));
    if (layout->state > MOST_SUMS) /* a negative number, too */
        return nn_fail(NN_EUSAGE, "metric '%s': its plan wants %zu sums, and %d are the most",
                       ((const nn_metric_ops *)custom->row)->entry.name, layout->state, MOST_SUMS);
    return 0;
}

static void custom_add(const void *options, const nn_metric_spec *spec, size_t batch,
                       const nn_real *z, const nn_target *target, double *state) {
    nn_custom *custom = (nn_custom *)options;
    const nn_metric_def *def = def_of(custom);
    nn_metric_call call = {.options = nn_custom_options(custom),
                           .rows = batch,
                           .outputs = spec->outputs,
                           .z = z,
                           .fused = spec->fuses,
                           .threshold = spec->threshold,
                           .label = target->label,
                           .y = target->value,
                           .weight = target->weight,
                           .sums = state};
    if (batch > 0)
        nn_custom_succeeds(custom, "add", def->add(def->ctx, &call));
}

static double custom_value(const void *options, const nn_metric_spec *spec, double *state,
                           double *table) {
    nn_custom *custom = (nn_custom *)options;
    const nn_metric_def *def = def_of(custom);
    double value = NAN;
    (void)table;
    nn_custom_succeeds(
        custom, "value",
        def->value(def->ctx, nn_custom_options(custom), spec->outputs, state, &value));
    return value;
}

static int make_row(const nn_metric_def *def, struct custom_metric *row) {
    memcpy(&row->def, def, def->size);
    nn_custom_text text = {"nn_metric_def",  row->def.name,         row->def.help,
                           row->def.options, row->def.options_size, NULL};
    NN_TRY(nn_custom_require(&text, "plan", row->def.plan));
    NN_TRY(nn_custom_require(&text, "add", row->def.add));
    NN_TRY(nn_custom_require(&text, "value", row->def.value));
    row->ops.plan = custom_plan;
    row->ops.add = custom_add;
    row->ops.value = custom_value;
    row->ops.larger_is_better = row->def.larger_is_better;
    row->ops.bind = custom_bind;
    row->ops.fault = custom_fault;
    return nn_custom_add(&nn_metrics, &text, &row->pool, &row->ops.entry);
}

int nn_metric_register(const nn_metric_def *def) {
    struct custom_metric *row;
    NN_TRY(nn_custom_check_size("nn_metric_def", def, sizeof *def));
    NN_TRY(NN_NEW(&row, 1, "a metric's definition"));
    int rc = make_row(def, row);
    if (rc < 0)
        nn_free(row);
    return rc;
}
