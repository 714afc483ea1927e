/* Metrics of a program's own: the functions of its definition behind those of a row of the table.
 */
#include "nn/metrics/metric.h"

#include "extend/own.h"

#include <math.h>
#include <string.h>

/* A row and what it stands for; kept for good. */
struct own_metric {
    nn_metric_ops ops;
    nn_metric_def def;
    nn_pool pool; /* of its texts and options */
};

static const nn_metric_def *def_of(const nn_own *own) {
    return &((const struct own_metric *)own->row)->def;
}

static void own_bind(const nn_metric_ops *ops, void *options) {
    ((nn_own *)options)->row = ops;
}

static int own_fault(void *options) {
    nn_own *own = options;
    int rc = nn_own_fault(own);
    if (rc < 0)
        nn_error_prefix(rc, "metric '%s'", ((const nn_metric_ops *)own->row)->entry.name);
    return rc;
}

static int own_plan(const void *options, const nn_metric_spec *spec, nn_metric_layout *layout) {
    nn_own *own = (nn_own *)options;
    const nn_metric_def *def = def_of(own);
    nn_own_succeeds(own, "plan",
                    def->plan(def->ctx, nn_own_options(own), spec->outputs,
                              spec->labels ? NN_TARGETS_ARE_CLASSES : NN_TARGETS_ARE_NUMBERS,
                              &layout->state));
    return own_fault(own);
}

static void own_add(const void *options, const nn_metric_spec *spec, size_t batch, const nn_real *z,
                    const nn_target *target, double *state) {
    nn_own *own = (nn_own *)options;
    const nn_metric_def *def = def_of(own);
    nn_metric_call call = {.options = nn_own_options(own),
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
        nn_own_succeeds(own, "add", def->add(def->ctx, &call));
}

static double own_value(const void *options, const nn_metric_spec *spec, double *state,
                        double *table) {
    nn_own *own = (nn_own *)options;
    const nn_metric_def *def = def_of(own);
    double value = NAN;
    (void)table;
    nn_own_succeeds(own, "value",
                    def->value(def->ctx, nn_own_options(own), spec->outputs, state, &value));
    return value;
}

static int make_row(const nn_metric_def *def, struct own_metric *row) {
    memcpy(&row->def, def, def->size);
    nn_own_text text = {"nn_metric_def",  row->def.name,         row->def.help,
                        row->def.options, row->def.options_size, NULL};
    NN_TRY(nn_own_require(&text, "plan", row->def.plan));
    NN_TRY(nn_own_require(&text, "add", row->def.add));
    NN_TRY(nn_own_require(&text, "value", row->def.value));
    row->ops.plan = own_plan;
    row->ops.add = own_add;
    row->ops.value = own_value;
    row->ops.larger_is_better = row->def.larger_is_better;
    row->ops.bind = own_bind;
    row->ops.fault = own_fault;
    return nn_own_add(&nn_metrics, &text, &row->pool, &row->ops.entry);
}

int nn_metric_register(const nn_metric_def *def) {
    struct own_metric *row;
    NN_TRY(nn_own_check_size("nn_metric_def", def, sizeof *def));
    NN_TRY(NN_NEW(&row, 1, "a metric's definition"));
    int rc = make_row(def, row);
    if (rc < 0)
        nn_free(row);
    return rc;
}
