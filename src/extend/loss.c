/* Losses of a program's own: the function of its definition behind that of a row of the table. */
#include "extend/own.h"
#include "nn/losses/losses.h"

#include <string.h>

/* A row and what it stands for; kept for good. */
struct own_loss {
    nn_loss_ops ops;
    nn_loss_def def;
    nn_pool pool; /* of its texts and options */
};

static int own_fault(void *options) {
    nn_own *own = options;
    int rc = nn_own_fault(own);
    if (rc < 0)
        nn_error_prefix(rc, "loss '%s'", ((const nn_loss_ops *)own->row)->entry.name);
    return rc;
}

static int own_plan(const nn_loss_ops *ops, void *options, size_t outputs) {
    const struct own_loss *row = (const struct own_loss *)ops;
    nn_own *own = options;
    own->row = row;
    if (row->def.plan)
        nn_own_succeeds(own, "plan", row->def.plan(row->def.ctx, nn_own_options(own), outputs));
    return own_fault(own);
}

static void own_eval(const void *options, size_t batch, size_t width, const nn_real *z,
                     const nn_target *target, nn_real *loss, nn_real *dz) {
    nn_own *own = (nn_own *)options;
    const nn_loss_def *def = &((const struct own_loss *)own->row)->def;
    nn_loss_call call = {.options = nn_own_options(own),
                         .rows = batch,
                         .outputs = width,
                         .z = z,
                         .y = target->value,
                         .label = target->label,
                         .loss = loss,
                         .dz = dz};
    if (batch == 0 || nn_own_succeeds(own, "eval", def->eval(def->ctx, &call)))
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
            ops->link = with[i]->link;
            return 0;
        }
    return nn_fail(NN_EUSAGE, "nn_loss_def '%s' fuses '%s', which is neither softmax nor sigmoid",
                   def->name, def->fuses);
}

static int make_row(const nn_loss_def *def, struct own_loss *row) {
    static const unsigned forms[] = {
        [NN_TARGETS_ARE_NUMBERS] = NN_TARGET_VALUE, [NN_TARGETS_ARE_CLASSES] = NN_TARGET_LABEL};
    memcpy(&row->def, def, def->size);
    nn_own_text text = {"nn_loss_def",    row->def.name,         row->def.help,
                        row->def.options, row->def.options_size, nn_loss_options};
    NN_TRY(nn_own_require(&text, "eval", row->def.eval));
    if ((unsigned)row->def.targets > NN_TARGETS_ARE_CLASSES)
        return nn_fail(NN_EUSAGE, "nn_loss_def '%s' has targets %d, which are none", def->name,
                       (int)def->targets);
    if (row->def.fuses)
        NN_TRY(fuse(&row->def, &row->ops));
    row->ops.forms = forms[row->def.targets];
    row->ops.plan = own_plan;
    row->ops.eval = own_eval;
    row->ops.fault = own_fault;
    row->ops.one_thread = true;
    row->ops.may_vary = !row->def.reproducible;
    return nn_own_add(&nn_losses, &text, &row->pool, &row->ops.entry);
}

int nn_loss_register(const nn_loss_def *def) {
    struct own_loss *row;
    NN_TRY(nn_own_check_size("nn_loss_def", def, sizeof *def));
    NN_TRY(NN_NEW(&row, 1, "a loss's definition"));
    int rc = make_row(def, row);
    if (rc < 0)
        nn_free(row);
    return rc;
}
