/* What a layer promises besides its gradients. */
#include "extend/gradient/check.h"

#include <math.h>
#include <string.h>

static bool is_near(nn_real a, nn_real b, double usual) {
    return fabs((double)a - (double)b) <= 1e-4 * (usual + fabs((double)a)) || isnan(a);
}

/* Rows by themselves give what they give together. */
static int check_rows(gradient_check *c) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(c->model, &layer), rows = c->options.rows;
    size_t in = c->inputs / rows, out = c->outputs / rows;
    double usual = gradient_root_mean_square(c->outputs, c->z);
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
static int check_second(const gradient_check *c) {
    const nn_param *const *param;
    size_t params = nn_model_params(c->model, &param), size = nn_model_size(c->model);
    for (size_t p = 0; p < params; p++) {
        const nn_real *first = c->first + param[p]->offset, *both = c->grads + param[p]->offset;
        double usual = gradient_root_mean_square(param[p]->count, first);
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
    double usual = gradient_root_mean_square(c->inputs, first);
    for (size_t i = 0; c->by_input && i < c->inputs; i++)
        if (!is_near(first[i], second[i], usual))
            return nn_fail(NN_EUSAGE,
                           "backward gives %g for number %zu of dx, and %g in a second call: it "
                           "has to write all of dx, not to add to it",
                           (double)first[i], i, (double)second[i]);
    return 0;
}

int gradient_check_promises(gradient_check *c) {
    nn_real *before;
    size_t bytes = c->outputs * sizeof *before;
    NN_TRY(NN_NEW(&before, c->outputs, "outputs"));
    memcpy(before, c->z, bytes);
    int rc = gradient_run(c, true);
    bool same = memcmp(before, c->z, bytes) == 0;
    nn_free(before);
    NN_TRY(rc);
    if (c->fixed && !same)
        return nn_fail(NN_EUSAGE, "forward has other bits in a second call, which a definition "
                                  "that is `reproducible` promises not to have");
    NN_TRY(check_second(c));
    return check_rows(c);
}
