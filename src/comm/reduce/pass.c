/* A pass: its gradients are summed and the step is taken bucket by bucket. */
#include "base/system/clock.h"
#include "comm/comm.h"
#include "comm/reduce/backend.h"
#include "comm/reduce/reduce.h"
#include "math/parallel.h"

/* Once the step sums of all ranks are there. */
static void take_sums(nn_reducer *r) {
    if (r->known)
        return;
    r->backend->take_sums(r);
    r->known = true;
    r->accepted = r->spec.ops->accept(r->spec.ctx, &r->sums);
}

void nn_reducer_open(nn_reducer *reducer, size_t rows) {
    if (reducer->outer_grads)
        nn_outer_grads_open(reducer->outer_grads, rows);
    if (reducer->backend->open)
        reducer->backend->open(reducer);
}

void nn_reducer_put_rows(void *reducer, size_t i, nn_outer_side side, const nn_row_block *rows) {
    const nn_reducer *r = reducer;
    nn_outer_grads_put(r->outer_grads, i, side, rows);
    if (r->wire)
        nn_wire_poll(r->wire);
}

void nn_reducer_begin(nn_reducer *reducer, nn_step_sums *sums) {
    double start = nn_reduce_waits(reducer);
    reducer->backend->send_sums(reducer, sums);
    nn_reduce_waited(reducer, start);
}

/* The sums of the step come with its last pass. */
void nn_reducer_begin_pass(nn_reducer *reducer) {
    reducer->more = reducer->known = reducer->accepted = true;
}

struct range {
    nn_reducer *r;
    nn_slice slice;
};

static void accumulate_range(void *ctx, size_t begin, size_t end) {
    const struct range *range = ctx;
    const nn_reducer *r = range->r;
    const nn_slice *s = &range->slice;
    nn_slice part = {s->begin + begin, s->begin + end, s->at + begin};
    r->spec.ops->accumulate(r->spec.ctx, &part, r->passes == 0, !r->more, r->grads + part.begin);
}

/* The sum of one pass among several. */
static void accumulate_slice(nn_reducer *r, const nn_slice *slice) {
    struct range range = {r, *slice};
    double start = nn_seconds();
    nn_parallel(r->spec.compute, slice->end - slice->begin, NN_REDUCE_GRAIN, accumulate_range,
                &range);
    r->updating += nn_seconds() - start;
    if (!r->more && !r->late)
        nn_reduce_step_slice(r, slice);
}

/* The owner's work on one bucket. A step that needs more than its own gradients waits for finish.
 */
static void deal_with(nn_reducer *r, size_t k) {
    const nn_reduce_ops *ops = r->spec.ops;
    nn_slice slice = nn_reducer_slice(r, k);
    r->summed++;
    if (!r->accepted || r->rc < 0 || slice.end == slice.begin)
        return;
    r->backend->sum(r, k, r->fused);
    if (ops->accumulate && r->rc == 0)
        accumulate_slice(r, &slice);
}

static bool have_sums(void *ctx) {
    nn_reducer *r = ctx;
    return r->known || r->backend->have_sums(r);
}

static bool have_others(nn_reducer *r, size_t k) {
    return !r->backend->have_others || r->backend->have_others(r, k);
}

/* Buckets that the node has complete go to the other nodes. Waits for nobody. */
static void start_buckets(nn_reducer *r) {
    for (; r->started < r->complete && r->backend->have_bucket(r, r->started); r->started++)
        if (r->backend->start)
            r->backend->start(r, r->started);
}

void nn_reducer_ready(void *reducer, size_t begin) {
    nn_reducer *r = reducer;
    size_t complete = nn_partition_complete(&r->partition, begin);
    if (complete > r->complete) {
        r->complete = complete;
        r->backend->send_complete(r);
    }
    start_buckets(r);
    if (!have_sums(r))
        return;
    take_sums(r);
    while (r->summed < r->started && have_others(r, r->summed))
        deal_with(r, r->summed);
}

static bool have_next(void *ctx) {
    nn_reducer *r = ctx;
    start_buckets(r);
    return r->summed < r->started && have_others(r, r->summed);
}

static bool have_sums_at_last(void *ctx) {
    start_buckets(ctx);
    return have_sums(ctx);
}

static bool have_all(void *ctx) {
    nn_reducer *r = ctx;
    return r->partition.buckets == 0 || r->backend->have_bucket(r, r->partition.buckets - 1);
}

/* What this rank has sent must have gone before it is overwritten. */
static bool have_end(void *ctx) {
    nn_reducer *r = ctx;
    return r->backend->have_end(r) && (!r->wire || nn_wire_is_empty(r->wire));
}

struct waiting {
    nn_reducer *r;
    nn_condition *holds;
};

static bool holds_or_failed(void *ctx) {
    const struct waiting *w = ctx;
    return w->holds(w->r) || nn_wire_failed(w->r->wire);
}

/* Whoever has failed waits for nobody: others may be waiting for this rank. */
static void wait_until(nn_reducer *r, nn_condition *holds) {
    if (r->rc < 0)
        return;
    if (!holds(r)) {
        double start = nn_reduce_waits(r);
        if (r->wire)
            nn_wait_polling(holds_or_failed, &(struct waiting){r, holds}, r->crowded);
        else
            nn_wait(holds, r, r->event);
        nn_reduce_waited(r, start);
    }
    if (r->wire)
        nn_reduce_check(r, nn_wire_check(r->wire));
}

/* Once all gradients are summed: for steps that depend on norms of them, or that are taken in
 * parts. */
static void take_late_steps(nn_reducer *r) {
    if (r->spec.ops->compute_norms)
        r->spec.ops->compute_norms(r->spec.ctx, r);
    for (size_t i = 0; i < nn_reducer_slices(r); i++) {
        nn_slice slice = nn_reducer_slice(r, i);
        nn_reduce_step_slice(r, &slice);
    }
}

/* All buckets that have not been dealt with. */
static void sum_rest(nn_reducer *r) {
    nn_reduce_check(r, nn_comm_check(r->spec.comm)); /* statistics of layers go over ranks, too */
    nn_reducer_ready(r, 0);
    wait_until(r, have_sums_at_last);
    if (r->rc == 0) /* else there are none, and nobody may go by them */
        take_sums(r);
    if (r->event) /* each sleep costs more than all buckets at once */
        wait_until(r, have_all);
    while (r->summed < r->partition.buckets) {
        double before = r->waiting;
        wait_until(r, have_next);
        r->waited[r->summed] += r->waiting - before;
        deal_with(r, r->summed);
    }
}

static int end_step(nn_reducer *r) {
    const nn_reduce_ops *ops = r->spec.ops;
    bool steps = r->accepted && !r->more && r->rc == 0;
    if (steps && r->late)
        take_late_steps(r);
    if (steps && ops->constrain)
        ops->constrain(r->spec.ctx, r);
    r->backend->send_end(r, steps && ops->nonfinite && ops->nonfinite(r->spec.ctx));
    wait_until(r, have_end);
    int rc = r->rc;
    r->passes_ended++;
    r->rc = 0;
    r->passes = r->more ? r->passes + 1 : 0;
    r->known = r->more = false;
    r->complete = r->started = r->summed = 0;
    return rc < 0 ? nn_error_frame(rc, __func__) : 0;
}

int nn_reducer_finish(nn_reducer *reducer) {
    sum_rest(reducer);
    return end_step(reducer);
}

int nn_reducer_sum(nn_reducer *reducer) {
    sum_rest(reducer);
    return reducer->rc;
}

int nn_reducer_update(nn_reducer *reducer, bool steps) {
    reducer->accepted = reducer->accepted && steps;
    return end_step(reducer);
}
