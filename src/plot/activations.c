/* Activations and their derivatives, computed by the layers themselves. */
#include "base/log.h"
#include "io/yaml/yaml.h"
#include "nn/layers/layers.h"
#include "nn/model.h"
#include "plot/plot.h"

#include <stdio.h>
#include <string.h>

#define NAME(name, ...) #name ", "
static const char every[] = NN_EACH_ACTIVATION(NAME);

/* From -5 to 5. */
enum { POINTS = 401, MIDDLE = POINTS / 2 };
#define STEP 0.025

typedef struct activation {
    const char *name, *help;
    const char *text;  /* with its options, "leaky_relu: {gamma: 0.1}" */
    const char *label; /* in legends: its name, or where that stands twice the text */
    double *a, *slope; /* [POINTS] */
} activation;

/* a and da/dz at the points: the derivative is what back-propagation makes of 1. */
static int compute(nn_model *model, const nn_real *z, activation *out) {
    size_t size = nn_model_size(model);
    nn_real *params = NULL, *grads = NULL;
    nn_pass pass = {.batch = POINTS, .training = true};
    int rc;
    NN_TRY_GOTO(NN_NEW(&params, size + 1, "parameters"));
    NN_TRY_GOTO(NN_NEW(&grads, size + 1, "gradients"));
    nn_model_learn_input(model);
    NN_TRY_GOTO(nn_model_init(model, 1, params));
    NN_TRY_GOTO(nn_model_bind(model, params, grads, POINTS));
    const nn_real *y = nn_model_forward(model, &pass, z);
    nn_real *dy = nn_model_output_grad(model);
    for (size_t i = 0; i < POINTS; i++) {
        out->a[i] = (double)y[i];
        dy[i] = 1;
    }
    nn_model_backward(model, &pass, NULL, NULL);
    for (size_t i = 0; i < POINTS; i++)
        out->slope[i] = (double)nn_model_input_grad(model)[i];
done:
    nn_free(params);
    nn_free(grads);
    return rc;
}

/* As it was written, owned by the pool; NULL with the error set. */
static const char *text_of(nn_pool *pool, const nn_node *node) {
    const nn_node *options = node->kind == NN_NODE_MAP && node->count ? node->item[0] : NULL;
    if (!options || options->kind != NN_NODE_MAP)
        return options ? options->key : node->text ? node->text : "";
    const char *text = nn_pool_printf(pool, "%s: {", options->key);
    for (size_t i = 0; text && i < options->count; i++) {
        const nn_node *option = options->item[i];
        text = nn_pool_printf(pool, "%s%s%s: %s", text, i ? ", " : "", option->key,
                              option->text ? option->text : "");
    }
    return text ? nn_pool_printf(pool, "%s}", text) : NULL;
}

/* The activation that `node` names, as the only layer of a model. */
static int try_activation(nn_plot *plot, nn_node *node, const nn_real *z, activation *out) {
    nn_node *layers = nn_node_list(plot->pool);
    const nn_layer *const *layer;
    nn_model *model = NULL;
    int rc;
    out->a = nn_pool_alloc(plot->pool, POINTS * sizeof *out->a);
    out->slope = nn_pool_alloc(plot->pool, POINTS * sizeof *out->slope);
    out->text = text_of(plot->pool, node); /* before the model puts more into the node */
    if (!layers || !out->a || !out->slope || !out->text)
        return NN_EMEMORY;
    NN_TRY(nn_node_add(layers, NULL, node));
    nn_log_hold(true); /* that sign and step cannot be trained is to be seen */
    rc = nn_model_plan(layers, (nn_shape){1, {1}}, NULL, &model);
    nn_log_hold(false);
    NN_TRY(rc);
    const nn_layer *last = nn_model_layers(model, &layer) > 1 ? layer[1] : NULL;
    if (!last || !last->ops->activation || nn_model_layers(model, &layer) != 2)
        rc = nn_node_fail(node, "only activations are drawn; see nnmpi help layers");
    else if (last->flags & NN_LAYER_USER_ORDER) /* it looks at a unit's neighbours */
        rc = nn_node_fail(node, "%s is made of several units together, so it has no curve of one",
                          last->ops->entry.name);
    if (rc == 0) {
        out->name = last->ops->entry.name;
        out->help = last->ops->entry.help;
        rc = compute(model, z, out);
    }
    nn_model_free(model);
    return rc;
}

static void label(activation *a, size_t count) {
    for (size_t i = 0; i < count; i++) {
        a[i].label = a[i].name;
        for (size_t j = 0; j < count; j++)
            if (j != i && strcmp(a[j].name, a[i].name) == 0)
                a[i].label = a[i].text;
    }
}

static nn_figure *add_figure(nn_plot *plot, const char *id, const char *title, const char *about) {
    nn_figure *figure = id && title ? nn_plot_add(plot, NN_FIGURE_LINES, id, title, about) : NULL;
    if (figure) {
        figure->x = "z";
        figure->y = "a";
    }
    return figure;
}

/* Both curves of one. */
static int add_single(nn_plot *plot, const activation *a, const double *z) {
    nn_figure *figure =
        add_figure(plot, nn_plot_id(plot, "activation", a->name), a->label, a->help);
    if (!figure)
        return NN_EMEMORY;
    NN_TRY(nn_figure_series(plot, figure, (nn_series){"a", 0, NN_LINE_SOLID, POINTS, z, a->a}));
    return nn_figure_series(plot, figure,
                            (nn_series){"da/dz", 1, NN_LINE_DASHED, POINTS, z, a->slope});
}

/* All of them over each other. */
static int add_together(nn_plot *plot, const activation *a, size_t count, const double *z,
                        bool slopes) {
    nn_figure *figure = slopes ? add_figure(plot, "derivatives", "Derivatives",
                                            "da/dz, as back-propagation computes it.")
                               : add_figure(plot, "activations", "Activations",
                                            "a = f(z), as forward computes it.");
    if (!figure)
        return NN_EMEMORY;
    figure->y = slopes ? "da/dz" : "a";
    for (size_t i = 0; i < count; i++)
        NN_TRY(nn_figure_series(plot, figure,
                                (nn_series){a[i].label, i, i < 8 ? NN_LINE_SOLID : NN_LINE_DASHED,
                                            POINTS, z, slopes ? a[i].slope : a[i].a}));
    return 0;
}

int nn_plot_activations(nn_plot *plot, const char *names) {
    nn_real z[POINTS];
    double *x = nn_pool_alloc(plot->pool, sizeof(double[POINTS]));
    const char *text =
        nn_pool_printf(plot->pool, "[%s]", strcmp(names, "all") == 0 ? every : names);
    nn_node *list;
    if (!x || !text)
        return NN_EMEMORY;
    for (int i = 0; i < POINTS; i++) {
        x[i] = STEP * (i - MIDDLE);
        z[i] = (nn_real)x[i];
    }
    NN_TRY(nn_yaml_parse(plot->pool, "--activations", text, strlen(text), &list));
    activation *a = nn_pool_alloc(plot->pool, list->count * sizeof *a);
    if (!a)
        return NN_EMEMORY;
    for (size_t i = 0; i < list->count; i++)
        NN_TRY(try_activation(plot, list->item[i], z, &a[i]));
    label(a, list->count);
    for (int slopes = 0; slopes < 2 && list->count > 1; slopes++)
        NN_TRY(add_together(plot, a, list->count, x, slopes));
    for (size_t i = 0; i < list->count; i++)
        NN_TRY(add_single(plot, &a[i], x));
    plot->title = plot->title ? plot->title : "Activations";
    return 0;
}
