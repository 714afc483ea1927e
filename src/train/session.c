#include "train/session.h"

#include "math/gemm/gemm.h"
#include "math/parallel.h"
#include "train/update.h"

#include <string.h>

/* Samples of the largest split. */
static int64_t most_samples(const nn_dataset *data) {
    int64_t most = 0;
    for (size_t i = 0; i < data->splits; i++)
        most = data->split[i].samples > most ? data->split[i].samples : most;
    return most;
}

/* The default metrics depend on the data, so only now is it known that `who`'s is there. */
static int check_watched(const nn_job *job, const char *watched, const nn_node *who_node,
                         const char *who) {
    const nn_metric_ops *found = NULL;
    for (size_t i = 0; i < job->metrics; i++)
        if (strcmp(job->metric[i].row->name, watched) == 0)
            found = (const nn_metric_ops *)job->metric[i].row;
    if (found && found->table_only)
        return nn_node_fail(who_node, "%s looks at one number, but '%s' is a table", who, watched);
    if (found || strcmp(watched, "loss") == 0)
        return 0;
    return nn_node_fail(who_node, "%s looks at '%s': add it to validate.metrics", who, watched);
}

/* State and tables of the metrics that were chosen. */
static int plan_layouts(nn_job *job) {
    size_t table = 0;
    for (size_t i = 0; i < job->metrics; i++) {
        const nn_metric_ops *ops = (const nn_metric_ops *)job->metric[i].row;
        nn_metric_layout *layout = &job->metric_layout[i];
        NN_TRY(ops->plan(job->metric[i].options, &job->metric_spec, layout));
        job->metric_state += layout->state;
        table += layout->rows * layout->columns;
    }
    if (table > NN_MAX_TABLE)
        return nn_node_fail(job->settings->validate.metrics_node,
                            "the tables of the metrics have %zu numbers together, more than %d: "
                            "leave out confusion or per_class",
                            table, NN_MAX_TABLE);
    return 0;
}

static int plan_metrics(nn_job *job) {
    const nn_settings *s = job->settings;
    job->metric_spec = nn_metric_spec_of(job->loss);
    job->metric_spec.samples = most_samples(job->data) * (int64_t)job->positions;
    job->metrics = s->validate.metrics;
    memcpy(job->metric, s->validate.metric, sizeof job->metric);
    if (!s->validate.metrics_node && job->metric_spec.labels) {
        job->metric[0] = (nn_choice){nn_family_find(&nn_metrics, "accuracy"), NULL};
        job->metrics = 1;
    }
    NN_TRY(plan_layouts(job));
    NN_TRY(check_watched(job, s->validate.stopping.metric, s->validate.stopping_node,
                         "early stopping"));
    const nn_schedule_ops *schedule = (const nn_schedule_ops *)s->train.schedule.row;
    if (schedule->watches)
        NN_TRY(check_watched(job, schedule->watches(s->train.schedule.options),
                             s->train.schedule_node, "the schedule"));
    return NN_NEW(&job->metric_sums,
                  nn_job_own_parts(job) * (job->metric_state + NN_EVALUATION_SUMS), "metrics");
}

/* In memory images are channels-last, so that their order is not the one of the targets; and the
 * rows of a matrix are no classes of one target. */
static int check_output(const nn_job *job) {
    nn_shape shape = nn_model_output_shape(job->model);
    const nn_node *layers = job->settings->model, *last = layers->item[layers->count - 1];
    const nn_split *split = &job->data->split[0];
    char text[NN_SHAPE_TEXT];
    bool one_class = split->has_y && nn_split_has_labels(split) && job->positions == 1;
    if (shape.rank == 2 && shape.dim[0] > 1 && one_class)
        return nn_node_fail(last,
                            "the model gives %s for each sample, but the target of one is one "
                            "class of %lld: put `flatten` before the last dense layer, so that it "
                            "gives a row of %lld",
                            nn_shape_text(&shape, text), (long long)job->data->classes,
                            (long long)shape.dim[1]);
    if (shape.rank < 3)
        return 0;
    return nn_node_fail(last,
                        "the model ends with an image of %s, which cannot be compared with "
                        "targets: end it with flatten, or with dense layers behind "
                        "flatten",
                        nn_shape_text(&shape, text));
}

static int plan_loss(nn_job *job) {
    const nn_split *split = &job->data->split[0];
    if (!split->has_y)
        return nn_fail(NN_EFORMAT, "%s: '%s' has no y, so there is nothing to learn",
                       job->data->path, split->name);
    NN_TRY(nn_job_balance(job));
    if (nn_split_has_labels(split))
        NN_TRY(nn_dataset_check_class_count(job->data, nn_loss_classes(job->outputs)));
    nn_data_traits data = nn_data_traits_of(job->data);
    nn_loss_spec spec = nn_loss_spec_of(&data, job->outputs, job->capacity * job->positions);
    NN_TRY(nn_loss_new(job->settings->loss, &spec, &job->loss));
    return nn_job_check_targets(job);
}

/* Where the model gives [P, C] and y is [N, P] of integers, they are the classes of the P
 * positions. The outputs are then those of one of them. */
static int plan_outputs(nn_job *job) {
    nn_shape output = nn_model_output_shape(job->model);
    const nn_split *split = &job->data->split[0];
    bool by_position = split->has_y && split->y.shape.rank == 1 &&
                       nn_dtype_is_integer(split->y.type) && output.rank == 2 &&
                       output.dim[0] == split->y.shape.dim[0] && output.dim[1] > 1;
    if (by_position)
        NN_TRY(nn_dataset_label_positions(job->data));
    job->positions = nn_split_positions(split);
    job->outputs = nn_shape_count(&output) / job->positions;
    return 0;
}

/* Most rows of a microbatch. */
static size_t part_rows(const nn_job *job) {
    size_t leaves = job->micro->tree.leaves;
    return ((size_t)job->pass_size + leaves - 1) / leaves;
}

/* Evaluation goes by minibatches of the same size, which does not depend on the ranks either. */
static void plan_microbatches(nn_job *job) {
    job->eval_batch_size = job->pass_size;
    job->capacity = nn_microbatches_own(job->micro) * part_rows(job);
}

/* More ranks than microbatches can still evaluate, each for its own share of rows. */
static int plan_reproducible(nn_job *job) {
    const nn_settings *s = job->settings;
    bool cut = s->train.reproducible && nn_comm_size(job->comm) <= s->train.microbatches;
    nn_gemm_fix_tiles(cut);
    if (!cut)
        return 0;
    return nn_microbatches_new(job->comm, (size_t)s->train.microbatches, &job->micro);
}

nn_batch nn_job_rows(const nn_job *job, const nn_batch *batch, size_t begin, size_t end) {
    nn_shape input = nn_model_input_shape(job->model);
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

size_t nn_job_own_parts(const nn_job *job) {
    return job->micro ? nn_microbatches_own(job->micro) : 1;
}

int nn_job_sum(const nn_job *job, size_t n, double *values) {
    return job->micro ? nn_tree_sum_doubles(job->micro->sums, n, values)
                      : nn_comm_sum(job->comm, values, n);
}

const nn_parts *nn_job_parts(const nn_job *job, const nn_batch *batch) {
    return job->micro ? nn_microbatches_cut(job->micro, batch) : NULL;
}

/* Memory is for one pass over a part of the minibatch. Evaluation takes at least 64 rows a rank at
 * once, so that small training minibatches do not slow it down. */
static int plan_batches(nn_job *job) {
    int64_t size = nn_comm_size(job->comm), wanted = job->settings->train.batch_size;
    job->batch_size = wanted ? wanted : job->data->split[0].samples;
    int64_t passes = job->settings->train.accumulate;
    job->pass_size = (job->batch_size + passes - 1) / passes;
    if (passes > job->batch_size)
        return nn_node_fail(job->settings->train.batch_size_node,
                            "accumulate = %lld cuts minibatches of %lld samples into too many "
                            "passes",
                            (long long)passes, (long long)job->batch_size);
    job->eval_batch_size = job->pass_size > 64 * size ? job->pass_size : 64 * size;
    if (job->micro) {
        plan_microbatches(job);
        return 0;
    }
    int64_t rows = most_samples(job->data);
    rows = rows < job->eval_batch_size ? rows : job->eval_batch_size;
    job->capacity = (size_t)((rows + size - 1) / size);
    return 0;
}

/* What steps and evaluation add up over the microbatches besides gradients. */
static int plan_sums(nn_job *job) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(job->model, &layer),
           most = job->metric_state + NN_EVALUATION_SUMS;
    for (size_t i = 0; i < layers; i++)
        most = layer[i]->global_sums > most ? layer[i]->global_sums : most;
    return job->micro ? nn_microbatches_plan_sums(job->micro, job->comm, most) : 0;
}

/* The name of a layer as the configuration has it. */
static const char *layer_name(const nn_node *layer) {
    if (layer->kind == NN_NODE_MAP && layer->count > 0)
        return layer->item[0]->key;
    return layer->text;
}

static bool begins_with(const nn_job *job, const char *const *names) {
    const nn_node *layers = job->settings->model;
    bool found = false;
    for (; layers->count > 0 && *names; names++)
        found = found || strcmp(layer_name(layers->item[0]), *names) == 0;
    return found;
}

bool nn_job_sees_images(const nn_job *job) {
    static const char *const names[] = {"conv2d",  "max_pool", "avg_pool", "global_avg_pool",
                                        "flatten", "reshape",  NULL};
    return begins_with(job, names);
}

/* Who flattens images at once does not care where their channels stood. */
static int check_layout(const nn_job *job) {
    static const char *const flatten[] = {"flatten", NULL};
    return begins_with(job, flatten) ? 0 : nn_dataset_check_layout(job->data);
}

/* What was found out about the data is part of the effective configuration. */
static int settle_layout(const nn_job *job) {
    nn_node *data = job->settings->data, *layout;
    if (job->data->split[0].x.shape.rank != 3)
        return 0;
    layout = nn_node_scalar(data->pool, nn_layout_names[job->data->settings.layout]);
    return layout ? nn_node_set(data, "layout", layout) : NN_EMEMORY;
}

int nn_job_plan(nn_job *job, nn_comm *comm, nn_config *config, const nn_naming *trained) {
    const nn_loss_ops *loss;
    *job = (nn_job){.comm = comm};
    NN_TRY(nn_config_check(config));
    job->settings = nn_config_settings(config);
    NN_TRY(nn_dataset_open(job->settings->data, &job->data));
    nn_dataset_say_unused(job->data);
    if (trained)
        NN_TRY(nn_dataset_match_features(job->data, trained));
    NN_TRY(check_layout(job));
    NN_TRY(settle_layout(job));
    NN_TRY(nn_loss_pick(job->settings->loss, &loss));
    NN_TRY(
        nn_model_new(job->settings->model, job->data->split[0].x.shape, loss->fuses, &job->model));
    NN_TRY(plan_outputs(job));
    if (trained)
        NN_TRY(nn_dataset_match_classes(job->data, trained));
    NN_TRY(check_output(job));
    NN_TRY(plan_reproducible(job));
    NN_TRY(plan_batches(job));
    NN_TRY(plan_loss(job));
    NN_TRY(plan_metrics(job));
    return plan_sums(job);
}

static void cut_model(const nn_job *job, size_t stride) {
    if (job->micro)
        nn_model_cut(job->model, nn_microbatches_own(job->micro), part_rows(job), stride);
}

/* Memory for training, where the way gradients are summed decides who holds what. */
static int allocate_state(nn_job *job) {
    const nn_choice *choice = &job->settings->train.optimizer;
    job->optimizer = (const nn_optimizer_ops *)choice->row;
    job->slots = job->optimizer->slots(choice->options, job->slot_name);
    if (job->average)
        job->slot_name[job->slots] = "trained";
    for (size_t i = 0; i < job->slots; i++)
        NN_TRY(NN_NEW(&job->slot[i], nn_reducer_share(job->reducer) + 1, "optimiser state"));
    cut_model(job, nn_reducer_stride(job->reducer));
    NN_TRY(nn_model_bind(job->model, job->params, nn_reducer_grads(job->reducer), job->capacity));
    return nn_gemm_check_memory();
}

static int allocate_parameters(nn_job *job) {
    NN_TRY(NN_NEW(&job->params, nn_model_size(job->model), "parameters"));
    cut_model(job, 0);
    NN_TRY(nn_model_bind(job->model, job->params, NULL, job->capacity));
    return nn_gemm_check_memory();
}

/* Gradients that may go by their factors: not where layers add those of several passes. */
static size_t list_factored(const nn_job *job, nn_outer_grad *grad, nn_factored *factored) {
    const nn_layer *const *layer;
    const nn_settings *s = job->settings;
    bool adds = s->train.accumulate > 1 && !nn_updater_carries(s);
    size_t count = adds ? 0 : nn_model_outer_grads(job->model, grad);
    nn_model_layers(job->model, &layer);
    for (size_t i = 0; i < count; i++)
        factored[i] = (nn_factored){layer[grad[i].layer]->param[0].offset, grad[i].m, grad[i].n};
    return count;
}

static int make_reducer(nn_job *job, nn_reduce_spec *spec) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(job->model, &layer);
    nn_outer_grad *grad = NULL;
    nn_factored *factored = NULL;
    int rc = 0;
    NN_TRY_GOTO(NN_NEW(&grad, layers, "gradient factors"));
    NN_TRY_GOTO(NN_NEW(&factored, layers, "gradient factors"));
    spec->factored = factored;
    spec->factored_count = list_factored(job, grad, factored);
done:
    rc = nn_comm_agree(job->comm, rc);
    if (rc == 0)
        rc = nn_reducer_new(spec, &job->reducer);
    for (size_t i = 0; rc == 0 && i < spec->factored_count; i++)
        if (nn_reducer_takes_factors(job->reducer, i))
            nn_model_hand_over(job->model, grad[i].layer, nn_reducer_put, i);
    nn_free(grad);
    nn_free(factored);
    return rc;
}

int nn_job_allocate(nn_job *job, const nn_reduce_ops *ops, void *ctx) {
    const nn_param *const *param;
    bool average = job->settings->train.ema_node != NULL;
    nn_reduce_spec spec = {.comm = job->comm,
                           .way = (nn_reduce_way)job->settings->train.reduce,
                           .n = nn_model_size(job->model),
                           .vectors = average ? 2 : 1,
                           .values = nn_updater_values(nn_model_size(job->model),
                                                       nn_model_params(job->model, &param),
                                                       (size_t)nn_comm_node_size(job->comm)),
                           .tree = job->micro ? &job->micro->tree : NULL,
                           .compress = job->settings->train.compress == NN_COMPRESS_BF16,
                           .rows = (size_t)job->pass_size,
                           .ops = &job->ops,
                           .ctx = ctx};
    if (!ops)
        return nn_comm_agree(job->comm, allocate_parameters(job));
    job->ops = *ops;
    NN_TRY(make_reducer(job, &spec));
    job->params = nn_reducer_vector(job->reducer, 0);
    if (average)
        job->average = nn_reducer_vector(job->reducer, 1);
    return nn_comm_agree(job->comm, allocate_state(job));
}

void nn_job_release(nn_job *job) {
    nn_loss_free(job->loss);
    nn_model_free(job->model);
    nn_dataset_close(job->data);
    nn_free(job->metric_sums);
    if (!job->reducer)
        nn_free(job->params);
    nn_reducer_free(job->reducer);
    nn_microbatches_free(job->micro);
    for (size_t i = 0; i < job->slots; i++)
        nn_free(job->slot[i]);
    *job = (nn_job){0};
}

int nn_job_validation_split(const nn_job *job, const char **split) {
    const char *wanted = job->settings->validate.split;
    *split = NULL;
    if (wanted && *wanted) {
        const nn_split *found;
        int rc = nn_dataset_choose(job->data, wanted, &found);
        if (rc < 0)
            return nn_error_prefix(rc, "validate.split");
        *split = wanted;
    } else if (nn_dataset_split(job->data, "valid")) {
        *split = "valid";
    } else if (nn_dataset_split(job->data, "test")) {
        *split = "test";
    }
    return 0;
}

/* The loader refuses it as well, but does not know where it was configured. */
static int check_batch_size(const nn_job *job, const char *split, int64_t batch_size) {
    const nn_split *found;
    NN_TRY(nn_dataset_find(job->data, split, &found));
    if (batch_size <= found->samples)
        return 0;
    return nn_node_fail(job->settings->train.batch_size_node,
                        "batch_size = %lld of train is larger than the %lld samples of '%s' in "
                        "%s; make it at most that, or `all`",
                        (long long)batch_size, (long long)found->samples, split, job->data->path);
}

/* Where all cores compute, a thread that only copies from memory makes nothing faster. */
static bool wants_thread(const nn_job *job) {
    const nn_data_settings *settings = &job->data->settings;
    bool spare = nn_cores_available() > nn_threads() * nn_comm_node_size(job->comm);
    if (settings->prefetch == NN_PREFETCH_AUTO)
        return settings->memory > 0 || spare;
    return settings->prefetch == NN_PREFETCH_ON;
}

static int open_loader(const nn_job *job, const char *split, int64_t batch_size, bool shuffle,
                       bool shared, nn_loader **out) {
    const nn_data_settings *data = &job->data->settings;
    if (shuffle)
        NN_TRY(check_batch_size(job, split, batch_size));
    nn_loader_spec spec = {.dataset = job->data,
                           .split = split,
                           .rank = nn_comm_rank(job->comm),
                           .size = nn_comm_size(job->comm),
                           .batch_size = batch_size,
                           .passes = shuffle ? job->settings->train.accumulate : 1,
                           .parts = job->micro ? job->settings->train.microbatches : 0,
                           .shuffle = shuffle,
                           .training = shuffle,
                           .vocabulary = nn_model_vocabulary(job->model),
                           .memory_limit = (uint64_t)(data->memory * 1048576),
                           .windows = data->memory > 0,
                           .prefetch = shuffle && wants_thread(job),
                           .shared = shared,
                           .sharers = nn_comm_node_size(job->comm),
                           .seed = (uint64_t)job->settings->train.seed};
    return nn_loader_new(&spec, out);
}

int nn_job_loader(const nn_job *job, const char *split, int64_t batch_size, bool shuffle,
                  nn_loader **out) {
    return open_loader(job, split, batch_size, shuffle, false, out);
}

int nn_job_loader_shared(const nn_job *job, const char *split, int64_t batch_size, bool shuffle,
                         nn_loader **out) {
    return open_loader(job, split, batch_size, shuffle, true, out);
}

/* Where shared memory is short, each rank has its own samples. */
static void *share_memory(nn_job *job, size_t bytes, nn_shared **shared) {
    *shared = NULL;
    if (nn_comm_size(job->comm) == nn_comm_nodes(job->comm))
        return NULL;
    if (nn_shared_new(job->comm, bytes, shared) == 0)
        return nn_shared_memory(*shared);
    nn_error_clear();
    return NULL;
}

int nn_job_fill(nn_job *job, nn_loader *loader, nn_shared **shared) {
    void *memory = share_memory(job, nn_loader_bytes(loader), shared);
    int part = memory ? nn_comm_node_rank(job->comm) : 0;
    int parts = memory ? nn_comm_node_size(job->comm) : 1;
    return nn_comm_agree(job->comm, nn_loader_fill(loader, memory, part, parts));
}

nn_real *nn_job_model_params(const nn_job *job) {
    return job->average ? job->average : job->params;
}
