/* Every rank has all parameters, and MPI_Allreduce sums the gradients bucket by bucket. Blocking
 * calls, because MPI_Iallreduce with polling has been measured to cost more than it hides. Also the
 * backend of a single rank, which sums nothing. */
#include "base/mem.h"
#include "base/system/clock.h"
#include "comm/comm.h"
#include "comm/messages.h"
#include "comm/reduce/backend.h"
#include "comm/reduce/exchange.h"
#include "comm/tree_sum.h"

#include <string.h>

/* Sums along a tree. */
struct allreduce {
    nn_exchange *exchange;
    nn_tree_sum *tree_sum;
};

static void allreduce_free(nn_reducer *r) {
    struct allreduce *state = r->state;
    if (state) {
        nn_exchange_free(state->exchange);
        nn_tree_sum_free(state->tree_sum);
    }
    nn_free(state);
    nn_free(r->vectors);
    nn_free(r->grads);
}

static void allreduce_send_sums(nn_reducer *r, nn_step_sums *sums) {
    struct allreduce *state = r->state;
    if (state)
        nn_reduce_check(
            r, nn_tree_sum_doubles(state->tree_sum, NN_STEP_SUMS, nn_step_sums_array(sums)));
    r->sums = *sums;
    if (!state && r->spec.comm->size > 1)
        nn_reduce_check(r, nn_mpi_allreduce(r->spec.comm, r->spec.comm->world, &r->sums,
                                            NN_STEP_SUMS, MPI_DOUBLE, MPI_SUM));
}

/* The call itself has brought them. */
static void allreduce_take_sums(nn_reducer *r) {
    (void)r;
}

static void allreduce_send_complete(nn_reducer *r) {
    (void)r;
}

/* All ranks have done the same. */
static void allreduce_send_end(nn_reducer *r, bool nonfinite) {
    r->nonfinite = nonfinite;
}

static bool allreduce_done(nn_reducer *r) {
    (void)r;
    return true;
}

/* The call itself waits. */
static bool allreduce_have_bucket(nn_reducer *r, size_t k) {
    return k < r->complete;
}

static void allreduce_sum(nn_reducer *r, size_t k, bool fused) {
    struct allreduce *state = r->state;
    nn_slice own = nn_reduce_slice(r, k), *slice = &own;
    double start = nn_reduce_waits(r);
    if (state && state->exchange)
        nn_exchange_sum(state->exchange, r, slice);
    else if (r->spec.comm->size > 1)
        nn_reduce_check(r,
                        nn_mpi_allreduce(r->spec.comm, r->spec.comm->world, r->grads + slice->begin,
                                         (int)(slice->end - slice->begin), NN_MPI_REAL, MPI_SUM));
    nn_reduce_waited(r, NN_TRACE_SUM, k, start);
    if (fused && r->rc == 0)
        nn_reduce_step_slice(r, slice);
}

/* Every rank has added everything. */
static void allreduce_add(nn_reducer *r, double *values, size_t count) {
    (void)r, (void)values, (void)count;
}

static int allreduce_sync(nn_reducer *r) {
    return nn_comm_bcast(r->spec.comm, r->vectors, r->spec.vectors * r->stride * sizeof(nn_real));
}

static int allreduce_scatter(nn_reducer *r, const nn_real *whole, nn_real *share) {
    if (r->spec.comm->rank == 0 && share != whole)
        memcpy(share, whole, r->spec.n * sizeof *share);
    return nn_comm_bcast(r->spec.comm, share, r->spec.n * sizeof *share);
}

static MPI_Comm allreduce_replicas(const nn_reducer *r) {
    return r->spec.comm->world;
}

static const nn_reduce_backend backend = {.name = "allreduce",
                                          .free = allreduce_free,
                                          .send_sums = allreduce_send_sums,
                                          .have_sums = allreduce_done,
                                          .take_sums = allreduce_take_sums,
                                          .send_complete = allreduce_send_complete,
                                          .have_bucket = allreduce_have_bucket,
                                          .sum = allreduce_sum,
                                          .send_end = allreduce_send_end,
                                          .have_end = allreduce_done,
                                          .add = allreduce_add,
                                          .sync = allreduce_sync,
                                          .scatter = allreduce_scatter,
                                          .replicas = allreduce_replicas};

static int plan_tree(nn_reducer *r) {
    struct allreduce *state;
    NN_TRY(NN_NEW(&state, 1, "gradient reducer"));
    r->state = state;
    NN_TRY(nn_tree_sum_new(r->spec.comm, r->spec.tree, NN_STEP_SUMS, &state->tree_sum));
    return r->spec.comm->size > 1 ? nn_exchange_new(r, &state->exchange) : 0;
}

int nn_reduce_allreduce_new(nn_reducer *r) {
    size_t copies = nn_reduce_copies(r, (size_t)r->spec.comm->rank);
    int rc = NN_NEW(&r->vectors, r->spec.vectors * r->stride, "parameters");
    if (rc == 0)
        rc = NN_NEW(&r->grads, copies * r->stride, "gradients");
    if (rc == 0 && r->spec.tree)
        rc = plan_tree(r);
    r->backend = &backend;
    rc = nn_comm_agree(r->spec.comm, rc);
    if (rc < 0)
        allreduce_free(r);
    return rc;
}
