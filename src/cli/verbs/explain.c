/* One training step with its numbers: every value forward, every delta back, every gradient, and
 * the parameters before and after. */
#include "base/text.h"
#include "cli/cli.h"
#include "nn/layers/shape/user_order.h"
#include "train/training/training.h"

#include <nnmpi/training.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct options {
    const char *config;
    const nn_node *set;
    int64_t samples, most;
    bool json;
} options;

static const nn_option table[] = {
    NN_CONFIG_ROW(options),
    NN_SET_ROW(options, "model.0.dense.units=2"),
    {"samples", NN_OPT_INT, offsetof(options, samples), "1", "[1, 1000000]",
     "size of the minibatch that is explained; it begins the order that training would take"},
    {"most", NN_OPT_INT, offsetof(options, most), "8", "[2, 1000000]",
     "rows and columns of a tensor that are shown; of a larger one its first ones"},
    NN_JSON_ROW(options),
    NN_OPTION_END,
};

/* The step under way. Values are printed as they come: a layer's buffer may serve another one
 * afterwards. */
typedef struct explanation {
    nn_training *training;
    size_t most;
    nn_json *json; /* NULL: text */
    nn_pool pool;
    nn_real *user; /* a layer's values in the user's order, [samples][most elements] */
    float **after; /* [tensors] parameters that the step has led to */
} explanation;

/* ---- tensors --------------------------------------------------------------------------------- */

static void print_row(const float *row, size_t columns, size_t most) {
    fputs("   ", stdout);
    for (size_t j = 0; j < columns && j < most; j++)
        printf(" %12.6g", nn_plain_nan(row[j]));
    puts(columns > most ? "  ..." : "");
}

/* Its last dimension goes along the line; a blank line comes between its matrices. */
static void print_values(const float *value, int rank, const int64_t *dim, size_t most) {
    size_t columns = rank > 0 ? (size_t)dim[rank - 1] : 1, rows = 1;
    size_t block = rank > 1 && dim[rank - 2] > 0 ? (size_t)dim[rank - 2] : 1;
    for (int i = 0; i + 1 < rank; i++)
        rows *= (size_t)dim[i];
    for (size_t i = 0; i < rows; i++) {
        bool first = i > 0 && i % block == 0;
        if (i / block >= most)
            break;
        if (i % block == most)
            puts("    ...");
        if (i % block >= most)
            continue;
        if (first && rank > 2)
            putchar('\n');
        print_row(value + i * columns, columns, most);
    }
    if (rows / block > most)
        puts("    ...");
}

static size_t count_of(int rank, const int64_t *dim) {
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dim[i];
    return count;
}

static void put_tensor(const explanation *e, const char *key, const float *value, int rank,
                       const int64_t *dim) {
    size_t count = count_of(rank, dim);
    if (!e->json) {
        print_values(value, rank, dim, e->most);
        return;
    }
    nn_json_open(e->json, key, '[');
    for (size_t i = 0; i < count; i++)
        nn_json_real(e->json, NULL, value[i]);
    nn_json_close(e->json, ']');
}

/* ---- values and deltas ----------------------------------------------------------------------- */

/* A name and what the layer computes. */
static void introduce(const explanation *e, const nn_layer *layer, nn_moment moment) {
    char shape[NN_SHAPE_TEXT];
    if (e->json) {
        nn_json_open(e->json, NULL, '{');
        nn_json_string(e->json, "layer", layer->name);
        nn_json_string(e->json, "kind", layer->ops->entry.name);
        return;
    }
    int column = printf("  %s", layer->name);
    if (moment == NN_AFTER_FORWARD) {
        column += printf(", %s %s: ", layer->ops->entry.name, nn_shape_text(&layer->out, shape));
        nn_text_wrap(stdout, layer->ops->entry.help, column, 6, nn_help_width());
    }
    putchar('\n');
}

static void watch(void *ctx, const nn_layer *layer, nn_moment moment, const nn_pass *pass,
                  const nn_real *values) {
    explanation *e = ctx;
    int64_t dim[NN_MAX_RANK + 1] = {(int64_t)pass->batch};
    if (nn_shape_is_turned(&layer->out)) {
        nn_user_order_from_memory(layer->compute, &layer->out, pass->batch, values, e->user);
        values = e->user;
    }
    memcpy(dim + 1, layer->out.dim, (size_t)layer->out.rank * sizeof *dim);
    introduce(e, layer, moment);
    put_tensor(e, moment == NN_AFTER_FORWARD ? "y" : "delta", values, layer->out.rank + 1, dim);
    if (e->json)
        nn_json_close(e->json, '}');
}

/* ---- gradients and parameters ---------------------------------------------------------------- */

typedef int get_tensor(nn_training *t, const char *tensor, float *values);

/* A copy of what `get` tells of each tensor: parameters or gradients. */
static int copy_tensors(explanation *e, get_tensor *get, float ***out) {
    size_t tensors = nn_training_tensors(e->training);
    float **copy = nn_pool_alloc(&e->pool, (tensors + 1) * sizeof *copy);
    if (!copy)
        return NN_EMEMORY;
    for (size_t i = 0; i < tensors; i++) {
        nn_array shape;
        const char *name = nn_training_tensor(e->training, i, &shape);
        copy[i] = nn_pool_alloc(&e->pool, count_of(shape.rank, shape.dim) * sizeof **copy);
        if (!copy[i])
            return NN_EMEMORY;
        NN_TRY(get(e->training, name, copy[i]));
    }
    *out = copy;
    return 0;
}

static void put_part(const explanation *e, const char *key, const char *text, const float *values,
                     const nn_array *shape) {
    if (!e->json)
        printf("   %s\n", text);
    put_tensor(e, key, values, shape->rank, shape->dim);
}

/* Each tensor before, its gradient, and after. */
static void put_updates(const explanation *e, float *const *before, float *const *gradient) {
    const nn_param *const *param;
    (void)nn_model_params(e->training->trainer.session.model, &param);
    for (size_t i = 0; i < nn_training_tensors(e->training); i++) {
        nn_array shape;
        const char *name = nn_training_tensor(e->training, i, &shape);
        bool frozen = param[i]->layer->frozen;
        if (e->json) {
            nn_json_open(e->json, NULL, '{');
            nn_json_string(e->json, "tensor", name);
            nn_json_bool(e->json, "frozen", frozen);
        } else {
            printf("  %s%s\n", name, frozen ? ", frozen: no gradient is computed" : "");
        }
        put_part(e, "before", "before", before[i], &shape);
        if (!frozen)
            put_part(e, "gradient", "gradient of the mean loss", gradient[i], &shape);
        else if (e->json)
            nn_json_string(e->json, "gradient", NULL);
        put_part(e, "after", "after", e->after[i], &shape);
        if (e->json)
            nn_json_close(e->json, '}');
    }
}

/* ---- the step -------------------------------------------------------------------------------- */

static void begin_part(const explanation *e, const char *key, const char *text) {
    if (e->json)
        nn_json_open(e->json, key, '[');
    else if (text)
        puts(text);
}

static void end_part(const explanation *e) {
    if (e->json)
        nn_json_close(e->json, ']');
}

static void put_loss(const explanation *e, const char *key, const char *text, double loss) {
    if (e->json)
        nn_json_real(e->json, key, loss);
    else
        printf("\n%s: %.9g\n", text, nn_plain_nan(loss));
}

static int take_step(explanation *e) {
    nn_training *t = e->training;
    float **before, **gradient;
    double loss;
    NN_TRY(copy_tensors(e, nn_training_get, &before));
    begin_part(e, "forward", "forward: the values of each layer, a line for each sample");
    NN_TRY(nn_training_forward(t, NULL));
    end_part(e);
    NN_TRY(nn_training_take_loss(t, &loss));
    put_loss(e, "loss", "mean loss C of the minibatch", loss);
    begin_part(e, "backward",
               "\nbackward: delta = dC/dy of each layer, where y is its value; a fused activation "
               "belongs to the loss");
    NN_TRY(nn_training_backward(t));
    end_part(e);
    NN_TRY(nn_training_sum_gradients(t));
    NN_TRY(copy_tensors(e, nn_training_get_gradient, &gradient));
    double rate = nn_training_rate(t);
    NN_TRY(nn_training_update(t));
    NN_TRY(nn_training_attend(t));
    NN_TRY(copy_tensors(e, nn_training_get, &e->after));
    if (e->json)
        nn_json_real(e->json, "lr", rate);
    else
        printf("\nupdate: %s with learning rate %.9g; the parameters:\n",
               t->trainer.session.settings->train.optimizer.row->name, rate);
    begin_part(e, "update", NULL);
    put_updates(e, before, gradient);
    end_part(e);
    return 0;
}

static int open_training(const nn_call *call, explanation *e, nn_config *config) {
    nn_train_options train = {.size = sizeof train, .run_dir = "", .in_parts = true};
    return nn_training_open(call->comm, config, &train, &e->training);
}

/* What the minibatch costs with the parameters that the step has led to: the step is begun anew. */
static int compare_loss(const nn_call *call, explanation *e, nn_config *config) {
    double loss;
    nn_training_close(e->training);
    NN_TRY(open_training(call, e, config));
    for (size_t i = 0; i < nn_training_tensors(e->training); i++)
        NN_TRY(nn_training_set(e->training, nn_training_tensor(e->training, i, &(nn_array){0}),
                               e->after[i]));
    NN_TRY(nn_training_forward(e->training, NULL));
    NN_TRY(nn_training_take_loss(e->training, &loss));
    put_loss(e, "loss_after", "mean loss of the same minibatch after the step", loss);
    return 0;
}

/* Numbers of a minibatch's values, of all layers, and of the largest one. */
static size_t count_values(const nn_model *model, size_t samples, size_t *largest) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(model, &layer), all = 0;
    *largest = 0;
    for (size_t i = 0; i < layers; i++) {
        size_t count = samples * nn_shape_count(&layer[i]->out);
        all += count;
        *largest = count > *largest ? count : *largest;
    }
    return all;
}

static int explain(const nn_call *call, explanation *e, nn_config *config) {
    const options *o = call->options;
    nn_trainer *t = &e->training->trainer;
    size_t largest, values = count_values(t->session.model, (size_t)o->samples, &largest);
    const nn_layer *const *layer;
    size_t names = nn_model_layers(t->session.model, &layer) + nn_training_tensors(e->training);
    size_t size = 65536 + 1024 * names + 32 * (2 * values + 3 * nn_model_size(t->session.model));
    char *text = o->json ? nn_pool_alloc(&e->pool, size) : NULL;
    nn_json json;
    e->user = nn_pool_alloc(&e->pool, largest * sizeof *e->user);
    if (!e->user || (o->json && !text))
        return NN_EMEMORY;
    if (o->json) {
        nn_json_init(&json, text, size);
        nn_json_open(&json, NULL, '{');
        e->json = &json;
    }
    t->watch = watch;
    t->watch_ctx = e;
    NN_TRY(take_step(e));
    NN_TRY(compare_loss(call, e, config));
    if (!o->json)
        return 0;
    nn_json_close(&json, '}');
    return nn_json_print(&json);
}

/* A minibatch of --samples, computed at once, and nothing but its step, which a configuration that
 * trains for none has, too. */
static int configure(const options *o, nn_config *config) {
    char batch[64];
    snprintf(batch, sizeof batch, "train.batch_size=%lld", (long long)o->samples);
    static const char *const others[] = {"train.accumulate=1", "train.reproducible=false",
                                         "validate.every_epochs=0"};
    const nn_settings *set = nn_config_settings(config);
    bool no_epochs = set->train.epochs == 0, no_steps = set->train.max_steps == 0;
    NN_TRY(nn_config_override(config, batch));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        NN_TRY(nn_config_override(config, others[i]));
    if (no_epochs)
        NN_TRY(nn_config_override(config, "train.epochs=1"));
    return no_steps ? nn_config_override(config, "train.max_steps=1") : 0;
}

static int run(const nn_call *call) {
    const options *o = call->options;
    explanation e = {.most = (size_t)o->most};
    nn_config *config = NULL;
    int rc;
    if (nn_comm_size(call->comm) > 1)
        return nn_fail(NN_EUSAGE, "a step is explained on one rank; start it without mpirun");
    NN_TRY_GOTO(nn_call_config(o->config, o->set, &config));
    NN_TRY_GOTO(configure(o, config));
    NN_TRY_GOTO(open_training(call, &e, config));
    NN_TRY_GOTO(explain(call, &e, config));
done:
    nn_training_close(e.training);
    nn_config_free(config);
    nn_pool_release(&e.pool);
    return rc;
}

static const char *const arguments[] = {"config", NULL};

const nn_verb nn_verb_explain = {
    .entry =
        {"explain",
         "Takes one training step and prints its numbers: values, loss, deltas, gradients, and "
         "the parameters before and after.",
         table, sizeof(options)},
    .usage = "[CONFIG] [options]",
    .example = "nnmpi explain hand.yaml",
    .arguments = arguments,
    .collective = true,
    .run = run,
};
