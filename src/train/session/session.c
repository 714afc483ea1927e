#include "train/session/session.h"

#include "base/system/clock.h"
#include "data/classes.h"
#include "data/sources/open.h"
#include "data/tokens.h"
#include "data/values/layout.h"
#include "data/values/scan_targets.h"
#include "math/parallel.h"
#include "nn/indices.h"
#include "nn/losses/class_weights.h"

#include <string.h>

/* Samples of the largest split. */
static int64_t most_samples(const nn_dataset *data) {
    int64_t most = 0;
    for (size_t i = 0; i < data->splits; i++)
        most = data->split[i].samples > most ? data->split[i].samples : most;
    return most;
}

/* The default metrics depend on the data, so only now is it known that `who`'s is there. */
static int check_watched(const nn_session *session, const char *watched, const nn_node *who_node,
                         const char *who) {
    const nn_metric_ops *found = NULL;
    for (size_t i = 0; i < session->metrics; i++)
        if (strcmp(session->metric[i].row->name, watched) == 0)
            found = (const nn_metric_ops *)session->metric[i].row;
    if (found && found->table_only)
        return nn_node_fail(who_node, "%s looks at one number, but '%s' is a table", who, watched);
    if (found || strcmp(watched, "loss") == 0)
        return 0;
    return nn_node_fail(who_node, "%s looks at '%s': add it to validate.metrics", who, watched);
}

/* State and tables of the metrics that were chosen. */
static int plan_layouts(nn_session *session) {
    size_t table = 0;
    for (size_t i = 0; i < session->metrics; i++) {
        const nn_metric_ops *ops = (const nn_metric_ops *)session->metric[i].row;
        nn_metric_layout *layout = &session->metric_layout[i];
        NN_TRY(ops->plan(session->metric[i].options, &session->metric_spec, layout));
        *(layout->exact ? &session->metric_exact : &session->metric_state) += layout->state;
        table += layout->rows * layout->columns;
    }
    if (table > NN_MAX_TABLE)
        return nn_node_fail(session->settings->validate.metrics_node,
                            "the tables of the metrics have %zu numbers together, more than %d: "
                            "leave out confusion or per_class",
                            table, NN_MAX_TABLE);
    return 0;
}

/* Of the tokens that the outputs stand for, where it is known; those beyond the vocabulary are no
 * token's. */
static int find_class_bytes(nn_session *session) {
    const nn_dataset *data = session->data;
    size_t outputs = session->metric_spec.outputs;
    double *bytes;

    if (!data->tokens || !session->metric_spec.labels)
        return 0;
    bytes = nn_pool_alloc(&session->data->pool, outputs * sizeof *bytes);
    if (!bytes)
        return NN_EMEMORY;
    for (size_t i = 0; i < outputs && (int64_t)i < data->classes; i++) {
        size_t count =
            nn_token_bytes(data->tokens, data->class_names ? data->class_names[i] : NULL);
        if (count == 0)
            return 0;
        bytes[i] = (double)count;
    }
    session->metric_spec.class_bytes = bytes;
    return 0;
}

static int plan_metrics(nn_session *session) {
    const nn_settings *s = session->settings;
    session->metric_spec = nn_metric_spec_of(session->loss);
    NN_TRY(find_class_bytes(session));
    session->metric_spec.samples = most_samples(session->data) * (int64_t)session->positions;
    session->metrics = s->validate.metrics;
    memcpy(session->metric, s->validate.metric, sizeof session->metric);
    if (!s->validate.metrics_node && session->metric_spec.labels) {
        session->metric[0] = (nn_choice){nn_family_find(&nn_metrics, "accuracy"), NULL};
        session->metrics = 1;
    }
    NN_TRY(plan_layouts(session));
    NN_TRY(check_watched(session, s->validate.stopping.metric, s->validate.stopping_node,
                         "early stopping"));
    const nn_schedule_ops *schedule = (const nn_schedule_ops *)s->train.schedule.row;
    if (schedule->watches)
        NN_TRY(check_watched(session, schedule->watches(s->train.schedule.options),
                             s->train.schedule_node, "the schedule"));
    return NN_NEW(&session->metric_sums, nn_session_metric_sums(session), "metrics");
}

/* In memory images are channels-last, so that their order is not the one of the targets; and the
 * rows of a matrix are no classes of one target. */
static int check_output(const nn_session *session) {
    nn_shape shape = nn_model_output_shape(session->model);
    const nn_node *layers = session->settings->model, *last = layers->item[layers->count - 1];
    const nn_split *split = &session->data->split[0];
    char text[NN_SHAPE_TEXT];
    bool one_class = split->has_y && nn_split_has_labels(split) && session->positions == 1;
    if (shape.rank == 2 && shape.dim[0] > 1 && one_class)
        return nn_node_fail(last,
                            "the model gives %s for each sample, but the target of one is one "
                            "class of %lld: put `flatten` before the last dense layer, so that it "
                            "gives a row of %lld",
                            nn_shape_text(&shape, text), (long long)session->data->classes,
                            (long long)shape.dim[1]);
    if (shape.rank < 3)
        return 0;
    return nn_node_fail(last,
                        "the model ends with %s of %s, which cannot be compared with "
                        "targets: end it with flatten, or with dense layers behind "
                        "flatten",
                        shape.rank == 3 ? "an image" : "a volume", nn_shape_text(&shape, text));
}

/* Whether layers can go by the lengths of sequences, where a split has some. */
static int check_lengths(const nn_session *session) {
    const nn_dataset *data = session->data;
    for (size_t i = 0; i < data->splits; i++)
        if (data->split[i].has_length)
            return nn_model_check_lengths(session->model);
    return 0;
}

/* Balanced class weights become numbers, which the checkpoint's configuration keeps: a model is
 * evaluated elsewhere by the loss it was trained with. Without a training split or without labels
 * they stay. */
static int balance_classes(nn_session *session) {
    nn_node *weights = nn_loss_class_weights(session->settings->loss);
    const nn_split *train = nn_dataset_split(session->data, "train");
    size_t outputs = nn_loss_classes(session->outputs), known = (size_t)session->data->classes;
    size_t classes = outputs > known ? outputs : known;
    int64_t *count = NULL;
    int rc = 0;
    if (!nn_class_weights_are_balanced(weights) || !train || !nn_split_has_labels(train))
        return 0;
    NN_TRY_GOTO(NN_NEW(&count, classes, "class counts"));
    NN_TRY_GOTO(nn_split_count_labels(session->data, train, count));
    NN_TRY_GOTO(nn_class_weights_balance(weights, classes, count));
done:
    nn_free(count);
    return rc;
}

/* Numbers that the loss cannot compare with are found before training. */
static int check_targets(const nn_session *session) {
    double low, high;
    if (!nn_loss_target_range(session->loss, &low, &high))
        return 0;
    return nn_dataset_check_targets(session->data, low, high,
                                    nn_loss_ops_of(session->loss)->entry.name);
}

/* Without rows, and names of classes, there are as many of them as the model tells apart. */
static int plan_supplied(const nn_session *session) {
    nn_dataset *data = session->data;
    if (nn_class_weights_are_balanced(nn_loss_class_weights(session->settings->loss)))
        return nn_fail(NN_EUSAGE, "%s: the data set has no rows to balance class weights by",
                       data->path);
    if (nn_split_has_labels(&data->split[0]) && data->classes == 0)
        data->classes = (int64_t)nn_loss_classes(session->outputs);
    return 0;
}

static int plan_loss(nn_session *session) {
    const nn_split *split = &session->data->split[0];
    if (!split->has_y)
        return nn_fail(NN_EFORMAT, "%s: '%s' has no y, so there is nothing to learn",
                       session->data->path, split->name);
    if (split->supplied)
        NN_TRY(plan_supplied(session));
    NN_TRY(balance_classes(session));
    if (nn_split_has_labels(split))
        NN_TRY(nn_dataset_check_class_count(session->data, nn_loss_classes(session->outputs)));
    nn_data_traits data = nn_data_traits_of(session->data);
    nn_loss_spec spec = nn_loss_spec_of(&data, session->outputs, session->output_rows);
    spec.compute = &session->compute;
    NN_TRY(nn_loss_new(session->settings->loss, &spec, &session->loss));
    return check_targets(session);
}

/* Where the model gives [P, C] and y is [N, P] of integers, they are the classes of the P
 * positions. The outputs are then those of one of them. */
static int plan_outputs(nn_session *session) {
    nn_shape output = nn_model_output_shape(session->model);
    const nn_split *split = &session->data->split[0];
    bool by_position = split->has_y && split->y.shape.rank == 1 &&
                       nn_dtype_is_integer(split->y.type) && output.rank == 2 &&
                       output.dim[0] == split->y.shape.dim[0] && output.dim[1] > 1;
    if (by_position)
        NN_TRY(nn_dataset_label_positions(session->data));
    session->positions = nn_split_positions(split);
    session->outputs = nn_shape_count(&output) / session->positions;
    return 0;
}

size_t nn_session_microbatch_rows(const nn_session *session) {
    size_t leaves = session->micro->tree.leaves;
    return ((size_t)session->pass_size + leaves - 1) / leaves;
}

size_t nn_session_most_at_once(const nn_session *session) {
    return session->micro ? nn_session_microbatch_rows(session) : session->capacity;
}

/* Evaluation goes by minibatches of the same size, which does not depend on the ranks either. */
static void plan_microbatches(nn_session *session) {
    session->eval_batch_size = session->pass_size;
    session->capacity = nn_microbatches_local(session->micro) * nn_session_microbatch_rows(session);
    nn_session_set_microbatches(session, 0); /* until it is known how gradients are summed */
}

int nn_session_fault(const nn_session *session) {
    int loss = nn_loss_fault(session->loss), model = nn_model_fault(session->model);
    return model < 0 ? model : loss;
}

bool nn_session_can_fault(const nn_session *session) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(session->model, &layer);
    for (size_t i = 0; i < layers; i++)
        if (layer[i]->ops->fault)
            return true;
    return nn_loss_ops_of(session->loss)->fault != NULL;
}

static int fail_varying(const nn_session *session, const char *option, const nn_entry *row,
                        const char *noun) {
    return nn_node_fail(nn_node_get(session->settings->train_node, option),
                        "%s wants the same bits from every call of a function, which the "
                        "definition of %s '%s' does not promise (nn_%s_def.reproducible)",
                        option, noun, row->name, noun);
}

/* Layers and the loss of the program's own may not have the same bits each time. */
static int check_promises(const nn_session *session, const nn_loss_ops *loss) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(session->model, &layer);
    bool reproducible = session->settings->train.reproducible;
    const char *option = reproducible ? "reproducible" : "recompute";
    if (!reproducible && session->settings->train.recompute == NN_RECOMPUTE_NONE)
        return 0;
    for (size_t i = 0; i < layers; i++)
        if (layer[i]->ops->may_vary)
            return fail_varying(session, option, &layer[i]->ops->entry, "layer");
    return reproducible && loss->may_vary ? fail_varying(session, option, &loss->entry, "loss") : 0;
}

/* More ranks than microbatches can still evaluate, each for its own share of rows. All kernels with
 * fused multiply-adds have the same bits; so only products of libraries would have others. */
static int plan_reproducible(nn_session *session) {
    const nn_settings *s = session->settings;
    if (!s->train.reproducible)
        return 0;
    session->compute.library = NN_GEMM_OWN;
    session->compute.fixed_parts = true;
    if (nn_comm_size(session->comm) > s->train.microbatches)
        return 0;
    return nn_microbatches_new(session->comm, (size_t)s->train.microbatches, &session->micro);
}

nn_batch nn_session_rows(const nn_session *session, const nn_batch *batch, size_t begin,
                         size_t end) {
    nn_shape input = nn_model_input_shape(session->model);
    nn_batch part = *batch;
    part.count = end - begin;
    if (begin == 0)
        return part;
    part.x += begin * nn_shape_count(&input);
    part.sample += begin;
    part.length = batch->length ? batch->length + begin : NULL;
    part.target = nn_target_from(&batch->target, begin * batch->positions);
    return part;
}

size_t nn_session_own_microbatches(const nn_session *session) {
    return session->micro ? nn_microbatches_local(session->micro) : 1;
}

size_t nn_session_metric_sums(const nn_session *session) {
    size_t each = session->metric_state + NN_EVALUATION_SUMS;
    return nn_session_own_microbatches(session) * each + session->metric_exact;
}

int nn_session_sum(const nn_session *session, size_t n, double *values) {
    return session->micro ? nn_tree_sum_doubles(session->micro->sums, n, values)
                          : nn_comm_sum(session->comm, values, n);
}

void nn_session_sum_statistics(void *ctx, size_t n, double *values) {
    nn_session *session = ctx;
    double begin = nn_seconds();
    if (session->sum_rc == 0)
        session->sum_rc = nn_session_sum(session, n, values);
    session->waited += nn_seconds() - begin;
    nn_trace_end(session->trace, NN_TRACE_STATISTICS, 0, begin);
}

void nn_session_clear_sums(nn_session *session) {
    memset(session->sums, 0, nn_session_own_microbatches(session) * sizeof *session->sums);
    session->sum_rc = 0;
}

const nn_shard_microbatches *nn_session_microbatches(const nn_session *session,
                                                     const nn_batch *batch) {
    return session->micro ? nn_microbatches_of(session->micro, batch) : NULL;
}

/* Microbatches stay whole. Else rows are dealt evenly; where speeds decide, what moves is whole
 * rows of a pass, of which nobody gets more than twice as many as others have on average, which
 * memory is made for, or less than one. */
#define MOST_SHARD 2
static int plan_shards(nn_session *session) {
    size_t size = (size_t)nn_comm_size(session->comm), rows = (size_t)session->pass_size;
    nn_shards *shards = &session->shards;
    nn_pool *pool = session->settings->root->pool; /* that of the configuration, as for choices */
    if (session->micro)
        return nn_shards_init(shards, pool, session->micro->tree.leaves, size);
    if (session->settings->train.balance == NN_BALANCE_EVEN || rows < size)
        return nn_shards_init(shards, pool, size, size);
    NN_TRY(nn_shards_init(shards, pool, rows, size));
    size_t most = (MOST_SHARD * rows + size - 1) / size, left = rows - (size - 1);
    shards->most = most < left ? most : left;
    return 0;
}

/* Memory is for one pass over a part of the minibatch. Evaluation takes at least 64 targets a rank
 * at once, so that small training minibatches do not slow it down. */
static int plan_batches(nn_session *session) {
    int64_t size = nn_comm_size(session->comm), wanted = session->settings->train.batch_size;
    int64_t positions = (int64_t)session->positions;
    int64_t least = (64 * size + positions - 1) / positions;
    bool supplied = session->data->split[0].supplied;
    if (supplied && !wanted)
        return nn_node_fail(session->settings->train.batch_size_node,
                            "the data set has no rows: give train.batch_size, the most rows that "
                            "all ranks together supply for a step");
    session->batch_size = wanted ? wanted : session->data->split[0].samples;
    int64_t passes = session->settings->train.accumulate;
    session->pass_size = (session->batch_size + passes - 1) / passes;
    if (passes > session->batch_size)
        return nn_node_fail(session->settings->train.batch_size_node,
                            "accumulate = %lld cuts minibatches of %lld samples into too many "
                            "passes",
                            (long long)passes, (long long)session->batch_size);
    session->eval_batch_size = session->pass_size > least ? session->pass_size : least;
    NN_TRY(plan_shards(session));
    if (session->micro) {
        plan_microbatches(session);
        return 0;
    }
    int64_t rows = most_samples(session->data);
    rows = rows < session->eval_batch_size && !supplied ? rows : session->eval_batch_size;
    session->capacity = nn_shards_most(&session->shards, (size_t)rows);
    return 0;
}

/* With microbatches, whose bits may depend on the blocks, whether there are some does not depend on
 * the number of ranks. */
static int plan_output(nn_session *session, bool whole) {
    size_t samples = session->micro ? (size_t)session->pass_size : session->capacity, rows,
           all = session->capacity * session->positions;
    NN_TRY(
        nn_plan_output_rows(session->settings, session->model, session->positions, samples, &rows));
    rows = whole ? 0 : rows;
    if (rows)
        nn_model_divide_output(session->model, rows);
    session->output_rows = rows && rows < all ? rows : all;
    return 0;
}

/* What steps and evaluation add up over the microbatches besides gradients. */
static int plan_sums(nn_session *session) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(session->model, &layer),
           most = session->metric_state + NN_EVALUATION_SUMS;
    for (size_t i = 0; i < layers; i++)
        most = layer[i]->global_sums > most ? layer[i]->global_sums : most;
    return session->micro ? nn_microbatches_plan_sums(session->micro, session->comm, most) : 0;
}

/* The name of a layer as the configuration has it. */
static const char *layer_name(const nn_node *layer) {
    if (layer->kind == NN_NODE_MAP && layer->count > 0)
        return layer->item[0]->key;
    return layer->text;
}

/* The row of the first layer of a list, or NULL. */
static const nn_layer_ops *first_of(const nn_node *layers) {
    if (!layers || layers->kind != NN_NODE_LIST || layers->count == 0)
        return NULL;
    const nn_node *item = layers->item[0];
    const nn_layer_ops *ops = (const nn_layer_ops *)nn_family_find(&nn_layers, layer_name(item));
    if (!ops || !ops->build || item->kind != NN_NODE_MAP)
        return ops;
    const nn_node *within = item->item[0];
    return first_of(within->kind == NN_NODE_LIST ? within : nn_node_get(within, "layers"));
}

static const nn_layer_ops *first_layer(const nn_session *session) {
    return first_of(session->settings->model);
}

bool nn_session_sees_images(const nn_session *session) {
    const nn_layer_ops *first = first_layer(session);
    return first && first->images;
}

/* Who flattens images at once does not care where their channels stood. */
static int check_layout(const nn_session *session) {
    const nn_layer_ops *first = first_layer(session);
    bool flattens = first && strcmp(first->entry.name, "flatten") == 0;
    return flattens ? 0 : nn_dataset_check_layout(session->data);
}

/* What was found out about the data is part of the effective configuration. */
static int resolve_layout(const nn_session *session) {
    nn_node *data = session->settings->data, *layout;
    if (!nn_shape_is_image(&session->data->split[0].x.shape))
        return 0;
    layout = nn_node_scalar(data->pool, nn_layout_names[session->data->settings.layout]);
    return layout ? nn_node_set(data, "layout", layout) : NN_EMEMORY;
}

static int plan_model(nn_session *session, const nn_loss_ops *loss) {
    NN_TRY(check_layout(session));
    NN_TRY(resolve_layout(session));
    NN_TRY(nn_model_plan(session->settings->model, session->data->split[0].x.shape, loss->fuses,
                         &session->model));
    nn_model_set_compute(session->model, &session->compute);
    nn_model_set_recompute(session->model, (nn_recompute)session->settings->train.recompute);
    NN_TRY(nn_model_indices(session->model, &session->data->pool, &session->indices));
    return check_lengths(session);
}

int nn_session_plan(nn_session *session, nn_comm *comm, nn_config *config, const nn_naming *trained,
                    bool whole_output) {
    const nn_loss_ops *loss;
    *session = (nn_session){.comm = comm};
    NN_TRY(nn_config_check(config));
    session->settings = nn_config_settings(config);
    NN_TRY(nn_dataset_open(session->settings->data, session->settings->given, &session->data));
    nn_dataset_say_unused(session->data);
    if (trained)
        NN_TRY(nn_dataset_match_features(session->data, trained));
    NN_TRY(nn_loss_pick(session->settings->loss, &loss));
    NN_TRY(plan_model(session, loss));
    NN_TRY(plan_outputs(session));
    if (trained)
        NN_TRY(nn_dataset_match_classes(session->data, trained));
    NN_TRY(check_output(session));
    NN_TRY(check_promises(session, loss));
    NN_TRY(plan_reproducible(session));
    NN_TRY(plan_batches(session));
    NN_TRY(plan_output(session, whole_output || session->data->split[0].supplied));
    NN_TRY(plan_loss(session));
    NN_TRY(plan_metrics(session));
    return plan_sums(session);
}

nn_real *nn_session_model_params(const nn_session *session) {
    return session->average ? session->average : session->params;
}
