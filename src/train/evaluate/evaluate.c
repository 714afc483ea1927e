/* Evaluation: sums over samples, added over minibatches and ranks, so that every sample counts once
 * whatever the number of ranks. */
#include "base/log.h"
#include "base/system/work.h"
#include "base/text.h"
#include "comm/heartbeat.h"
#include "io/files/file.h"
#include "math/float_mode.h"
#include "math/parallel.h"
#include "train/checkpoint/checkpoint_folder.h"
#include "train/evaluate/evaluation.h"
#include "train/session/session.h"

#include <stdio.h>
#include <string.h>

/* Samples that their label tells to ignore. */
static double count_ignored(const nn_session *session, const nn_output_part *part) {
    double ignored = 0;
    for (size_t i = 0; session->positions == 1 && part->target.label && i < part->count; i++)
        ignored += part->target.label[i] < 0;
    return ignored;
}

/* The state of the next metric, in the one that is told apart by microbatches or the other. */
static double *next_state(const nn_metric_layout *layout, double **state, double **exact) {
    double **from = layout->exact ? exact : state, *begin = *from;
    *from += layout->state;
    return begin;
}

int nn_session_add_metrics(const nn_session *session, const nn_output_part *part, double *state,
                           double *exact) {
    for (size_t i = 0; i < session->metrics; i++) {
        const nn_metric_ops *ops = (const nn_metric_ops *)session->metric[i].row;
        ops->add(session->metric[i].options, &session->metric_spec, part->count, part->z,
                 &part->target, next_state(&session->metric_layout[i], &state, &exact));
        if (ops->fault)
            NN_TRY(ops->fault(session->metric[i].options));
    }
    return 0;
}

/* An evaluation's sums [microbatches]: loss, weight, ignored samples, then the state of each
 * metric. Those of exact ones are behind them all, once. */
struct adding {
    const nn_session *session;
    double *sums, *exact;
    int rc;
};

static void add_part(void *ctx, const nn_output_part *part) {
    struct adding *a = ctx;
    const nn_session *session = a->session;
    double *sums = a->sums + part->micro * (session->metric_state + NN_EVALUATION_SUMS);
    nn_loss_sum loss = {0};
    if (a->rc < 0)
        return;
    nn_loss_eval(session->loss, part->count, part->z, &part->target, &loss, NULL);
    sums[0] += loss.loss;
    sums[1] += loss.weight;
    sums[2] += count_ignored(session, part);
    a->rc = nn_session_add_metrics(session, part, sums + NN_EVALUATION_SUMS, a->exact);
}

static double *exact_sums(const nn_session *session) {
    return session->metric_sums + nn_session_metric_sums(session) - session->metric_exact;
}

/* Adds a shard to the sums, each microbatch to its own. */
static int add_batch(nn_session *session, const nn_batch *batch) {
    nn_pass pass = {.batch = batch->count,
                    .sample = batch->sample,
                    .length = batch->length,
                    .micro = nn_session_microbatches(session, batch)};
    struct adding a = {session, session->metric_sums, exact_sums(session), 0};
    nn_model_forward(session->model, &pass, batch->x);
    nn_session_output(session, &pass, batch, add_part, &a);
    NN_TRY(a.rc);
    return nn_session_fault(session);
}

static int add_all(nn_session *session, nn_loader *loader, const char *split) {
    nn_batch batch;
    int rc = 0;
    for (int64_t i = 0; i < nn_loader_batches(loader); i++) {
        nn_comm_at(session->comm, NN_PHASE_EVALUATE);
        nn_work("evaluating", split, i, nn_loader_batches(loader));
        NN_TRY_GOTO(nn_loader_batch(loader, 0, i, &batch));
        NN_TRY_GOTO(add_batch(session, &batch));
    }
done:
    nn_work_end();
    return rc;
}

/* Classes of which at least one is called otherwise than by its place. */
static size_t named_classes(const nn_session *session) {
    const nn_dataset *data = session->data;
    size_t classes = data->classes > 0 ? nn_loss_classes(session->outputs) : 0;
    bool named = data->class_names || data->first_class != 0;
    return named && classes <= NN_NAMED_CLASSES ? classes : 0;
}

/* Ends where a character does. */
static void copy_name(char out[NN_CLASS_TEXT], const char *name) {
    size_t length = 0, next;
    while ((next = name[length] ? nn_text_utf8(name + length) : 0) && length + next < NN_CLASS_TEXT)
        length += next;
    memcpy(out, name, length);
    out[length] = '\0';
}

static void name_classes(const nn_dataset *data, nn_evaluation *e) {
    char number[32];
    for (size_t c = 0; c < e->classes; c++) {
        snprintf(number, sizeof number, "%lld", (long long)c + (long long)data->first_class);
        copy_name(e->class_name[c],
                  data->class_names && c < (size_t)data->classes ? data->class_names[c] : number);
    }
}

int nn_session_evaluation_new(const nn_session *session, nn_evaluation **out) {
    size_t table = 0, classes = named_classes(session);
    for (size_t i = 0; i < session->metrics; i++)
        table += session->metric_layout[i].rows * session->metric_layout[i].columns;
    NN_TRY(nn_alloc((void **)out, 1,
                    sizeof **out + table * sizeof *(*out)->table +
                        classes * sizeof *(*out)->class_name,
                    "evaluation"));
    (*out)->classes = classes;
    (*out)->class_name = (char(*)[NN_CLASS_TEXT])((*out)->table + table);
    name_classes(session->data, *out);
    return 0;
}

int nn_session_read_metrics(const nn_session *session, double *state, double *exact,
                            nn_evaluation *result) {
    double *table = result->table; /* those of the metrics follow each other */
    for (size_t i = 0; i < session->metrics; i++) {
        const nn_metric_ops *ops = (const nn_metric_ops *)session->metric[i].row;
        const nn_metric_layout *layout = &session->metric_layout[i];
        result->metric[i] =
            (nn_metric_value){.name = ops->entry.name,
                              .value = ops->value(session->metric[i].options, &session->metric_spec,
                                                  next_state(layout, &state, &exact), table),
                              .table_only = ops->table_only,
                              .rows = layout->rows,
                              .columns = layout->columns,
                              .table = table};
        if (ops->fault)
            NN_TRY(ops->fault(session->metric[i].options));
        table += layout->rows * layout->columns;
    }
    return 0;
}

int nn_session_evaluate(nn_session *session, nn_loader *loader, const char *split,
                        nn_evaluation *result) {
    double *sums = session->metric_sums, *exact = exact_sums(session);
    memset(sums, 0, nn_session_metric_sums(session) * sizeof *sums);
    nn_model_use(session->model, nn_session_model_params(session));
    int rc = add_all(session, loader, split);
    nn_model_use(session->model, session->params);
    NN_TRY(nn_comm_agree(session->comm, rc));
    NN_TRY(nn_session_sum(session, session->metric_state + NN_EVALUATION_SUMS, sums));
    NN_TRY(nn_comm_sum(session->comm, exact, session->metric_exact));
    result->split = split;
    result->samples = nn_loader_samples(loader) - (int64_t)sums[2];
    result->ignored = (int64_t)sums[2];
    result->loss = sums[0] / sums[1];
    result->metrics = session->metrics;
    return nn_comm_agree(
        session->comm, nn_session_read_metrics(session, sums + NN_EVALUATION_SUMS, exact, result));
}

double nn_session_metric(const nn_session *session, const nn_evaluation *result, const char *name,
                         bool *larger_is_better) {
    *larger_is_better = false;
    for (size_t i = 0; i < result->metrics; i++)
        if (strcmp(result->metric[i].name, name) == 0) {
            *larger_is_better = ((const nn_metric_ops *)session->metric[i].row)->larger_is_better;
            return result->metric[i].value;
        }
    return result->loss;
}

/* Loads the parameters on rank 0 and gives them to all. */
static int load(nn_session *session, const char *checkpoint, nn_pool *pool) {
    int rc = 0;
    if (nn_comm_rank(session->comm) == 0) {
        nn_snapshot snapshot = {.model = session->model, .params = session->params};
        rc = nn_checkpoint_read(checkpoint, pool, &snapshot);
    }
    NN_TRY(nn_comm_agree(session->comm, rc));
    return nn_session_distribute(session, NULL);
}

/* Else the layers that data of another shape ask for would be compared with those of the file. */
static int check_shape(const nn_dataset *data, const char *split, const nn_shape *trained) {
    const nn_shape *shape = &data->split[0].x.shape;
    char found[NN_SHAPE_TEXT], wanted[NN_SHAPE_TEXT];
    if (nn_shape_equal(shape, trained))
        return 0;
    return nn_fail(NN_EFORMAT, "%s: x of '%s' is %s a sample, but the model takes %s", data->path,
                   split, nn_shape_text(shape, found), nn_shape_text(trained, wanted));
}

/* An evaluation is one that is asked for its sums, too. */
struct nn_probe {
    nn_pool pool;
    nn_config *config;
    nn_session session;
    const nn_split *split;
    nn_loader *loader;
    uint64_t float_mode; /* the caller's */
    bool asks;           /* for the outputs of any rows, which are then in memory as a whole */
};

/* The configuration in a checkpoint is not at hand, so that a place in it would help nobody. */
static int check_data(const nn_config *config, const char *checkpoint) {
    const nn_node *path = nn_node_get(nn_config_settings(config)->data, "path");
    if (!path || path->kind != NN_NODE_SCALAR || nn_file_exists(path->text))
        return 0;
    return nn_fail(NN_EFORMAT,
                   "%s was trained on '%s', which is not there; name the data set to evaluate on "
                   "(--data)",
                   checkpoint, path->text);
}

/* The session a checkpoint was trained by, on another data set if asked for. */
static int open_session(nn_probe *e, nn_comm *comm, const char *checkpoint, const char *data,
                        bool other_files, const char *split) {
    nn_snapshot snapshot = {0};
    NN_TRY(nn_checkpoint_peek(checkpoint, &e->pool, &snapshot));
    NN_TRY(nn_config_parse(checkpoint, snapshot.config, strlen(snapshot.config), &e->config));
    nn_like like = nn_data_like(&snapshot.data);
    if (data)
        NN_TRY(nn_config_set_data(e->config, data, &like));
    if (other_files)
        NN_TRY(nn_config_override(e->config, "data.other_files=true"));
    NN_TRY(nn_config_check_stored(e->config));
    if (!data)
        NN_TRY(check_data(e->config, checkpoint));
    nn_naming trained = nn_data_naming(&snapshot.data);
    NN_TRY(nn_session_plan(&e->session, comm, e->config, &trained, e->asks));
    NN_TRY(nn_dataset_choose(e->session.data, split, &e->split));
    NN_TRY(check_shape(e->session.data, e->split->name, &snapshot.data.x));
    NN_TRY(nn_data_inherit_scale(e->session.data, &snapshot.data));
    NN_TRY(nn_session_loader(&e->session, e->split->name, e->session.eval_batch_size, false,
                             &e->loader));
    return 0;
}

int nn_evaluate(nn_comm *comm, const char *checkpoint, const char *data, const char *split,
                nn_evaluation **out) {
    return nn_evaluate_linked(comm, checkpoint, data, false, split, out);
}

/* Ready to compute; end releases it, also after a failure. */
static int begin(nn_probe *e, nn_comm *comm, const char *checkpoint, const char *data,
                 bool other_files, const char *split) {
    const char *file;
    e->float_mode = nn_float_mode_flush();
    nn_log_hold(nn_comm_rank(comm) > 0);
    int rc = nn_checkpoint_pick(&e->pool, checkpoint, &file);
    if (rc == 0)
        rc = open_session(e, comm, file, data, other_files, split);
    nn_log_hold(false);
    NN_TRY(nn_comm_agree(comm, rc));
    e->session.compute.threads = nn_comm_threads(comm);
    NN_TRY(nn_session_allocate(&e->session, NULL, NULL));
    return load(&e->session, file, &e->pool);
}

static void end(nn_probe *e) {
    nn_loader_free(e->loader);
    nn_session_release(&e->session);
    nn_config_free(e->config);
    nn_pool_release(&e->pool);
    nn_float_mode_set(e->float_mode);
}

int nn_evaluate_linked(nn_comm *comm, const char *checkpoint, const char *data, bool other_files,
                       const char *split, nn_evaluation **out) {
    nn_probe e = {0};
    nn_evaluation *result = NULL;
    int rc;
    *out = NULL;
    NN_TRY_GOTO(begin(&e, comm, checkpoint, data, other_files, split));
    NN_TRY_GOTO(nn_comm_agree(comm, nn_session_evaluation_new(&e.session, &result)));
    NN_TRY_GOTO(nn_session_evaluate(&e.session, e.loader, e.split->name, result));
    result->only_split = e.session.data->splits == 1;
    *out = result;
    result = NULL;
done:
    nn_evaluation_free(result);
    end(&e);
    return rc;
}

int nn_probe_open(nn_comm *comm, const char *checkpoint, nn_probe **out) {
    nn_probe *e;
    *out = NULL;
    NN_TRY(NN_NEW(&e, 1, "evaluation"));
    e->asks = true;
    int rc = begin(e, comm, checkpoint, NULL, false, NULL);
    if (rc == 0)
        nn_model_use(e->session.model, nn_session_model_params(&e->session));
    if (rc == 0)
        *out = e;
    else
        nn_probe_close(e);
    return rc;
}

void nn_probe_close(nn_probe *probe) {
    if (!probe)
        return;
    end(probe);
    nn_free(probe);
}

nn_session *nn_probe_session(nn_probe *probe) {
    return &probe->session;
}

int64_t nn_probe_samples(const nn_probe *probe) {
    return nn_loader_samples(probe->loader);
}

static int see_batch(nn_probe *e, const nn_batch *batch, nn_see_rows *see, void *ctx) {
    nn_session *session = &e->session;
    nn_pass pass = {.batch = batch->count,
                    .sample = batch->sample,
                    .length = batch->length,
                    .micro = nn_session_microbatches(session, batch)};
    const nn_real *z = nn_model_forward(session->model, &pass, batch->x);
    NN_TRY(nn_session_fault(session));
    return see(ctx, session, e->split->name, batch, z);
}

int nn_probe_rows(nn_probe *probe, int64_t most, nn_see_rows *see, void *ctx) {
    nn_batch batch;
    for (int64_t i = 0, seen = 0; i < nn_loader_batches(probe->loader) && seen < most; i++) {
        NN_TRY(nn_loader_batch(probe->loader, 0, i, &batch));
        NN_TRY(see_batch(probe, &batch, see, ctx));
        seen += batch.global;
    }
    return 0;
}
