/* The state of a training on its way into a checkpoint and back. */
#include "train/session/session.h"

/* This rank's share of optimiser state is all of it. */
static bool has_whole(const nn_session *session) {
    return !session->reducer || nn_reducer_share(session->reducer) == nn_model_size(session->model);
}

/* With an average, that is the model of the checkpoint, and the parameters as the optimiser left
 * them are a slot. */
nn_snapshot nn_session_snapshot(const nn_session *session) {
    nn_snapshot snapshot = {.model = session->model,
                            .params = nn_session_model_params(session),
                            .slots = session->slots,
                            .data = nn_data_traits_of(session->data)};
    if (session->settings->train.balance == NN_BALANCE_SPEED) {
        snapshot.shards = session->shards.border;
        snapshot.borders = session->shards.holders + 1;
    }
    if (!session->optimizer)
        return snapshot;
    snapshot.residual = (nn_residual_state){.nodes = (size_t)nn_comm_nodes(session->comm),
                                            .size = nn_reducer_residuals(session->reducer),
                                            .at = session->residual_at};
    snapshot.optimizer = session->optimizer->entry.name;
    snapshot.slot_names = session->slot_name;
    if (session->link.flops > 0 && !session->micro)
        snapshot.link = session->link_text;
    for (size_t i = 0; i < session->slots; i++)
        snapshot.slot[i] = session->slot[i];
    if (session->average)
        snapshot.slot[snapshot.slots++] = session->params;
    return snapshot;
}

/* For those of all nodes. */
static int open_residuals(const nn_session *session, nn_residual_state *residual) {
    if (residual->size == 0 || nn_comm_rank(session->comm) > 0)
        return 0;
    return NN_NEW(&residual->value, residual->nodes * residual->size, "residuals of sums");
}

int nn_session_open_snapshot(const nn_session *session, nn_snapshot *snapshot) {
    *snapshot = nn_session_snapshot(session);
    NN_TRY(open_residuals(session, &snapshot->residual));
    for (size_t i = 0; i < session->slots && !has_whole(session); i++) {
        snapshot->slot[i] = NULL;
        if (nn_comm_rank(session->comm) == 0)
            NN_TRY(
                NN_NEW(&snapshot->slot[i], nn_model_size(session->model), "whole optimiser state"));
    }
    return 0;
}

void nn_session_close_snapshot(const nn_session *session, nn_snapshot *snapshot) {
    for (size_t i = 0; i < session->slots && !has_whole(session); i++)
        nn_free(snapshot->slot[i]);
    nn_free(snapshot->residual.value);
    *snapshot = (nn_snapshot){0};
}

int nn_session_distribute(nn_session *session, const nn_snapshot *snapshot) {
    if (!session->reducer)
        return nn_comm_bcast(session->comm, session->params,
                             nn_model_size(session->model) * sizeof(nn_real));
    NN_TRY(nn_reducer_sync(session->reducer));
    for (size_t i = 0; snapshot && i < session->slots; i++)
        NN_TRY(nn_reducer_scatter(session->reducer, snapshot->slot[i], session->slot[i]));
    return snapshot ? nn_reducer_scatter_residuals(session->reducer, snapshot->residual.value) : 0;
}
