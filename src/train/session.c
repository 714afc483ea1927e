#include "train/session.h"

#include "data/scan_targets.h"
#include "math/gemm/gemm.h"
#include "math/parallel.h"
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
        session->metric_state += layout->state;
        table += layout->rows * layout->columns;
    }
    if (table > NN_MAX_TABLE)
        return nn_node_fail(session->settings->validate.metrics_node,
                            "the tables of the metrics have %zu numbers together, more than %d: "
                            "leave out confusion or per_class",
                            table, NN_MAX_TABLE);
    return 0;
}

static int plan_metrics(nn_session *session) {
    const nn_settings *s = session->settings;
    session->metric_spec = nn_metric_spec_of(session->loss);
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
    return NN_NEW(&session->metric_sums,
                  nn_session_own_parts(session) * (session->metric_state + NN_EVALUATION_SUMS),
                  "metrics");
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
                        "the model ends with an image of %s, which cannot be compared with "
                        "targets: end it with flatten, or with dense layers behind "
                        "flatten",
                        nn_shape_text(&shape, text));
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

static int plan_loss(nn_session *session) {
    const nn_split *split = &session->data->split[0];
    if (!split->has_y)
        return nn_fail(NN_EFORMAT, "%s: '%s' has no y, so there is nothing to learn",
                       session->data->path, split->name);
    NN_TRY(balance_classes(session));
    if (nn_split_has_labels(split))
        NN_TRY(nn_dataset_check_class_count(session->data, nn_loss_classes(session->outputs)));
    nn_data_traits data = nn_data_traits_of(session->data);
    nn_loss_spec spec =
        nn_loss_spec_of(&data, session->outputs, session->capacity * session->positions);
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

/* Most rows of a microbatch. */
static size_t part_rows(const nn_session *session) {
    size_t leaves = session->micro->tree.leaves;
    return ((size_t)session->pass_size + leaves - 1) / leaves;
}

/* Evaluation goes by minibatches of the same size, which does not depend on the ranks either. */
static void plan_microbatches(nn_session *session) {
    session->eval_batch_size = session->pass_size;
    session->capacity = nn_microbatches_own(session->micro) * part_rows(session);
}

/* More ranks than microbatches can still evaluate, each for its own share of rows. */
static int plan_reproducible(nn_session *session) {
    const nn_settings *s = session->settings;
    bool cut = s->train.reproducible && nn_comm_size(session->comm) <= s->train.microbatches;
    session->compute.fixed_tiles = cut;
    if (!cut)
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

size_t nn_session_own_parts(const nn_session *session) {
    return session->micro ? nn_microbatches_own(session->micro) : 1;
}

int nn_session_sum(const nn_session *session, size_t n, double *values) {
    return session->micro ? nn_tree_sum_doubles(session->micro->sums, n, values)
                          : nn_comm_sum(session->comm, values, n);
}

void nn_session_sum_statistics(void *ctx, size_t n, double *values) {
    nn_session *session = ctx;
    if (session->sum_rc == 0)
        session->sum_rc = nn_session_sum(session, n, values);
}

void nn_session_clear_sums(nn_session *session) {
    memset(session->sums, 0, nn_session_own_parts(session) * sizeof *session->sums);
    session->sum_rc = 0;
}

const nn_parts *nn_session_parts(const nn_session *session, const nn_batch *batch) {
    return session->micro ? nn_microbatches_of(session->micro, batch) : NULL;
}

/* Memory is for one pass over a part of the minibatch. Evaluation takes at least 64 rows a rank at
 * once, so that small training minibatches do not slow it down. */
static int plan_batches(nn_session *session) {
    int64_t size = nn_comm_size(session->comm), wanted = session->settings->train.batch_size;
    session->batch_size = wanted ? wanted : session->data->split[0].samples;
    int64_t passes = session->settings->train.accumulate;
    session->pass_size = (session->batch_size + passes - 1) / passes;
    if (passes > session->batch_size)
        return nn_node_fail(session->settings->train.batch_size_node,
                            "accumulate = %lld cuts minibatches of %lld samples into too many "
                            "passes",
                            (long long)passes, (long long)session->batch_size);
    session->eval_batch_size = session->pass_size > 64 * size ? session->pass_size : 64 * size;
    if (session->micro) {
        plan_microbatches(session);
        return 0;
    }
    int64_t rows = most_samples(session->data);
    rows = rows < session->eval_batch_size ? rows : session->eval_batch_size;
    session->capacity = (size_t)((rows + size - 1) / size);
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

static bool begins_with(const nn_session *session, const char *const *names) {
    const nn_node *layers = session->settings->model;
    bool found = false;
    for (; layers->count > 0 && *names; names++)
        found = found || strcmp(layer_name(layers->item[0]), *names) == 0;
    return found;
}

bool nn_session_sees_images(const nn_session *session) {
    static const char *const names[] = {"conv2d",  "max_pool", "avg_pool", "global_avg_pool",
                                        "flatten", "reshape",  NULL};
    return begins_with(session, names);
}

/* Who flattens images at once does not care where their channels stood. */
static int check_layout(const nn_session *session) {
    static const char *const flatten[] = {"flatten", NULL};
    return begins_with(session, flatten) ? 0 : nn_dataset_check_layout(session->data);
}

/* What was found out about the data is part of the effective configuration. */
static int settle_layout(const nn_session *session) {
    nn_node *data = session->settings->data, *layout;
    if (session->data->split[0].x.shape.rank != 3)
        return 0;
    layout = nn_node_scalar(data->pool, nn_layout_names[session->data->settings.layout]);
    return layout ? nn_node_set(data, "layout", layout) : NN_EMEMORY;
}

int nn_session_plan(nn_session *session, nn_comm *comm, nn_config *config,
                    const nn_naming *trained) {
    const nn_loss_ops *loss;
    *session = (nn_session){.comm = comm};
    NN_TRY(nn_config_check(config));
    session->settings = nn_config_settings(config);
    NN_TRY(nn_dataset_open(session->settings->data, &session->data));
    nn_dataset_say_unused(session->data);
    if (trained)
        NN_TRY(nn_dataset_match_features(session->data, trained));
    NN_TRY(check_layout(session));
    NN_TRY(settle_layout(session));
    NN_TRY(nn_loss_pick(session->settings->loss, &loss));
    NN_TRY(nn_model_new(session->settings->model, session->data->split[0].x.shape, loss->fuses,
                        &session->model));
    nn_model_set_compute(session->model, &session->compute);
    NN_TRY(plan_outputs(session));
    if (trained)
        NN_TRY(nn_dataset_match_classes(session->data, trained));
    NN_TRY(check_output(session));
    NN_TRY(plan_reproducible(session));
    NN_TRY(plan_batches(session));
    NN_TRY(plan_loss(session));
    NN_TRY(plan_metrics(session));
    return plan_sums(session);
}

static void cut_model(const nn_session *session, size_t stride) {
    if (session->micro)
        nn_model_set_microbatches(session->model, nn_microbatches_own(session->micro),
                                  part_rows(session), stride);
}

/* Memory for training, where the backend of the gradient sum decides who holds what. */
static int allocate_state(nn_session *session) {
    const nn_choice *choice = &session->settings->train.optimizer;
    session->optimizer = (const nn_optimizer_ops *)choice->row;
    session->slots = session->optimizer->slots(choice->options, session->slot_name);
    if (session->average)
        session->slot_name[session->slots] = "trained";
    for (size_t i = 0; i < session->slots; i++)
        NN_TRY(
            NN_NEW(&session->slot[i], nn_reducer_share(session->reducer) + 1, "optimiser state"));
    NN_TRY(NN_NEW(&session->sums, nn_session_own_parts(session), "sums of a step"));
    cut_model(session, nn_reducer_stride(session->reducer));
    NN_TRY(nn_model_bind(session->model, session->params, nn_reducer_grads(session->reducer),
                         session->capacity));
    return nn_gemm_check_memory(&session->compute);
}

static int allocate_parameters(nn_session *session) {
    NN_TRY(NN_NEW(&session->params, nn_model_size(session->model), "parameters"));
    cut_model(session, 0);
    NN_TRY(nn_model_bind(session->model, session->params, NULL, session->capacity));
    return nn_gemm_check_memory(&session->compute);
}

/* Gradients that are outer products; none where layers add those of several passes. */
static size_t list_outer(const nn_session *session, nn_outer_grad *grad, nn_outer_matrix *matrix) {
    const nn_layer *const *layer;
    const nn_settings *s = session->settings;
    bool adds = s->train.accumulate > 1 && !nn_settings_sums_passes(s);
    size_t count = adds ? 0 : nn_model_outer_grads(session->model, grad);
    nn_model_layers(session->model, &layer);
    for (size_t i = 0; i < count; i++)
        matrix[i] = (nn_outer_matrix){layer[grad[i].layer]->param[0].offset, grad[i].m, grad[i].n};
    return count;
}

static int make_reducer(nn_session *session, nn_reduce_spec *spec) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(session->model, &layer);
    nn_outer_grad *grad = NULL;
    nn_outer_matrix *matrix = NULL;
    int rc = 0;
    NN_TRY_GOTO(NN_NEW(&grad, layers, "outer-product gradients"));
    NN_TRY_GOTO(NN_NEW(&matrix, layers, "outer-product gradients"));
    spec->outer = matrix;
    spec->outer_count = list_outer(session, grad, matrix);
done:
    rc = nn_comm_agree(session->comm, rc);
    if (rc == 0)
        rc = nn_reducer_new(spec, &session->reducer);
    for (size_t i = 0; rc == 0 && i < spec->outer_count; i++)
        if (nn_reducer_wants_rows(session->reducer, i))
            nn_model_hand_over(session->model, grad[i].layer, nn_reducer_put_rows, i);
    nn_free(grad);
    nn_free(matrix);
    return rc;
}

int nn_session_allocate(nn_session *session, const nn_reduce_ops *ops, void *ctx) {
    bool average = session->settings->train.ema_node != NULL;
    nn_reduce_spec spec = {.comm = session->comm,
                           .compute = &session->compute,
                           .choice = (nn_reduce_choice)session->settings->train.reduce,
                           .n = nn_model_size(session->model),
                           .vectors = average ? 2 : 1,
                           .tree = session->micro ? &session->micro->tree : NULL,
                           .compress = session->settings->train.compress == NN_COMPRESS_BF16,
                           .rows = (size_t)session->pass_size,
                           .ops = &session->ops,
                           .ctx = ctx};
    if (!ops)
        return nn_comm_agree(session->comm, allocate_parameters(session));
    session->ops = *ops;
    NN_TRY(make_reducer(session, &spec));
    session->params = nn_reducer_vector(session->reducer, 0);
    if (average)
        session->average = nn_reducer_vector(session->reducer, 1);
    return nn_comm_agree(session->comm, allocate_state(session));
}

void nn_session_release(nn_session *session) {
    nn_loss_free(session->loss);
    nn_model_free(session->model);
    nn_dataset_close(session->data);
    nn_free(session->metric_sums);
    nn_free(session->sums);
    if (!session->reducer)
        nn_free(session->params);
    nn_reducer_free(session->reducer);
    nn_microbatches_free(session->micro);
    for (size_t i = 0; i < session->slots; i++)
        nn_free(session->slot[i]);
    *session = (nn_session){0};
}

int nn_session_validation_split(const nn_session *session, const char **split) {
    const char *wanted = session->settings->validate.split;
    *split = NULL;
    if (wanted && *wanted) {
        const nn_split *found;
        int rc = nn_dataset_choose(session->data, wanted, &found);
        if (rc < 0)
            return nn_error_prefix(rc, "validate.split");
        *split = wanted;
    } else if (nn_dataset_split(session->data, "valid")) {
        *split = "valid";
    } else if (nn_dataset_split(session->data, "test")) {
        *split = "test";
    }
    return 0;
}

/* The loader refuses it as well, but does not know where it was configured. */
static int check_batch_size(const nn_session *session, const char *split, int64_t batch_size) {
    const nn_split *found;
    NN_TRY(nn_dataset_find(session->data, split, &found));
    if (batch_size <= found->samples)
        return 0;
    return nn_node_fail(session->settings->train.batch_size_node,
                        "batch_size = %lld of train is larger than the %lld samples of '%s' in "
                        "%s; make it at most that, or `all`",
                        (long long)batch_size, (long long)found->samples, split,
                        session->data->path);
}

/* Where all cores compute, a thread that only copies from memory makes nothing faster. */
static bool wants_thread(const nn_session *session) {
    const nn_data_settings *settings = &session->data->settings;
    bool spare = nn_cores_available() >
                 nn_compute_threads(&session->compute) * nn_comm_node_size(session->comm);
    if (settings->prefetch == NN_PREFETCH_AUTO)
        return settings->memory > 0 || spare;
    return settings->prefetch == NN_PREFETCH_ON;
}

static int open_loader(const nn_session *session, const char *split, int64_t batch_size,
                       bool shuffle, bool shared, nn_loader **out) {
    const nn_data_settings *data = &session->data->settings;
    if (shuffle)
        NN_TRY(check_batch_size(session, split, batch_size));
    nn_loader_spec spec = {.dataset = session->data,
                           .compute = &session->compute,
                           .split = split,
                           .rank = nn_comm_rank(session->comm),
                           .size = nn_comm_size(session->comm),
                           .batch_size = batch_size,
                           .passes = shuffle ? session->settings->train.accumulate : 1,
                           .parts = session->micro ? session->settings->train.microbatches : 0,
                           .shuffle = shuffle,
                           .training = shuffle,
                           .vocabulary = nn_model_vocabulary(session->model),
                           .memory_limit = (uint64_t)(data->memory * 1048576),
                           .shuffle_buffer = data->memory > 0,
                           .prefetch = shuffle && wants_thread(session),
                           .shared = shared,
                           .sharers = nn_comm_node_size(session->comm),
                           .seed = (uint64_t)session->settings->train.seed};
    return nn_loader_new(&spec, out);
}

int nn_session_loader(const nn_session *session, const char *split, int64_t batch_size,
                      bool shuffle, nn_loader **out) {
    return open_loader(session, split, batch_size, shuffle, false, out);
}

int nn_session_loader_shared(const nn_session *session, const char *split, int64_t batch_size,
                             bool shuffle, nn_loader **out) {
    return open_loader(session, split, batch_size, shuffle, true, out);
}

/* Where shared memory is short, each rank has its own samples. */
static void *share_memory(nn_session *session, size_t bytes, nn_node_buffer **shared) {
    *shared = NULL;
    if (nn_comm_size(session->comm) == nn_comm_nodes(session->comm))
        return NULL;
    if (nn_node_buffer_new(session->comm, bytes, shared) == 0)
        return nn_node_buffer_data(*shared);
    nn_error_clear();
    return NULL;
}

int nn_session_fill(nn_session *session, nn_loader *loader, nn_node_buffer **shared) {
    void *memory = share_memory(session, nn_loader_bytes(loader), shared);
    int part = memory ? nn_comm_node_rank(session->comm) : 0;
    int parts = memory ? nn_comm_node_size(session->comm) : 1;
    return nn_comm_agree(session->comm, nn_loader_fill(loader, memory, part, parts));
}

nn_real *nn_session_model_params(const nn_session *session) {
    return session->average ? session->average : session->params;
}
