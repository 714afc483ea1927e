#include "comm/reduce/backend.h"

#include "base/system/clock.h"
#include "comm/heartbeat.h"
#include "math/parallel.h"

double nn_reduce_waits(nn_reducer *r) {
    nn_comm_waits(r->spec.comm, true);
    return nn_seconds();
}

void nn_reduce_waited(nn_reducer *r, nn_trace_what what, size_t number, double since) {
    double now = nn_seconds();
    r->waiting += now - since;
    nn_trace_add(r->trace, what, (int64_t)number, since, now);
    nn_comm_waits(r->spec.comm, false);
}

void nn_reduce_updated(nn_reducer *r, nn_trace_what what, size_t number, double since) {
    double now = nn_seconds();
    r->updating += now - since;
    nn_trace_add(r->trace, what, (int64_t)number, since, now);
}

size_t nn_reduce_copies(const nn_reducer *r, size_t rank) {
    const nn_tree *t = r->spec.tree;
    return t ? t->first[rank + 1] - t->first[rank] : 1;
}

nn_slice nn_reduce_held(const nn_reducer *r, size_t k, size_t *copies) {
    nn_slice bucket = nn_partition_bucket(&r->partition, k);
    bool whole = !nn_outer_grads_covers(r->outer_grads, &bucket);
    *copies = whole ? nn_reduce_copies(r, (size_t)r->spec.comm->rank) : 1;
    return whole ? bucket : nn_reduce_slice(r, k);
}

struct range {
    nn_reducer *r;
    nn_slice slice;
};

static void step_range(void *ctx, size_t begin, size_t end) {
    const struct range *range = ctx;
    const nn_slice *s = &range->slice;
    size_t most = range->r->claims ? NN_REDUCE_PART : end - begin;
    for (size_t i = begin, n; i < end; i += n) {
        n = end - i < most ? end - i : most;
        nn_slice part = {s->begin + i, s->begin + i + n, s->at + i};
        nn_reduce_claim(range->r, &part);
        nn_reduce_step(range->r, &part, range->r->grads + part.begin);
    }
}

void nn_reduce_step_slice(nn_reducer *r, const nn_slice *slice) {
    struct range range = {r, *slice};
    double start = nn_seconds();
    nn_parallel(r->spec.compute, slice->end - slice->begin, NN_REDUCE_GRAIN, step_range, &range);
    nn_reduce_updated(r, NN_TRACE_UPDATE, 0, start);
}
