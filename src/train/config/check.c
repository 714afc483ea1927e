/* From the tree of a configuration to settings: what is missing is added, what is wrong is said. */
#include "base/text.h"
#include "comm/reduce/spec.h"
#include "data/edge_list.h"
#include "io/files/file.h"
#include "train/checkpoint/checkpoint_folder.h"
#include "train/config/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int bind_section(const char *name, nn_node *map, nn_settings *settings) {
    const nn_section *section = nn_section_find(name);
    nn_binding binding = {section->options, settings};

    return nn_options_bind(&binding, 1, map, *name ? name : "the configuration", NULL);
}

/* Sections that are left out or empty become empty maps, to be completed. */
static int add_section(nn_node *root, const char *name) {
    nn_node *map = nn_node_get(root, name);

    if (map)
        return nn_node_is_null(map) ? nn_node_become_map(map, NULL, NULL) : NN_OK;
    map = nn_node_map(root->pool);
    if (!map)
        return NN_EMEMORY;
    map->file = root->file;
    return nn_node_add(root, name, map);
}

/* train.lr takes the place of the optimiser's own and is then cleared, so that the effective
 * configuration has one rate, which either key can override when the run goes on. */
static int put_rate(nn_node *options, nn_node *lr) {
    nn_node *copy = nn_node_scalar(options->pool, lr->text);

    if (!copy)
        return NN_EMEMORY;
    copy->file = lr->file;
    copy->line = lr->line;
    copy->column = lr->column;
    lr->text = "";
    return nn_node_set(options, "lr", copy);
}

/* Picks a row of a family and binds its options; messages call them those of "optimizer 'sgd'". */
static int choose(const nn_settings *s, const nn_family *family, nn_node *node, nn_node *lr,
                  nn_choice *choice) {
    nn_node *options;
    char what[128];

    NN_TRY(nn_family_pick(family, node, &choice->row, &options));
    if (lr)
        NN_TRY(put_rate(options, lr));
    choice->options = nn_pool_alloc(s->root->pool, choice->row->size + 1);
    if (!choice->options)
        return NN_EMEMORY;
    snprintf(what, sizeof what, "%s '%s'", family->noun, choice->row->name);
    NN_TRY(nn_options_bind(&(nn_binding){choice->row->options, choice->options}, 1, options, what,
                           NULL));
    return NN_OK;
}

/* The optimiser's bound `lr`. */
static double rate_of(const nn_choice *optimizer) {
    double lr = NAN;

    for (const nn_option *o = optimizer->row->options; o && o->key; o++) {
        if (strcmp(o->key, "lr") == 0)
            memcpy(&lr, (const char *)optimizer->options + o->offset, sizeof lr);
    }
    return lr;
}

/* `all`, or a number that is bound like any other option. */
static int bind_batch_size(nn_settings *s) {
    const nn_option row[] = {
        {"batch_size", NN_OPT_INT, 0, NULL, "[1, inf)", "samples of the global minibatch"},
        NN_OPTION_END,
    };
    nn_node *item = s->train.batch_size_node;
    nn_node map = {.kind = NN_NODE_MAP, .count = 1, .item = &item, .file = item->file};
    nn_binding binding = {row, &s->train.batch_size};

    if (item->kind == NN_NODE_SCALAR && strcmp(item->text, "all") == 0) {
        s->train.batch_size = 0;
        return NN_OK;
    }
    return nn_options_bind(&binding, 1, &map, "train", NULL);
}

/* A section within a section, where it is given; null counts as given. */
static int check_subsection(const char *name, nn_node *node, nn_settings *s) {
    if (!node)
        return NN_OK;
    if (nn_node_is_null(node))
        NN_TRY(nn_node_become_map(node, NULL, NULL));
    return bind_section(name, node, s);
}

/* Only sums by nodes know what travels between them. */
static int check_compress(const nn_settings *s) {
    const nn_node *node = nn_node_get(s->train_node, "compress");
    if (s->train.compress == NN_COMPRESS_NONE)
        return NN_OK;
    if (s->train.reproducible)
        return nn_node_fail(node, "compress and reproducible do not go together: what is rounded "
                                  "depends on the number of nodes");
    if (s->train.reduce == NN_REDUCE_ALLREDUCE)
        return nn_node_fail(node, "compress wants reduce = node or auto");
    return NN_OK;
}

static int check_between(const nn_settings *s) {
    const nn_node *node = nn_node_get(s->train_node, "between_nodes");
    if (s->train.between_nodes == NN_BETWEEN_ROWS && s->train.reduce == NN_REDUCE_ALLREDUCE)
        return nn_node_fail(node, "between_nodes = rows wants reduce = node or auto");
    return NN_OK;
}

static int check_state(const nn_settings *s) {
    const nn_node *node = nn_node_get(s->train_node, "optimizer_state");
    if (s->train.optimizer_state == NN_STATE_SHARDED && s->train.reduce == NN_REDUCE_ALLREDUCE)
        return nn_node_fail(node, "optimizer_state = sharded wants reduce = node or auto: with "
                                  "allreduce every rank takes all steps");
    return NN_OK;
}

static int check_trace(nn_settings *s) {
    const nn_node *steps;
    NN_TRY(check_subsection("train.trace", s->train.trace_node, s));
    steps = s->train.trace.steps;
    if (!s->train.trace_node)
        return NN_OK;
    if (steps->kind != NN_NODE_LIST || steps->count != 2 ||
        steps->item[0]->kind != NN_NODE_SCALAR || steps->item[1]->kind != NN_NODE_SCALAR ||
        !nn_text_to_int(steps->item[0]->text, &s->train.trace.first) ||
        !nn_text_to_int(steps->item[1]->text, &s->train.trace.last) || s->train.trace.first < 1 ||
        s->train.trace.last < s->train.trace.first)
        return nn_node_fail(steps, "steps are the first and the last step of the timeline, from 1 "
                                   "on: [100, 110]");
    return NN_OK;
}

/* Where messages are gathered, parts of the section may be missing. */
static int check_optimizer(nn_settings *s) {
    if (!s->train.optimizer_node)
        return NN_OK;
    NN_TRY(choose(s, &nn_optimizers, s->train.optimizer_node,
                  isnan(s->train.lr) ? NULL : nn_node_get(s->train_node, "lr"),
                  &s->train.optimizer));
    s->train.lr = rate_of(&s->train.optimizer);
    const nn_optimizer_ops *ops = (const nn_optimizer_ops *)s->train.optimizer.row;
    return ops->check ? ops->check(s->train.optimizer.options, s->train.optimizer_node) : NN_OK;
}

static int check_schedule(nn_settings *s) {
    if (!s->train.schedule_node)
        return NN_OK;
    NN_TRY(choose(s, &nn_schedules, s->train.schedule_node, NULL, &s->train.schedule));
    const nn_schedule_ops *schedule = (const nn_schedule_ops *)s->train.schedule.row;
    return schedule->check ? schedule->check(s->train.schedule.options, s->train.schedule_node)
                           : NN_OK;
}

static int check_warmup(const nn_settings *s) {
    if (s->train.warmup_node && !s->train.warmup.epochs == !s->train.warmup.steps)
        return nn_node_fail(s->train.warmup_node, "warmup wants either epochs or steps");
    return NN_OK;
}

static int check_train(nn_settings *s) {
    int rc = NN_OK;
    s->train.max_steps = s->train.check_replicas = s->train.output_rows = -1;
    s->train.lr = s->train.stop_below = NAN;
    NN_TRY_EACH(bind_section("train", s->train_node, s));
    if (s->train.batch_size_node)
        NN_TRY_EACH(bind_batch_size(s));
    NN_TRY_EACH(check_compress(s));
    NN_TRY_EACH(check_between(s));
    NN_TRY_EACH(check_state(s));
    NN_TRY_EACH(check_subsection("train.ema", s->train.ema_node, s));
    NN_TRY_EACH(check_trace(s));
    NN_TRY_EACH(check_subsection("train.warmup", s->train.warmup_node, s));
    if (rc == NN_OK)
        NN_TRY_EACH(check_warmup(s));
    NN_TRY_EACH(check_optimizer(s));
    NN_TRY_EACH(check_schedule(s));
    return rc;
}

static int check_balance(const nn_settings *s) {
    if (s->train.balance == NN_BALANCE_EVEN || !s->train.reproducible)
        return NN_OK;
    return nn_node_fail(nn_node_get(s->train_node, "balance"),
                        "balance = speed and reproducible do not go together: rows move between "
                        "ranks, but microbatches stay where they are");
}

static bool has_metric(const nn_settings *s, const char *name) {
    for (size_t i = 0; i < s->validate.metrics; i++) {
        if (strcmp(s->validate.metric[i].row->name, name) == 0)
            return true;
    }
    return false;
}

static int add_metric(nn_settings *s, nn_node *node) {
    nn_choice metric;

    NN_TRY(choose(s, &nn_metrics, node, NULL, &metric));
    const nn_metric_ops *ops = (const nn_metric_ops *)metric.row;
    if (ops->bind)
        ops->bind(ops, metric.options);
    if (has_metric(s, metric.row->name))
        return nn_node_fail(node, "the metric '%s' stands twice", metric.row->name);
    if (s->validate.metrics == NN_MAX_METRICS)
        return nn_node_fail(node, "more than %d metrics", NN_MAX_METRICS);
    s->validate.metric[s->validate.metrics++] = metric;
    return NN_OK;
}

static int check_metrics(nn_settings *s) {
    nn_node *list = s->validate.metrics_node;

    if (!list)
        return NN_OK;
    if (list->kind != NN_NODE_LIST)
        return add_metric(s, list);
    int rc = NN_OK;
    for (size_t i = 0; i < list->count; i++)
        NN_TRY_EACH(add_metric(s, list->item[i]));
    return rc;
}

static int check_stopping(nn_settings *s) {
    const nn_node *place = s->validate.stopping_node;
    const char *metric;

    s->validate.stopping.metric = "loss";
    if (!place)
        return NN_OK;
    NN_TRY(bind_section("validate.early_stopping", s->validate.stopping_node, s));
    metric = s->validate.stopping.metric;
    place = nn_node_get(place, "metric");
    if (strcmp(metric, "loss") == 0 || has_metric(s, metric))
        return NN_OK;
    if (!nn_family_find(&nn_metrics, metric))
        return nn_family_unknown(&nn_metrics, place, metric);
    if (!s->validate.metrics_node)
        return NN_OK;
    return nn_node_fail(place, "early stopping looks at '%s', which is not among validate.metrics",
                        metric);
}

static int check_validate(nn_settings *s) {
    static const char *const splits[] = {"train", "valid", "test", "", NULL};
    size_t i = 0;
    int rc = NN_OK;

    s->validate.split = "";
    NN_TRY_EACH(bind_section("validate", s->validate_node, s));
    while (splits[i] && strcmp(splits[i], s->validate.split) != 0)
        i++;
    if (!splits[i])
        NN_TRY_EACH(nn_node_fail(nn_node_get(s->validate_node, "split"),
                                 "split = %s of validate is none of train, valid and test",
                                 s->validate.split));
    NN_TRY_EACH(check_metrics(s));
    NN_TRY_EACH(check_stopping(s));
    return rc;
}

/* Losses that are only reported cannot be trained on. */
static int check_loss(const nn_settings *s) {
    const nn_loss_ops *loss;

    NN_TRY(nn_loss_check(s->loss, &loss));
    if (loss->metric_only)
        return nn_node_fail(s->loss,
                            "the loss '%s' has no gradient to train on; name it under "
                            "validate.metrics to have it reported",
                            loss->entry.name);
    return NN_OK;
}

/* Other losses have a gradient at every sample, however right it is. */
static int check_stop_rule(const nn_settings *s) {
    const nn_loss_ops *loss;

    NN_TRY(nn_loss_pick(s->loss, &loss));
    if (s->train.stop_when != NN_STOP_NO_MISTAKES || loss->mistakes)
        return NN_OK;
    return nn_node_fail(
        nn_node_get(s->train_node, "stop_when"),
        "stop_when: no_mistakes wants a loss that counts mistakes, as perceptron and hinge "
        "do, not %s",
        loss->entry.name);
}

/* A file that is not found from the working folder but beside the configuration is meant there. */
static int find_file(const nn_settings *s, nn_node *item) {
    char *beside;

    if (!item || item->kind != NN_NODE_SCALAR || item->text[0] == '\0' || item->text[0] == '/' ||
        s->folder[0] == '\0' || nn_file_exists(item->text))
        return NN_OK;
    beside = nn_pool_printf(s->root->pool, "%s/%s", s->folder, item->text);
    if (!beside)
        return NN_EMEMORY;
    if (nn_file_exists(beside))
        item->text = beside;
    return NN_OK;
}

/* The same for a checkpoint, or the folder of a run that has one. */
static int find_checkpoint(const nn_settings *s, nn_node *item) {
    NN_TRY(find_file(s, item));
    if (!item || item->kind != NN_NODE_SCALAR)
        return NN_OK;
    int rc = nn_checkpoint_pick(s->root->pool, item->text, &item->text);
    return rc < 0 ? nn_node_prefix(rc, item) : NN_OK;
}

/* Edges of a graph that stand in a file. */
static int read_edges(const nn_settings *s, nn_node *edges) {
    if (!edges || edges->kind != NN_NODE_SCALAR || nn_node_is_null(edges))
        return NN_OK;
    if (s->stored)
        return nn_node_fail(edges, "edges should be a list of pairs here: what a model says of "
                                   "itself names no files");
    NN_TRY(find_file(s, edges));
    return nn_edge_list_read(edges);
}

/* Of all layers, also those within others. */
static int read_all_edges(const nn_settings *s, const nn_node *node) {
    for (size_t i = 0; i < node->count; i++) {
        nn_node *item = node->item[i];
        if (item->key && strcmp(item->key, "graph_conv") == 0)
            NN_TRY(read_edges(s, nn_node_get(item, "edges")));
        else
            NN_TRY(read_all_edges(s, item));
    }
    return NN_OK;
}

static int check_model(const nn_settings *s) {
    if (s->model->kind != NN_NODE_LIST || s->model->count == 0)
        return nn_node_fail(s->model, "model is a list of layers, e.g. [dense: {units: 10}]");
    return read_all_edges(s, s->model);
}

/* Of a mixture, whose files are names or maps. */
static int find_files(const nn_settings *s, nn_node *path) {
    if (!path || path->kind != NN_NODE_LIST)
        return find_file(s, path);
    for (size_t i = 0; i < path->count; i++) {
        nn_node *item = path->item[i];
        NN_TRY(find_file(s, item->kind == NN_NODE_MAP ? nn_node_get(item, "path") : item));
    }
    return NN_OK;
}

static int check_data(nn_settings *s) {
    static const char *const keys[] = {"path",           "train_images", "train_labels",
                                       "test_images",    "test_labels",  "targets",
                                       "vocabulary_file"};

    if (s->data->kind != NN_NODE_MAP)
        return nn_node_fail(s->data, "data is a map, e.g. {path: mnist.h5} or {source: iris}");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        NN_TRY(find_files(s, nn_node_get(s->data, keys[i])));
    return NN_OK;
}

static int check_init(nn_settings *s) {
    const nn_node *layers;

    if (!s->init_node || nn_node_is_null(s->init_node))
        return NN_OK;
    if (s->init_node->kind != NN_NODE_MAP)
        return nn_node_fail(s->init_node, "init is a map: {from: other.h5, layers: [fc1]}");
    if (!s->stored) /* it was read when the training began */
        NN_TRY(find_checkpoint(s, nn_node_get(s->init_node, "from")));
    NN_TRY(bind_section("init", s->init_node, s));
    layers = s->init.layers;
    if (layers && layers->kind != NN_NODE_LIST)
        return nn_node_fail(layers, "layers is a list of names: [fc1, fc2]");
    for (size_t i = 0; layers && i < layers->count; i++) {
        if (layers->item[i]->kind != NN_NODE_SCALAR)
            return nn_node_fail(layers->item[i], "layers is a list of names: [fc1, fc2]");
    }
    return NN_OK;
}

/* Those that are there: others are missing by the table of the topmost section. */
static int check_needed(nn_settings *s) {
    int rc = NN_OK;
    if (s->data)
        NN_TRY_EACH(check_data(s));
    if (s->model)
        NN_TRY_EACH(check_model(s));
    if (s->loss)
        NN_TRY_EACH(check_loss(s));
    return rc;
}

static int check_saving(nn_settings *s) {
    int rc = NN_OK;
    s->checkpoint.every_epochs = s->checkpoint.every_steps = -1;
    NN_TRY_EACH(bind_section("checkpoint", s->checkpoint_node, s));
    NN_TRY_EACH(bind_section("log", s->log_node, s));
    return rc;
}

int nn_settings_check(nn_node *root, const char *folder, bool stored, nn_settings *s) {
    static const char *const optional[] = {"train", "validate", "checkpoint", "log"};
    int rc = NN_OK;
    s->root = root;
    s->stored = stored;
    s->folder = folder;
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++)
        NN_TRY(add_section(root, optional[i]));
    NN_TRY_EACH(bind_section("", root, s));
    NN_TRY_EACH(check_needed(s));
    NN_TRY_EACH(check_init(s));
    NN_TRY_EACH(check_train(s));
    NN_TRY_EACH(check_balance(s));
    if (s->loss)
        NN_TRY_EACH(check_stop_rule(s));
    NN_TRY_EACH(check_validate(s));
    NN_TRY_EACH(check_saving(s));
    return rc;
}
