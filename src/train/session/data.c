/* The data of a session: loaders for its splits, whose samples the ranks of a node may share. */
#include "math/parallel.h"
#include "train/session/session.h"

#include <math.h>

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
                       bool training, bool shared, nn_loader **out) {
    const nn_data_settings *data = &session->data->settings;
    if (training)
        NN_TRY(check_batch_size(session, split, batch_size));
    nn_loader_spec spec = {.dataset = session->data,
                           .compute = &session->compute,
                           .split = split,
                           .rank = nn_comm_rank(session->comm),
                           .shards = &session->shards,
                           .batch_size = batch_size,
                           .passes = training ? session->settings->train.accumulate : 1,
                           .shuffle = training && data->shuffle,
                           .training = training,
                           .indices = session->indices,
                           .memory_limit = (uint64_t)(data->memory * 1048576),
                           .shuffle_buffer = data->memory > 0,
                           .prefetch = training && wants_thread(session),
                           .trace = training ? session->trace : NULL,
                           .shared = shared,
                           .sharers = nn_comm_node_size(session->comm),
                           .seed = (uint64_t)session->settings->train.seed};
    return nn_loader_new(&spec, out);
}

int nn_session_loader(const nn_session *session, const char *split, int64_t batch_size,
                      bool training, nn_loader **out) {
    return open_loader(session, split, batch_size, training, false, out);
}

int nn_session_loader_shared(const nn_session *session, const char *split, int64_t batch_size,
                             bool training, nn_loader **out) {
    return open_loader(session, split, batch_size, training, true, out);
}

int nn_session_loader_supplied(const nn_session *session, bool x_only, nn_loader **out) {
    nn_loader_spec spec = {.dataset = session->data,
                           .compute = &session->compute,
                           .split = "train",
                           .supplied = true,
                           .shared = true,
                           .batch_size = (int64_t)session->capacity,
                           .classes = nn_loss_classes(session->outputs),
                           .x_only = x_only,
                           .training = !x_only,
                           .indices = session->indices,
                           .seed = (uint64_t)session->settings->train.seed};
    if (!nn_loss_target_range(session->loss, &spec.low, &spec.high)) {
        spec.low = -INFINITY;
        spec.high = INFINITY;
    }
    return nn_loader_new(&spec, out);
}

/* Where shared memory is short, each rank has its own samples. Arrays of the caller's stay where
 * they are. */
static void *share_memory(nn_session *session, size_t bytes, nn_node_buffer **shared) {
    *shared = NULL;
    if (bytes == 0 || nn_comm_size(session->comm) == nn_comm_nodes(session->comm))
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
