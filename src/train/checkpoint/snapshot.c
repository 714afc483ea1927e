/* The state of a training on its way into a checkpoint and back. */
#include "train/session.h"

/* This rank's share of optimiser state is all of it. */
static bool has_whole(const nn_job *job) {
    return !job->reducer || nn_reducer_share(job->reducer) == nn_model_size(job->model);
}

static int open_slots(const nn_job *job, nn_snapshot *snapshot) {
    for (size_t i = 0; i < job->slots; i++) {
        if (has_whole(job))
            snapshot->slot[i] = job->slot[i];
        else if (nn_comm_rank(job->comm) == 0)
            NN_TRY(NN_NEW(&snapshot->slot[i], nn_model_size(job->model), "whole optimiser state"));
    }
    return 0;
}

/* With an average, that is the model of the checkpoint, and the parameters as the optimiser left
 * them are a slot. */
int nn_job_open_snapshot(const nn_job *job, nn_snapshot *snapshot) {
    *snapshot = (nn_snapshot){.model = job->model,
                              .params = nn_job_model_params(job),
                              .slots = job->slots,
                              .data = nn_data_traits_of(job->data)};
    if (!job->optimizer)
        return 0;
    snapshot->optimizer = job->optimizer->entry.name;
    snapshot->slot_names = job->slot_name;
    if (job->average)
        snapshot->slot[snapshot->slots++] = job->params;
    return open_slots(job, snapshot);
}

void nn_job_close_snapshot(const nn_job *job, nn_snapshot *snapshot) {
    for (size_t i = 0; i < job->slots && !has_whole(job); i++)
        nn_free(snapshot->slot[i]);
    *snapshot = (nn_snapshot){0};
}

int nn_job_collect(nn_job *job, nn_snapshot *snapshot) {
    for (size_t i = 0; i < job->slots; i++)
        NN_TRY(nn_reducer_gather(job->reducer, job->slot[i], snapshot->slot[i]));
    return 0;
}

int nn_job_share(nn_job *job, const nn_snapshot *snapshot) {
    if (!job->reducer)
        return nn_comm_bcast(job->comm, job->params, nn_model_size(job->model) * sizeof(nn_real));
    NN_TRY(nn_reducer_sync(job->reducer));
    for (size_t i = 0; snapshot && i < job->slots; i++)
        NN_TRY(nn_reducer_scatter(job->reducer, snapshot->slot[i], job->slot[i]));
    return 0;
}
