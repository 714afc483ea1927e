#include "comm/reduce/reduce.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/system/clock.h"
#include "comm/comm.h"
#include "comm/heartbeat.h"
#include "comm/messages.h"
#include "comm/reduce/backend.h"

#include <string.h>

/* Bytes of parameters that the caches of cores may still hold when the step is taken on them. */
#define CACHED ((size_t)1 << 23)

static size_t owners_of(const nn_comm *comm, nn_reduce_choice choice) {
    return choice == NN_REDUCE_NODE ? (size_t)comm->node_least : 1;
}

static nn_reduce_choice choice_of(const nn_reduce_spec *spec) {
    const nn_comm *comm = spec->comm;
    nn_reduce_choice choice = spec->choice;
    if (choice == NN_REDUCE_AUTO)
        return comm->node_least > 1 || comm->nodes > 1 ? NN_REDUCE_NODE : NN_REDUCE_ALLREDUCE;
    return comm->size == 1 ? NN_REDUCE_ALLREDUCE : choice;
}

nn_reduce_plan nn_reduce_plan_of(const nn_reduce_spec *spec) {
    const nn_comm *comm = spec->comm;
    nn_reduce_plan plan = {.choice = choice_of(spec)};
    plan.copies = plan.choice == NN_REDUCE_NODE ? 1 : (size_t)comm->node_size;
    plan.owners = owners_of(comm, plan.choice);
    plan.nodes = spec->divided && plan.choice == NN_REDUCE_NODE ? (size_t)comm->nodes : 1;
    return plan;
}

/* This rank's slices, and its parts of them; it is owner number `owner`. */
static int partition_vector(nn_reducer *r, size_t owner) {
    const nn_reduce_spec *spec = &r->spec;
    nn_partition_spec partition = {.n = spec->n,
                                   .bucket = r->bucket,
                                   .owners = owners_of(spec->comm, spec->choice),
                                   .cell = spec->tree ? NN_PARTITION_CELL : NN_PARTITION_LINE};
    partition.wholes = nn_outer_grads_spans(r->outer_grads, &partition.whole);
    r->owner = owner;
    NN_TRY(nn_partition_init(&r->partition, &r->pool, &partition));
    r->waited = nn_pool_alloc(&r->pool, (r->partition.buckets + 1) * sizeof *r->waited);
    r->begun = nn_pool_alloc(&r->pool, (r->partition.buckets + 1) * sizeof *r->begun);
    r->dealt = nn_pool_alloc(&r->pool, (r->partition.buckets + 1) * sizeof *r->dealt);
    r->stepped = nn_pool_alloc(&r->pool, (r->partition.buckets + 1) * sizeof *r->stepped);
    if (!r->waited || !r->begun || !r->dealt || !r->stepped)
        return NN_EMEMORY;
    return nn_reduce_plan_parts(r);
}

/* Messages between nodes, and what they are to carry. */
static int start_wire(nn_reducer *r) {
    nn_reduce_spec *spec = &r->spec;
    if (spec->comm->nodes == 1)
        return 0;
    NN_TRY(nn_wire_new(spec->comm, &r->wire));
    if (spec->outer_count == 0 || spec->between == NN_BETWEEN_GRADIENTS)
        spec->link = (nn_link){0}; /* there is nothing to choose, so that no measurement stays */
    NN_TRY(nn_link_measure(spec->comm, spec->compute, &spec->link));
    nn_wire_set_rate(r->wire, spec->link.bandwidth);
    return 0;
}

/* That not even one gradient goes the way it was asked to. */
static void warn_of_sums(const nn_reducer *r) {
    const nn_reduce_spec *spec = &r->spec;
    const char *why = "the ranks have different processors or libraries, and would not get the "
                      "same bits";
    if (!r->wire || spec->between != NN_BETWEEN_ROWS || spec->comm->rank > 0)
        return;
    for (size_t i = 0; i < spec->outer_count; i++)
        if (nn_outer_grads_travels(r->outer_grads, i))
            return;
    if (spec->outer_count == 0)
        why = "no layer has a gradient that is a product of the rows of one pass";
    else if (spec->tree && spec->link.alike)
        why = "with train.reproducible rows of dense layers alone travel, of up to 256 samples and "
              "64 microbatches a pass";
    nn_warn("train.between_nodes: sums of gradients travel instead of rows: %s", why);
}

static int start_node(nn_reducer *r) {
    NN_TRY(start_wire(r));
    NN_TRY(nn_outer_grads_new(&r->spec, r->wire, &r->outer_grads));
    warn_of_sums(r);
    NN_TRY(nn_comm_agree(r->spec.comm, partition_vector(r, (size_t)r->spec.comm->node_rank)));
    NN_TRY(nn_reduce_node_new(r));
    if (!r->wire)
        return 0;
    int rc = nn_comm_agree(r->spec.comm, nn_wire_start(r->wire));
    if (rc < 0)
        r->backend->free(r);
    return rc;
}

/* What only the node backend uses. */
static void end_node(nn_reducer *r) {
    nn_wire_free(r->wire);
    nn_outer_grads_free(r->outer_grads);
    r->wire = NULL;
    r->outer_grads = NULL;
}

static int start_allreduce(nn_reducer *r) {
    end_node(r);
    r->spec.choice = NN_REDUCE_ALLREDUCE;
    NN_TRY(nn_comm_agree(r->spec.comm, partition_vector(r, 0)));
    return nn_reduce_allreduce_new(r);
}

/* The node backend, or allreduce where memory cannot be shared. */
static int open_backend(nn_reducer *r) {
    if (r->spec.choice == NN_REDUCE_NODE) {
        int rc = start_node(r);
        if (rc == 0 || rc == NN_ERANK)
            return rc;
        if (r->spec.comm->rank == 0)
            nn_warn("gradients are summed by MPI_Allreduce: %s", nn_error_message());
    }
    return start_allreduce(r);
}

static int count_threads(nn_reducer *r) {
    nn_comm *comm = r->spec.comm;
    int threads = nn_compute_threads(r->spec.compute);
    if (comm->size > 1)
        NN_TRY(nn_mpi_allreduce(comm, comm->machine, &threads, 1, MPI_INT, MPI_SUM));
    r->crowded = threads > comm->cores;
    r->claims = threads > 1 && r->spec.n * sizeof(nn_real) <= CACHED;
    return 0;
}

/* What is not the backend's. */
static void release(nn_reducer *r) {
    end_node(r);
    nn_pool_release(&r->pool);
    nn_free(r);
}

int nn_reducer_new(const nn_reduce_spec *spec, nn_reducer **out) {
    nn_reducer *r;
    int rc;
    *out = NULL;
    NN_TRY(nn_comm_agree(spec->comm, NN_NEW(&r, 1, "gradient reducer")));
    r->spec = *spec;
    r->spec.choice = choice_of(spec);
    r->stride = nn_align_count(spec->n, sizeof(nn_real));
    r->bucket = spec->bucket ? spec->bucket : NN_PARTITION_BUCKET;
    r->late = spec->ops->compute_norms || spec->in_parts;
    r->fused = !r->late && !spec->ops->accumulate;
    rc = nn_comm_agree(spec->comm, count_threads(r));
    if (rc == 0)
        rc = open_backend(r);
    if (rc < 0)
        release(r);
    else
        *out = r;
    return rc;
}

void nn_reducer_free(nn_reducer *reducer) {
    if (!reducer)
        return;
    nn_wire_stop(reducer->wire);
    if (reducer->wire && !nn_wire_is_empty(reducer->wire))
        return; /* after a failure: MPI may still write to any of its memory */
    reducer->backend->free(reducer);
    release(reducer);
}

const char *nn_reducer_backend(const nn_reducer *reducer) {
    return reducer->spec.comm->size > 1 ? reducer->backend->name : "none";
}

nn_real *nn_reducer_vector(const nn_reducer *reducer, size_t i) {
    return reducer->vectors + i * reducer->stride;
}

nn_real *nn_reducer_grads(const nn_reducer *reducer) {
    return reducer->grads;
}

size_t nn_reducer_stride(const nn_reducer *reducer) {
    return reducer->stride;
}

size_t nn_reducer_gradient_bytes(const nn_reducer *reducer) {
    size_t ranks = (size_t)reducer->spec.comm->node_size, elements = 0, copies;
    for (size_t k = 0; k < reducer->partition.buckets; k++) {
        nn_slice held = nn_reduce_held(reducer, k, &copies);
        elements += (held.end - held.begin) * copies;
    }
    return elements * sizeof(nn_real) + nn_outer_grads_bytes(reducer->outer_grads) / ranks +
           reducer->bytes;
}

bool nn_reducer_writes(const nn_reducer *reducer) {
    return reducer->spec.choice != NN_REDUCE_NODE || reducer->spec.comm->node_rank == 0;
}

bool nn_reducer_shares(const nn_reducer *reducer) {
    return reducer->spec.choice == NN_REDUCE_NODE && reducer->spec.comm->node_size > 1;
}

size_t nn_reducer_share(const nn_reducer *reducer) {
    return reducer->share;
}

size_t nn_reducer_owners(const nn_reducer *reducer, size_t *owner) {
    *owner = reducer->owner;
    return reducer->partition.owners;
}

const nn_partition *nn_reducer_partition(const nn_reducer *reducer) {
    return &reducer->partition;
}

size_t nn_reducer_slices(const nn_reducer *reducer) {
    return nn_reduce_slices(reducer);
}

nn_slice nn_reducer_slice(const nn_reducer *reducer, size_t i) {
    return nn_reduce_slice(reducer, i);
}

nn_slice nn_reducer_part(const nn_reducer *reducer, size_t i) {
    return reducer->part[i];
}

bool nn_reducer_divides(const nn_reducer *reducer) {
    return reducer->divided;
}

bool nn_reducer_divides_slice(const nn_reducer *reducer, size_t i) {
    return nn_reduce_divides_bucket(reducer, i);
}

const nn_link *nn_reducer_link(const nn_reducer *reducer) {
    return &reducer->spec.link;
}

bool nn_reducer_sends_rows(const nn_reducer *reducer, size_t i) {
    return nn_outer_grads_travels(reducer->outer_grads, i);
}

bool nn_reducer_wants_rows(const nn_reducer *reducer, size_t i) {
    return nn_outer_grads_is_taken(reducer->outer_grads, i);
}

/* ---- what a step has left behind ------------------------------------------------------------- */

const nn_step_sums *nn_reducer_sums(const nn_reducer *reducer) {
    return &reducer->sums;
}

bool nn_reducer_nonfinite(const nn_reducer *reducer) {
    return reducer->nonfinite;
}

void nn_reducer_seconds(nn_reducer *reducer, double *waiting, double *updating) {
    *waiting = reducer->waiting;
    *updating = reducer->updating;
    reducer->waiting = reducer->updating = 0;
}

double nn_reducer_waited(nn_reducer *reducer, size_t begin, size_t end) {
    double seconds = 0;
    for (size_t k = 0; k < reducer->partition.buckets; k++) {
        nn_slice b = nn_partition_bucket(&reducer->partition, k);
        size_t from = b.begin > begin ? b.begin : begin, to = b.end < end ? b.end : end;
        if (from < to)
            seconds += reducer->waited[k] * (double)(to - from) / (double)(b.end - b.begin);
    }
    return seconds;
}

void nn_reducer_trace(nn_reducer *reducer, nn_trace *trace) {
    reducer->trace = trace;
}

void nn_reducer_clear_waited(nn_reducer *reducer) {
    memset(reducer->waited, 0, reducer->partition.buckets * sizeof *reducer->waited);
}

/* ---- vectors --------------------------------------------------------------------------------- */

void nn_reducer_add(nn_reducer *reducer, double *values, size_t count) {
    double start = nn_reduce_waits(reducer);
    reducer->backend->add(reducer, values, count);
    nn_reduce_waited(reducer, NN_TRACE_WAIT, 0, start);
}

int nn_reducer_sync(nn_reducer *reducer) {
    nn_comm_waits(reducer->spec.comm, true);
    int rc = reducer->backend->sync(reducer);
    nn_comm_waits(reducer->spec.comm, false);
    return rc;
}

int nn_reducer_scatter(nn_reducer *reducer, const nn_real *whole, nn_real *share) {
    nn_comm_waits(reducer->spec.comm, true);
    int rc = reducer->backend->scatter(reducer, whole, share);
    nn_comm_waits(reducer->spec.comm, false);
    return rc;
}
