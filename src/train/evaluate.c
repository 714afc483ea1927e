/* Evaluation: sums over samples, added over minibatches and ranks, so that every sample counts once
 * whatever the number of ranks. */
#include "train/job.h"

#include <string.h>

/* Adds one shard to the sums: loss, weight, then the state of each metric. */
static void add_batch(nn_job *job, const nn_batch *batch, double *sums) {
    nn_pass pass = {.batch = batch->count, .sample = batch->sample};
    const nn_real *z = nn_model_forward(job->model, &pass, batch->x);
    nn_loss_sum loss = {0};
    nn_loss_eval(job->loss, batch->count, z, &batch->target, &loss, NULL);
    sums[0] += loss.loss;
    sums[1] += loss.weight;
    double *state = sums + 2;
    for (size_t i = 0; i < job->metrics; i++) {
        const nn_metric_ops *ops = (const nn_metric_ops *)job->metric[i].row;
        ops->add(job->metric[i].options, &job->metric_spec, batch->count, z, &batch->target, state);
        state += job->metric_width[i];
    }
}

static int add_all(nn_job *job, nn_loader *loader, double *sums) {
    nn_batch batch;
    for (int64_t i = 0; i < nn_loader_batches(loader); i++) {
        NN_TRY(nn_loader_batch(loader, 0, i, &batch));
        add_batch(job, &batch, sums);
    }
    return 0;
}

int nn_job_evaluate(nn_job *job, nn_loader *loader, const char *split, nn_evaluation *result) {
    double *sums = job->metric_sums, *state = sums + 2;
    memset(sums, 0, (job->metric_state + 2) * sizeof *sums);
    NN_TRY(nn_comm_agree(job->comm, add_all(job, loader, sums)));
    NN_TRY(nn_comm_sum(job->comm, sums, job->metric_state + 2));
    *result = (nn_evaluation){.split = split,
                              .samples = nn_loader_samples(loader),
                              .loss = sums[0] / sums[1],
                              .measures = job->metrics};
    for (size_t i = 0; i < job->metrics; i++) {
        const nn_metric_ops *ops = (const nn_metric_ops *)job->metric[i].row;
        result->measure[i].name = ops->entry.name;
        result->measure[i].value = ops->value(job->metric[i].options, state);
        state += job->metric_width[i];
    }
    return 0;
}

/* Loads the parameters on rank 0 and gives them to all. */
static int load(nn_job *job, const char *checkpoint) {
    nn_pool pool = {0};
    int rc = 0;
    if (nn_comm_rank(job->comm) == 0) {
        nn_snapshot snapshot = nn_job_snapshot(job);
        rc = nn_checkpoint_read(checkpoint, &pool, &snapshot);
    }
    nn_pool_release(&pool);
    NN_TRY(nn_comm_agree(job->comm, rc));
    return nn_job_share(job);
}

/* The configuration that a checkpoint was trained with, on another data set if asked for. */
static int config_of(const char *checkpoint, const char *data, nn_config **out) {
    nn_pool pool = {0};
    nn_snapshot snapshot = {0};
    int rc = 0;
    NN_TRY_GOTO(nn_checkpoint_peek(checkpoint, &pool, &snapshot));
    NN_TRY_GOTO(nn_config_parse(checkpoint, snapshot.config, strlen(snapshot.config), out));
    if (data) {
        const char *override = nn_pool_printf(&pool, "data={path: '%s'}", data);
        NN_TRY_GOTO(override ? nn_config_override(*out, override) : NN_EMEMORY);
    }
done:
    nn_pool_release(&pool);
    return rc;
}

static int open_job(nn_job *job, nn_comm *comm, nn_config *config, const char *split,
                    nn_loader **loader) {
    NN_TRY(nn_job_plan(job, comm, config));
    if (!nn_dataset_split(job->data, split))
        return nn_fail(NN_EUSAGE, "%s has no split '%s'", job->data->path, split);
    NN_TRY(nn_job_loader(job, split, job->eval_batch_size, false, loader));
    return nn_job_allocate(job, false);
}

int nn_evaluate(nn_comm *comm, const char *checkpoint, const char *data, const char *split,
                nn_evaluation *result) {
    nn_job job = {0};
    nn_config *config = NULL;
    nn_loader *loader = NULL;
    int rc = 0;
    NN_TRY_GOTO(nn_comm_agree(comm, config_of(checkpoint, data, &config)));
    NN_TRY_GOTO(nn_comm_agree(comm, open_job(&job, comm, config, split, &loader)));
    NN_TRY_GOTO(load(&job, checkpoint));
    NN_TRY_GOTO(nn_job_evaluate(&job, loader, split, result));
done:
    nn_loader_free(loader);
    nn_job_release(&job);
    nn_config_free(config);
    return rc;
}
