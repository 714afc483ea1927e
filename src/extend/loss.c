/* Losses of a program's own: the function of its definition behind that of a row of the table. */
#include "extend/custom.h"
#include "nn/losses/losses.h"

#include <string.h>

/* A row and what it stands for; kept for good. */
struct custom_loss {
    nn_loss_ops ops;
    nn_loss_def def;
    nn_pool pool; /* of its texts and options */
};

static int custom_fault(void *options) {
    nn_custom *custom = options;
    int rc = nn_custom_fault(custom);
    if (rc < 0)
        nn_error_prefix(rc, "loss '%s'", ((const nn_loss_ops *)custom->row)->entry.name);
    return rc;
}

static int custom_plan(const nn_loss_ops *ops, void *options, size_t outputs) {
    const struct custom_loss *row = (const struct custom_loss *)ops;
    nn_custom *custom = options;
    custom->row = row;
    if (row->def.plan)
        nn_custom_succeeds(custom, "plan",
                           row->def.plan(row->def.ctx, nn_custom_options(custom), outputs));
    return custom_fault(custom);
}

static void custom_eval(const void *options, size_t batch, size_t width, const nn_real *z,
                        const nn_target *target, nn_real *loss, nn_real *dz) {
    nn_custom *custom = (nn_custom *)options;
    const nn_loss_def *def = &((const struct custom_loss *)custom->row)->def;
    nn_loss_call call = {.options = nn_custom_options(custom),
                         .rows = batch,
                         .outputs = width,
                         .z = z,
                         .y = target->value,
                         .label = target->label,
                         .loss = loss,
                         .dz = dz};
    if (batch == 0 || nn_custom_succeeds(custom, "eval", def->eval(def->ctx, &call)))
        return;
    memset(loss, 0, batch * sizeof *loss);
    memset(dz, 0, batch * width * sizeof *dz);
}

/* The built-in loss that has the same activation in itself. */
static int fuse(const nn_loss_def *def, nn_loss_ops *ops) {
    static const nn_loss_ops *const with[] = {&nn_loss_cross_entropy,
                                              &nn_loss_binary_cross_entropy};
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        if (strcmp(with[i]->fuses, def->fuses) == 0) {
            ops->fuses = with[i]->fuses;
            ops->activation = with[i]->activation;
            return 0;
        }
    return nn_fail(NN_EUSAGE, "nn_loss_def '%s' fuses '%s', which is neither softmax nor sigmoid",
                   def->name, def->fuses);
}

static int make_row(const nn_loss_def *def, struct custom_loss *row) {
    static const unsigned forms[] = {
        [NN_TARGETS_ARE_NUMBERS] = NN_TARGET_VALUE, [NN_TARGETS_ARE_CLASSES] = NN_TARGET_LABEL};
    memcpy(&row->def, def, def->size);
    nn_custom_text text = {"nn_loss_def",    row->def.name,         row->def.help,
                           row->def.options, row->def.options_size, nn_loss_options};
    NN_TRY(nn_custom_require(&text, "eval", row->def.eval));
    if ((unsigned)row->def.targets > NN_TARGETS_ARE_CLASSES)
        return nn_fail(NN_EUSAGE, "nn_loss_def '%s' has targets %d, which are none", def->name,
                       (int)def->targets);
    if (row->def.fuses)
        NN_TRY(fuse(&row->def, &row->ops));
    row->ops.forms = forms[row->def.targets];
    row->ops.plan = custom_plan;
    row->ops.eval = custom_eval;
    row->ops.fault = custom_fault;
    row->ops.one_thread = true;
    row->ops.may_vary = !row->def.reproducible;
    return nn_custom_add(&nn_losses, &text, &row->pool, &row->ops.entry);
}

int nn_loss_register(const nn_loss_def *def) {
    struct custom_loss *row;
    NN_TRY(nn_custom_check_size("nn_loss_def", def, sizeof *def));
    NN_TRY(NN_NEW(&row, 1, "a loss's definition"));
    int rc = make_row(def, row);
    if (rc < 0)
        nn_free(row);
    return rc;
}
