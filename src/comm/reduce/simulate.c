#include "comm/reduce/simulate.h"

#include "base/mem.h"
#include "comm/reduce/outer/outer_grads.h"
#include "comm/reduce/partition.h"

#include <math.h>

/* Steps until the pauses between messages are those of all later ones, and what a step leaves. */
#define SETTLING 64
#define SETTLING_AHEAD 8

/* ---- what goes over the network -------------------------------------------------------------- */

enum kind { ROWS, DIRECT_SUM, DIVIDED_SUM, HALVED_SUM, STEP_SUMS };

/* What one node sends before it waits for what the others have sent. */
struct round {
    double messages, bytes;
    double added; /* bytes of what comes that are added */
};

struct transfer {
    enum kind kind;
    double bytes; /* of the rows, or of the vector that is summed, */
    double back;  /* and of what comes back of it, where that is something else */
    double need;  /* the smallest goes first among those that wait, where steps are left */
    int done;     /* rounds */
    double ready; /* when the next round can begin; after the last one, when all has come */
};

static int rounds_of(enum kind kind, int nodes) {
    if (nodes == 1)
        return 0;
    if (kind == ROWS)
        return 1;
    if (kind == DIRECT_SUM)
        return nodes == 2 ? 1 : 2;
    if (kind == DIVIDED_SUM)
        return 2;
    return kind == HALVED_SUM ? 2 * nn_halvings(nodes) : nn_halvings(nodes);
}

/* Half of the bytes to one node, a quarter to the next ..., and the same back. */
static struct round halving_round(double bytes, int round, int halvings) {
    bool back = round >= halvings;
    double part = bytes / (1 << (back ? 2 * halvings - round : round + 1));
    return (struct round){1, part, back ? 0 : part};
}

/* All of it to the other node; or its part to each, and the sum of one's own part to all. */
static struct round direct_round(double bytes, int round, int nodes) {
    double others = nodes - 1, part = others * bytes / nodes;
    if (nodes == 2)
        return (struct round){1, bytes, bytes};
    return (struct round){others, part, round == 0 ? part : 0};
}

/* Its part to each, and the parameters of one's own part to all. */
static struct round divided_round(const struct transfer *t, int nodes) {
    double others = nodes - 1, part = others * t->bytes / nodes;
    if (t->done == 0)
        return (struct round){others, part, part};
    return (struct round){others, others * t->back / nodes, 0};
}

static struct round round_of(const struct transfer *t, int nodes) {
    double others = nodes - 1;
    switch (t->kind) {
    case ROWS:
        return (struct round){others, others * t->bytes, 0};
    case DIRECT_SUM:
        return direct_round(t->bytes, t->done, nodes);
    case DIVIDED_SUM:
        return divided_round(t, nodes);
    case HALVED_SUM:
        return halving_round(t->bytes, t->done, nn_halvings(nodes));
    default:
        return (struct round){1, t->bytes, 0};
    }
}

/* Seconds for which a round keeps the network busy. */
static double sending(const struct round *round, const nn_network *net) {
    return round->messages * net->overhead + round->bytes / net->bandwidth;
}

/* Seconds of a transfer that has the network for itself, where one round follows the other. */
static double alone(enum kind kind, double bytes, const nn_network *net, int nodes) {
    struct transfer t = {.kind = kind, .bytes = bytes};
    for (; t.done < rounds_of(kind, nodes); t.done++) {
        struct round round = round_of(&t, nodes);
        t.ready += sending(&round, net) + net->latency + round.added / net->adding;
    }
    return t.ready;
}

/* As sums do (comm/reduce/node/sums.h). */
static bool go_directly(const nn_step_plan *plan, int nodes) {
    return nn_sums_go_directly((size_t)nodes, 0, plan->number < sizeof(nn_real), false);
}

bool nn_simulate_by_rows(const nn_step_plan *plan, const nn_step_matrix *matrix,
                         const nn_network *network, int nodes) {
    while (matrix->product.continued)
        matrix--;
    const nn_link link = {.latency = network->latency,
                          .overhead = network->overhead,
                          .bandwidth = network->bandwidth,
                          .flops = plan->flops};
    nn_exchange_costs costs = nn_outer_costs(&matrix->product, nodes * plan->rows, plan->number);
    costs.nodes = nodes;
    costs.ranks = plan->ranks;
    costs.direct = go_directly(plan, nodes);
    return nodes > 1 && nn_rows_pay(&link, &costs);
}

/* ---- the step ---------------------------------------------------------------------------------
 */

/* Buckets wait for one transfer each; of rows it is the second, which comes after the first. */
struct bucket {
    size_t transfer;
    double work; /* seconds of what is done when it has come */
    bool dealt;  /* that is done */
};

struct simulation {
    const nn_step_plan *plan;
    const nn_network *net;
    int nodes;
    size_t *begin; /* [layers] of their parameters */
    /* Matrices of all layers, layer after layer. */
    size_t *first; /* [layers] of a layer's */
    bool *by_rows;
    size_t *rows; /* transfers of the rows that go out last */
    nn_partition partition;
    struct bucket *bucket; /* [partition.buckets] */
    struct transfer *transfer;
    size_t transfers; /* so far, from the step before on, */
    size_t before;    /* of which those are so many */
    int step;
    size_t left;                     /* buckets of the step before, the first ones */
    double network_free, adder_free; /* when the network, and who adds, are free again */
    double step_sums;                /* when they have come */
    double now, exposed;             /* of the ranks */
    size_t complete, dealt;          /* buckets */
};

/* For elements from `begin` on. */
static size_t begin_transfer(struct simulation *s, enum kind kind, double bytes, size_t begin) {
    double need = (double)s->step * (double)s->partition.border[0] + (double)begin;
    s->transfer[s->transfers] = (struct transfer){
        .kind = kind, .bytes = bytes, .need = s->plan->ahead ? need : 0, .ready = s->now};
    return s->transfers++;
}

static bool has_come(const struct simulation *s, const struct transfer *t) {
    return t->done == rounds_of(t->kind, s->nodes);
}

/* Whether a round of `a` goes before one of `b`: if both wait for the network, the one that is
 * needed first. */
static bool goes_first(const struct simulation *s, const struct transfer *a,
                       const struct transfer *b) {
    double when_a = fmax(a->ready, s->network_free), when_b = fmax(b->ready, s->network_free);
    if (when_a == when_b && a->need != b->need)
        return a->need < b->need;
    return a->ready < b->ready;
}

/* The round that begins next; NULL: none is left. */
static struct transfer *next_round(struct simulation *s) {
    struct transfer *next = NULL;
    for (size_t i = 0; i < s->transfers; i++) {
        struct transfer *t = &s->transfer[i];
        if (!has_come(s, t) && (!next || goes_first(s, t, next)))
            next = t;
    }
    return next;
}

/* When the last byte can leave that keeps the network busy until `free`. */
static double leaves(const struct simulation *s, double ready, double free) {
    return fmax(ready, free - s->net->burst / s->net->bandwidth);
}

static void take_round(struct simulation *s, struct transfer *t) {
    struct round round = round_of(t, s->nodes);
    s->network_free = fmax(t->ready, s->network_free) + sending(&round, s->net);
    t->ready = leaves(s, t->ready, s->network_free) + s->net->latency;
    if (round.added > 0)
        t->ready = s->adder_free = fmax(t->ready, s->adder_free) + round.added / s->net->adding;
    t->done++;
}

/* The network goes on until the last round of `t` is under way, or to a moment. */
static void run_network(struct simulation *s, const struct transfer *t, double until) {
    struct transfer *next;
    while (!has_come(s, t) && (next = next_round(s)) &&
           leaves(s, next->ready, s->network_free) <= until)
        take_round(s, next);
}

/* Whether it is that late, or waited for. */
static bool reach(struct simulation *s, double when, bool wait) {
    if (when > s->now && !wait)
        return false;
    s->exposed += fmax(0, when - s->now);
    s->now = fmax(when, s->now);
    return true;
}

/* Whether transfer i has come, or is waited for. */
static bool come(struct simulation *s, size_t i, bool wait) {
    const struct transfer *t = &s->transfer[i];
    run_network(s, t, wait ? (double)INFINITY : s->now);
    return has_come(s, t) && reach(s, t->ready, wait);
}

static void deal_with(struct simulation *s, struct bucket *b) {
    s->now += b->work;
    b->dealt = true;
}

/* Takes the steps on complete buckets. */
static void deal(struct simulation *s, bool wait) {
    if (!reach(s, s->step_sums, wait))
        return;
    while (s->dealt < s->complete && come(s, s->bucket[s->dealt].transfer, wait))
        deal_with(s, &s->bucket[s->dealt++]);
}

/* Bucket k is waited for, of which others are dealt with that come sooner. */
static void deal_with_left(struct simulation *s, size_t k) {
    struct bucket *first = &s->bucket[k];
    while (!first->dealt) {
        const struct transfer *t = &s->transfer[first->transfer];
        struct bucket *next = first;
        run_network(s, t, (double)INFINITY);
        for (size_t i = k; t->ready > s->now && i-- > 0;) {
            const struct transfer *other = &s->transfer[s->bucket[i].transfer];
            bool sooner = other->ready < s->transfer[next->transfer].ready;
            if (!s->bucket[i].dealt && has_come(s, other) && sooner)
                next = &s->bucket[i];
        }
        reach(s, s->transfer[next->transfer].ready, true);
        deal_with(s, next);
    }
}

/* The parameters of the step before are there up to element `end`. */
static void need(struct simulation *s, size_t end) {
    for (; s->left > 0 && s->partition.border[s->left] < end; s->left--)
        deal_with_left(s, s->left - 1);
}

/* Time begins again with each step; what the step before it had left is gone. */
static void begin_step(struct simulation *s) {
    s->transfers -= s->before;
    for (size_t i = 0; i < s->transfers; i++) {
        s->transfer[i] = s->transfer[i + s->before];
        s->transfer[i].ready -= s->now;
    }
    for (size_t k = 0; k < s->left; k++)
        s->bucket[k].transfer -= s->before;
    s->before = s->transfers;
    s->network_free -= s->now;
    s->adder_free -= s->now;
    s->now = s->exposed = 0;
    s->complete = s->dealt = 0;
    s->step++;
}

/* One side of the rows of layer i goes out, of matrices that have it before the layer computes, or
 * of the others. */
static void send_rows(struct simulation *s, size_t i, bool first, bool early) {
    const nn_step_layer *layer = &s->plan->layer[i];
    for (size_t k = 0; k < layer->matrices; k++) {
        const nn_step_matrix *m = &layer->matrix[k];
        nn_outer_side side = (m->first == NN_OUTER_A) == first ? NN_OUTER_A : NN_OUTER_B;
        size_t bytes = nn_outer_side_bytes(&m->product, side, s->plan->number);
        if (s->by_rows[s->first[i] + k] && m->early == early)
            s->rows[s->first[i] + k] =
                begin_transfer(s, ROWS, s->plan->rows * (double)bytes, s->begin[i]);
    }
}

static void forward(struct simulation *s) {
    const nn_step_plan *plan = s->plan;
    s->now += plan->other;
    for (size_t i = 0; i < plan->layers; i++) {
        if (plan->layer[i].params > 0)
            need(s, s->begin[i] + plan->layer[i].params);
        send_rows(s, i, true, true);
        s->now += plan->layer[i].forward;
        send_rows(s, i, true, false);
    }
    /* they are so short that nothing waits for them */
    s->step_sums = s->now + alone(STEP_SUMS, sizeof(nn_step_sums), s->net, s->nodes);
}

/* Which matrix of layer i that goes by rows the bucket is; `matrices`: none. */
static size_t matrix_of(const struct simulation *s, nn_slice bucket, size_t i) {
    const nn_step_layer *layer = &s->plan->layer[i];
    size_t k = 0;
    while (k < layer->matrices && !(s->by_rows[s->first[i] + k] &&
                                    bucket.begin == s->begin[i] + layer->matrix[k].product.begin))
        k++;
    return k;
}

/* Stage i has completed its gradients. */
static void complete_buckets(struct simulation *s, size_t i) {
    const nn_step_layer *layer = &s->plan->layer[i];
    size_t complete = nn_partition_complete(&s->partition, s->begin[i]);
    enum kind kind = s->plan->divided                 ? DIVIDED_SUM
                     : go_directly(s->plan, s->nodes) ? DIRECT_SUM
                                                      : HALVED_SUM;
    for (; s->complete < complete; s->complete++) {
        nn_slice slice = nn_partition_bucket(&s->partition, s->complete);
        struct bucket *b = &s->bucket[s->complete];
        size_t elements = slice.end - slice.begin, k = matrix_of(s, slice, i);
        b->dealt = false;
        b->work = s->plan->update * (double)elements;
        if (k < layer->matrices) {
            b->transfer = s->rows[s->first[i] + k];
            b->work += layer->matrix[k].fraction * layer->product_all;
        } else {
            b->transfer =
                begin_transfer(s, kind, (double)(elements * s->plan->number), slice.begin);
            s->transfer[b->transfer].back = (double)(elements * sizeof(nn_real));
            if (s->plan->divided)
                b->work /= s->nodes;
        }
    }
}

/* The part of a layer's product that it makes itself. */
static double share_summed(const struct simulation *s, size_t i) {
    const nn_step_layer *layer = &s->plan->layer[i];
    double fraction = 1;
    for (size_t k = 0; k < layer->matrices; k++)
        fraction -= s->by_rows[s->first[i] + k] ? layer->matrix[k].fraction : 0;
    return fmax(fraction, 0);
}

static void backward(struct simulation *s) {
    for (size_t i = s->plan->layers; i-- > 0;) {
        const nn_step_layer *layer = &s->plan->layer[i];
        send_rows(s, i, false, true);
        s->now += layer->backward + share_summed(s, i) * layer->product;
        send_rows(s, i, false, false);
        if (layer->params > 0)
            complete_buckets(s, i);
        if (!s->plan->ahead)
            deal(s, false);
    }
    if (!s->plan->ahead) {
        deal(s, true);
        return;
    }
    reach(s, s->step_sums, true);
    s->left = s->partition.buckets;
}

/* ---- planning -------------------------------------------------------------------------------- */

static size_t count_matrices(const nn_step_plan *plan) {
    size_t count = 0;
    for (size_t i = 0; i < plan->layers; i++)
        count += plan->layer[i].matrices;
    return count;
}

/* Stage i begins at spec->n. Chooses the ways of its matrices: those that go by rows are a bucket
 * each. */
static void plan_layer(struct simulation *s, size_t i, nn_partition_spec *spec, nn_span *whole) {
    const nn_step_layer *layer = &s->plan->layer[i];
    s->begin[i] = spec->n;
    for (size_t k = 0; k < layer->matrices; k++) {
        const nn_outer_matrix *c = &layer->matrix[k].product;
        bool by_rows = nn_simulate_by_rows(s->plan, &layer->matrix[k], s->net, s->nodes);
        s->by_rows[s->first[i] + k] = by_rows;
        if (by_rows)
            whole[spec->wholes++] = (nn_span){spec->n + c->begin, spec->n + c->begin + c->m * c->n};
    }
    s->first[i + 1] = s->first[i] + layer->matrices;
    spec->n += layer->params;
}

/* Cuts the vector into buckets. */
static int partition_vector(struct simulation *s, nn_pool *pool) {
    size_t layers = s->plan->layers, matrices = count_matrices(s->plan);
    nn_partition_spec spec = {
        .bucket = NN_PARTITION_BUCKET, .owners = 1, .cell = NN_PARTITION_LINE};
    nn_span *whole = nn_pool_alloc(pool, (matrices + 1) * sizeof *whole);
    s->by_rows = nn_pool_alloc(pool, (matrices + 1) * sizeof *s->by_rows);
    s->rows = nn_pool_alloc(pool, (matrices + 1) * sizeof *s->rows);
    s->begin = nn_pool_alloc(pool, (layers + 1) * sizeof *s->begin);
    s->first = nn_pool_alloc(pool, (layers + 1) * sizeof *s->first);
    if (!whole || !s->by_rows || !s->rows || !s->begin || !s->first)
        return NN_EMEMORY;
    for (size_t i = 0; i < layers; i++)
        plan_layer(s, i, &spec, whole);
    spec.whole = whole;
    return nn_partition_init(&s->partition, pool, &spec);
}

static int plan_simulation(struct simulation *s, nn_pool *pool) {
    NN_TRY(partition_vector(s, pool));
    size_t buckets = s->partition.buckets, most = buckets + 2 * count_matrices(s->plan);
    s->bucket = nn_pool_alloc(pool, (buckets + 1) * sizeof *s->bucket);
    s->transfer = nn_pool_alloc(pool, (2 * most + 1) * sizeof *s->transfer);
    return s->bucket && s->transfer ? 0 : NN_EMEMORY;
}

int nn_simulate(const nn_step_plan *plan, const nn_network *network, int nodes, nn_step_time *out) {
    struct simulation s = {.plan = plan, .net = network, .nodes = nodes};
    nn_pool pool = {0};
    int rc = plan_simulation(&s, &pool);
    int steps = network->burst > 0 ? SETTLING : plan->ahead ? SETTLING_AHEAD : 1;
    for (int i = 0; rc == 0 && i < steps; i++) {
        begin_step(&s);
        forward(&s);
        backward(&s);
        *out = (nn_step_time){s.now, s.exposed};
    }
    nn_pool_release(&pool);
    return rc;
}
