#include "train/session/microbatch.h"

static int allocate(nn_microbatches *m) {
    size_t own = nn_microbatches_local(m);
    m->row = nn_pool_alloc(&m->pool, (own + 1) * sizeof *m->row);
    m->span = nn_pool_alloc(&m->pool, nn_tree_subtrees(&m->tree) * sizeof *m->span);
    return m->row && m->span ? 0 : NN_EMEMORY;
}

static int init(nn_comm *comm, size_t count, nn_microbatches *m) {
    NN_TRY(nn_tree_init(&m->tree, &m->pool, count, (size_t)nn_comm_rank(comm),
                        (size_t)nn_comm_size(comm)));
    NN_TRY(allocate(m));
    for (size_t i = 0; i < nn_tree_subtrees(&m->tree); i++)
        m->span[i] = nn_tree_subtree(&m->tree, i);
    m->shard = (nn_shard_microbatches){.count = nn_microbatches_local(m),
                                       .row = m->row,
                                       .sums = nn_tree_subtrees(&m->tree),
                                       .sum = m->span,
                                       .lead = nn_comm_rank(comm) == 0};
    return 0;
}

int nn_microbatches_plan_sums(nn_microbatches *m, nn_comm *comm, size_t most) {
    return nn_tree_sum_new(comm, &m->tree, most, &m->sums);
}

int nn_microbatches_new(nn_comm *comm, size_t count, nn_microbatches **out) {
    nn_microbatches *m;
    *out = NULL;
    NN_TRY(NN_NEW(&m, 1, "microbatches"));
    int rc = init(comm, count, m);
    if (rc < 0) {
        nn_microbatches_free(m);
        return nn_error_frame(rc, __func__);
    }
    *out = m;
    return 0;
}

void nn_microbatches_free(nn_microbatches *m) {
    if (!m)
        return;
    nn_tree_sum_free(m->sums);
    nn_pool_release(&m->pool);
    nn_free(m);
}

const nn_shard_microbatches *nn_microbatches_of(nn_microbatches *m, const nn_batch *batch) {
    int64_t leaves = (int64_t)m->tree.leaves, first = (int64_t)m->tree.local.begin;
    int64_t begin = nn_even_begin(batch->global, leaves, first);
    for (size_t i = 0; i <= m->shard.count; i++)
        m->row[i] = (size_t)(nn_even_begin(batch->global, leaves, first + (int64_t)i) - begin);
    return &m->shard;
}
