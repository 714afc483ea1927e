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
    r->accepted = r->spec.ops->begin_step(r->spec.ctx, &r->sums);
}

static void open_bucket(nn_reducer *r, size_t k) {
    r->dealt[k] = r->stepped[k] = false;
    r->backend->open(r, k);
}

/* Buckets that are left are opened as they are completed. Products that are still to be made of
 * rows want as many as there were. */
void nn_reducer_open(nn_reducer *reducer, size_t rows) {
    nn_reducer *r = reducer;
    if (rows != r->rows)
        nn_reducer_need(r, r->spec.n);
    r->rows = rows;
    r->open = true;
    if (r->outer_grads)
        nn_outer_grads_open(r->outer_grads, rows);
    for (size_t k = r->left; r->wire && k < r->partition.buckets; k++)
        open_bucket(r, k);
}

void nn_reducer_put_rows(void *reducer, size_t i, nn_outer_side side, const nn_row_block *rows) {
    const nn_reducer *r = reducer;
    if (r->rc < 0) /* buckets may not have been opened */
        return;
    nn_outer_grads_put(r->outer_grads, i, side, rows);
    if (r->wire)
        nn_wire_poll(r->wire);
}

void nn_reducer_send_sums(nn_reducer *reducer, nn_step_sums *sums) {
    double start = nn_reduce_waits(reducer);
    reducer->backend->send_sums(reducer, sums);
    nn_reduce_waited(reducer, NN_TRACE_WAIT, 0, start);
}

/* There are none before the last pass, and gradients are summed whatever they will be. */
void nn_reducer_skip_sums(nn_reducer *reducer) {
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
    nn_reduce_updated(r, NN_TRACE_UPDATE, 0, start);
    if (!r->more && !r->late)
        nn_reduce_step_slice(r, slice);
}

/* The step is taken on this rank's part. */
static void send_part(nn_reducer *r, size_t k) {
    if (r->divided && r->rc == 0)
        r->backend->send_part(r, k);
}

/* The owner's work on one bucket. A step that needs more than its own gradients waits for finish.
 */
static void deal_with(nn_reducer *r, size_t k) {
    const nn_reduce_ops *ops = r->spec.ops;
    nn_slice slice = nn_reducer_slice(r, k);
    if (r->wire)
        nn_trace_end(r->trace, NN_TRACE_BETWEEN, (int64_t)k, r->begun[k]);
    if (!r->accepted || r->rc < 0 || slice.end == slice.begin)
        return;
    r->backend->sum(r, k, r->fused);
    if (ops->accumulate && r->rc == 0)
        accumulate_slice(r, &r->part[k]);
    if (!r->late && !r->more)
        send_part(r, k);
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
    for (; r->started < r->complete && r->backend->have_bucket(r, r->started); r->started++) {
        if (r->wire)
            r->begun[r->started] = nn_trace_begin(r->trace);
        if (r->backend->start)
            r->backend->start(r, r->started);
    }
}

void nn_reducer_ready(void *reducer, size_t begin) {
    nn_reducer *r = reducer;
    size_t complete = nn_partition_complete(&r->partition, begin);
    if (complete > r->complete) {
        r->complete = complete;
        r->backend->send_complete(r);
    }
    start_buckets(r);
    if (r->wire)
        nn_wire_poll(r->wire);
    if (!have_sums(r))
        return;
    take_sums(r);
    while (!r->ahead && r->summed < r->started && have_others(r, r->summed))
        deal_with(r, r->summed++);
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
    nn_wire_poll(w->r->wire);
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
            nn_wait(holds, r, r->wakeup);
        nn_reduce_waited(r, NN_TRACE_WAIT, 0, start);
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
        nn_reduce_step_slice(r, &r->part[i]);
        send_part(r, i);
    }
}

static void adopt_range(void *ctx, size_t begin, size_t end) {
    const struct range *range = ctx;
    nn_slice part = {range->slice.begin + begin, range->slice.begin + end, 0};
    range->r->spec.ops->adopt(range->r->spec.ctx, &part);
}

/* The parameters of bucket k are those after the step: also what other nodes have made of them. */
static void adopt_parts(nn_reducer *r, size_t k) {
    nn_slice slice = nn_reducer_slice(r, k), own = r->part[k];
    struct range side[] = {{r, {slice.begin, own.begin, 0}}, {r, {own.end, slice.end, 0}}};
    double start = nn_seconds();
    for (int i = 0; i < 2; i++)
        nn_parallel(r->spec.compute, side[i].slice.end - side[i].slice.begin, NN_REDUCE_GRAIN,
                    adopt_range, &side[i]);
    nn_reduce_updated(r, NN_TRACE_UPDATE, 0, start);
}

static bool have_parts(void *ctx) {
    nn_reducer *r = ctx;
    return r->backend->have_parts(r, r->adopted);
}

static void adopt_all(nn_reducer *r) {
    for (r->adopted = 0; r->adopted < nn_reducer_slices(r) && r->rc == 0; r->adopted++) {
        double before = r->waiting;
        wait_until(r, have_parts);
        r->waited[r->adopted] += r->waiting - before;
        if (r->rc == 0)
            adopt_parts(r, r->adopted);
    }
}

/* Back-propagation has ended; the step sums are waited for. */
static void begin_end(nn_reducer *r) {
    nn_reduce_check(r, nn_comm_check(r->spec.comm)); /* statistics of layers go over ranks, too */
    nn_reducer_ready(r, 0);
    wait_until(r, have_sums_at_last);
    if (r->rc == 0) /* else there are none, and nobody may go by them */
        take_sums(r);
    r->open = false;
}

/* All buckets that have not been dealt with. */
static void sum_rest(nn_reducer *r) {
    if (r->wakeup) /* each sleep costs more than all buckets at once */
        wait_until(r, have_all);
    while (r->summed < r->partition.buckets) {
        double before = r->waiting;
        wait_until(r, have_next);
        r->waited[r->summed] += r->waiting - before;
        deal_with(r, r->summed++);
    }
}

/* This rank has no more to do for the pass, and soon nobody of its node. */
static void end_pass(nn_reducer *r, bool steps, nn_condition *have_ended) {
    const nn_reduce_ops *ops = r->spec.ops;
    r->backend->send_end(r, steps && ops->nonfinite && ops->nonfinite(r->spec.ctx));
    wait_until(r, have_ended);
    r->passes_ended++;
    r->passes = r->more ? r->passes + 1 : 0;
    r->known = r->more = false;
    r->complete = r->started = r->summed = 0;
}

static int take_rc(nn_reducer *r, const char *function) {
    int rc = r->rc;
    r->rc = 0;
    return rc < 0 ? nn_error_frame(rc, function) : 0;
}

static int end_step(nn_reducer *r) {
    const nn_reduce_ops *ops = r->spec.ops;
    bool steps = r->accepted && !r->more && r->rc == 0;
    if (steps && r->late)
        take_late_steps(r);
    if (steps && r->divided)
        adopt_all(r);
    if (steps && ops->constrain && r->rc == 0)
        ops->constrain(r->spec.ctx, r);
    end_pass(r, steps, have_end);
    return take_rc(r, __func__);
}

int nn_reducer_sum(nn_reducer *reducer) {
    begin_end(reducer);
    sum_rest(reducer);
    return reducer->rc;
}

int nn_reducer_update(nn_reducer *reducer, bool steps) {
    reducer->accepted = reducer->accepted && steps;
    return end_step(reducer);
}

/* ---- ahead ----------------------------------------------------------------------------------- */

void nn_reducer_go_ahead(nn_reducer *reducer, bool ahead) {
    reducer->ahead = ahead && reducer->wire && nn_reduce_may_go_ahead(reducer->spec.ops);
}

static bool have_started(void *ctx) {
    nn_reducer *r = ctx;
    start_buckets(r);
    return r->started == r->partition.buckets;
}

/* Once all of it is on its way: other nodes wait for that, and nobody here looks after what is not.
 */
static bool leave(nn_reducer *r) {
    wait_until(r, have_started);
    r->nonfinite = false;
    r->left = r->rc == 0 ? r->partition.buckets : 0;
    return r->left > 0;
}

int nn_reducer_finish(nn_reducer *reducer) {
    nn_reducer *r = reducer;
    begin_end(r);
    if (r->ahead && r->accepted && leave(r))
        return 0;
    sum_rest(r);
    return end_step(r);
}

bool nn_reducer_has_left(const nn_reducer *reducer) {
    return reducer->left > 0;
}

/* Its sums, or after the step the parts of other nodes. */
static bool have_more_of(nn_reducer *r, size_t k) {
    return r->stepped[k] ? r->backend->have_parts(r, k) : have_others(r, k);
}

/* Of the buckets left whose sums have come, the one that is needed first is before it; 0: none. */
static size_t next_left(nn_reducer *r) {
    size_t k = r->left;
    while (k > 0 && (r->dealt[k - 1] || !have_more_of(r, k - 1)))
        k--;
    return k;
}

static bool have_left(void *ctx) {
    nn_reducer *r = ctx;
    return r->backend->have_dealt(r, r->left - 1) || next_left(r) > 0;
}

/* What has come is dealt with while the bucket that is needed first is on its way. */
static void go_on_with_left(nn_reducer *r) {
    double before = r->waiting;
    wait_until(r, have_left);
    r->waited[r->left - 1] += r->waiting - before;
    size_t next = r->rc == 0 ? next_left(r) : 0;
    if (next == 0)
        return;
    size_t k = next - 1;
    if (r->stepped[k])
        adopt_parts(r, k);
    else
        deal_with(r, k);
    r->dealt[k] = r->stepped[k] || !r->divided;
    r->stepped[k] = r->divided;
    if (r->dealt[k])
        r->backend->send_dealt(r, k);
}

/* The wire may have messages of the next pass already. */
static bool have_end_of_left(void *ctx) {
    nn_reducer *r = ctx;
    return r->backend->have_end(r);
}

void nn_reducer_need(void *reducer, size_t end) {
    nn_reducer *r = reducer;
    if (r->wire) /* where no thread looks after it */
        nn_wire_poll(r->wire);
    if (r->left == 0)
        return;
    nn_reduce_check(r, nn_comm_check(r->spec.comm)); /* as in begin_end */
    while (r->rc == 0 && r->left > 0 && r->partition.border[r->left] < end) {
        if (!r->backend->have_dealt(r, r->left - 1)) {
            go_on_with_left(r);
            continue;
        }
        r->left--;
        if (r->open)
            open_bucket(r, r->left);
    }
    if (r->rc < 0)
        r->left = 0;
    if (r->left == 0)
        end_pass(r, r->rc == 0, have_end_of_left);
}

int nn_reducer_complete(nn_reducer *reducer) {
    nn_reducer_need(reducer, reducer->spec.n);
    return take_rc(reducer, __func__);
}
