/* The memory of a session: parameters, gradients and optimiser state, shared with the other ranks
 * as the gradient sum wants it. */
#include "math/gemm/gemm.h"
#include "train/session/session.h"

#include <stdio.h>

void nn_session_set_microbatches(const nn_session *session, size_t stride) {
    if (session->micro)
        nn_model_set_microbatches(session->model, nn_microbatches_local(session->micro),
                                  nn_session_microbatch_rows(session), stride);
}

/* Where the residuals of each parameter begin. */
static int place_residuals(nn_session *session) {
    const nn_param *const *param;
    size_t params = nn_model_params(session->model, &param);
    if (nn_reducer_residuals(session->reducer) == 0)
        return 0;
    NN_TRY(NN_NEW(&session->residual_at, params, "residuals of sums"));
    for (size_t i = 0; i < params; i++)
        session->residual_at[i] = nn_reducer_residual_at(session->reducer, param[i]->offset);
    return 0;
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
    NN_TRY(place_residuals(session));
    NN_TRY(NN_NEW(&session->sums, nn_session_own_microbatches(session), "sums of a step"));
    nn_session_set_microbatches(session, nn_reducer_stride(session->reducer));
    NN_TRY(nn_model_bind(session->model, session->params, nn_reducer_grads(session->reducer),
                         session->capacity));
    return nn_gemm_check_memory(&session->compute);
}

static int allocate_parameters(nn_session *session) {
    NN_TRY(NN_NEW(&session->params, nn_model_size(session->model), "parameters"));
    NN_TRY(nn_model_bind(session->model, session->params, NULL, session->capacity));
    return nn_gemm_check_memory(&session->compute);
}

/* Gradients that are outer products; none where layers add those of several passes. */
static size_t list_outer(const nn_session *session, nn_outer_grad *grad, nn_outer_matrix *matrix) {
    const nn_split *train = nn_dataset_split(session->data, "train");
    const nn_settings *s = session->settings;
    bool adds = s->train.accumulate > 1 && !nn_settings_sums_passes(s);
    size_t count = adds ? 0 : nn_model_outer_grads(session->model, grad);
    for (size_t i = 0; i < count; i++) {
        const nn_layer_outer *rows = grad[i].rows;
        matrix[i] = (nn_outer_matrix){.begin = grad[i].begin,
                                      .m = rows->m,
                                      .n = rows->n,
                                      .steps = rows->steps,
                                      .continued = rows->at > 0,
                                      .padded = rows->padded && train && train->has_length,
                                      .indexed = rows->indexed,
                                      .by_tree = rows->by_tree};
    }
    return count;
}

static int make_reducer(nn_session *session, nn_reduce_spec *spec) {
    size_t most = nn_model_outer_grads(session->model, NULL) + 1;
    nn_outer_grad *grad = NULL;
    nn_outer_matrix *matrix = NULL;
    int rc = 0;
    NN_TRY_GOTO(NN_NEW(&grad, most, "outer-product gradients"));
    NN_TRY_GOTO(NN_NEW(&matrix, most, "outer-product gradients"));
    spec->outer = matrix;
    spec->outer_count = list_outer(session, grad, matrix);
done:
    rc = nn_comm_agree(session->comm, rc);
    if (rc == 0)
        rc = nn_reducer_new(spec, &session->reducer);
    if (rc == 0)
        session->link = *nn_reducer_link(session->reducer);
    nn_link_text(&session->link, session->link_text);
    for (size_t i = 0; rc == 0 && i < spec->outer_count; i++)
        if (nn_reducer_wants_rows(session->reducer, i))
            nn_model_emit_rows(session->model, &grad[i], nn_reducer_put_rows, session->reducer, i);
    nn_free(grad);
    nn_free(matrix);
    return rc;
}

nn_reduce_spec nn_session_reduce_spec(const nn_session *session) {
    const nn_settings *settings = session->settings;
    return (nn_reduce_spec){.comm = session->comm,
                            .compute = &session->compute,
                            .choice = session->in_parts ? NN_REDUCE_ALLREDUCE
                                                        : (nn_reduce_choice)settings->train.reduce,
                            .in_parts = session->in_parts,
                            .n = nn_model_size(session->model),
                            .vectors = settings->train.ema_node ? 2 : 1,
                            .tree = session->micro ? &session->micro->tree : NULL,
                            .compress = settings->train.compress == NN_COMPRESS_BF16,
                            .divided = settings->train.optimizer_state == NN_STATE_SHARDED,
                            .link = session->link,
                            .between = (nn_between_choice)settings->train.between_nodes,
                            .rows = (size_t)session->pass_size,
                            .shards = &session->shards};
}

int nn_session_allocate(nn_session *session, const nn_reduce_ops *ops, void *ctx) {
    if (!ops)
        return nn_comm_agree(session->comm, allocate_parameters(session));
    nn_reduce_spec spec = nn_session_reduce_spec(session);
    session->ops = *ops;
    spec.ops = &session->ops;
    spec.ctx = ctx;
    NN_TRY(make_reducer(session, &spec));
    session->params = nn_reducer_vector(session->reducer, 0);
    if (spec.vectors > 1)
        session->average = nn_reducer_vector(session->reducer, 1);
    return nn_comm_agree(session->comm, allocate_state(session));
}

#define NAMES 6 /* most in a text */

/* Products of a layer whose rows travel. */
static size_t count_travelling(const nn_session *session, const nn_layer *layer) {
    size_t count = 0, index;
    for (size_t i = 0; i < layer->outers; i++)
        if (nn_model_emits_rows(session->model, layer->index, i, &index))
            count += nn_reducer_sends_rows(session->reducer, index);
    return count;
}

const char *nn_session_between_text(const nn_session *session, char text[NN_BETWEEN_TEXT]) {
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(session->model, &layer), count = 0, length = 0;
    if (nn_comm_nodes(session->comm) == 1)
        return NULL;
    for (size_t i = 1; i < layers; i++) {
        size_t travelling = count_travelling(session, layer[i]);
        if (travelling == 0 || count++ >= NAMES)
            continue;
        length += (size_t)snprintf(
            text + length, NN_BETWEEN_TEXT - length, "%s%s%.24s", count > 1 ? ", " : "rows of ",
            travelling < layer[i]->outers ? "a part of " : "", layer[i]->name);
    }
    if (count > NAMES)
        length += (size_t)snprintf(text + length, NN_BETWEEN_TEXT - length, " and %zu more layers",
                                   count - NAMES);
    snprintf(text + length, NN_BETWEEN_TEXT - length, "%s%s",
             count ? "; sums of the other gradients" : "sums of gradients",
             nn_reducer_divides(session->reducer) ? ", whose optimizer state the nodes divide"
                                                  : "");
    return text;
}

void nn_session_release(nn_session *session) {
    nn_loss_free(session->loss);
    nn_model_free(session->model);
    nn_dataset_close(session->data);
    nn_free(session->metric_sums);
    nn_free(session->sums);
    nn_free(session->residual_at);
    if (!session->reducer)
        nn_free(session->params);
    nn_reducer_free(session->reducer);
    nn_microbatches_free(session->micro);
    for (size_t i = 0; i < session->slots; i++)
        nn_free(session->slot[i]);
    *session = (nn_session){0};
}
