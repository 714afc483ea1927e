#include "comm/reduce/outer/outer_grads.h"

#include "base/mem.h"
#include "comm/between/bf16.h"
#include "comm/between/link.h"
#include "comm/comm.h"
#include "comm/messages.h"
#include "comm/reduce/outer/inner.h"
#include "comm/reduce/partition.h"
#include "math/gemm/outer_slice.h"
#include "math/parallel.h"

#include <math.h>
#include <string.h>

/* Elements of a matrix, and rows of it to a slice, that are worth it. */
#define LEAST 16384
#define LEAST_ROWS 16
/* Elements to copy that are worth a fork and join. */
#define GRAIN 65536

/* ---- planning -------------------------------------------------------------------------------- */

/* Elements that go through memory: rows are written once and read by every owner (A for its slice
 * alone); gradients are written by every rank and read again. The same on all nodes, since the
 * slices of all must be the same. Along a tree products of a node's rows are no sums that the tree
 * has. Who has fewer rows than there may be would multiply zeros. */
static bool pays_in_node(const nn_outer_grads *o, const nn_outer_matrix *c) {
    size_t ranks = (size_t)o->comm->node_least;
    double m = (double)c->m, n = (double)c->n, rows = (double)(o->usual_of_node * c->steps);
    double by_rows = rows * (2 * m + (double)(1 + ranks) * n);
    if (c->indexed) /* a row of B is read by the owner of its place alone; the rest are zeros */
        by_rows = rows * ((double)(1 + ranks) + 2 * n) + m * n;
    return ranks > 1 && o->ordered && !(o->tree && o->wire) && !c->padded && c->m * c->n >= LEAST &&
           c->m >= LEAST_ROWS * ranks && by_rows < 2 * (double)ranks * m * n;
}

static bool is_ordered(const nn_comm *comm) {
    bool ordered = true;
    for (int r = 0; r < comm->size; r++)
        ordered = ordered && comm->locality[r].leader + comm->locality[r].node_rank == r;
    return ordered;
}

/* Rows on a node; a smaller minibatch can be dealt so that there is one more. */
static void find_most_of_node(nn_outer_grads *o) {
    for (size_t r = 0, ranks; r < (size_t)o->comm->size; r += ranks) {
        ranks = (size_t)o->comm->locality[r].node_size;
        nn_span usual = nn_shards_rows_of(o->shards, o->most, r, r + ranks);
        size_t rows = usual.end - usual.begin + 1, most = ranks * outer_most_of_rank(o);
        most = most < o->most ? most : o->most;
        o->usual_of_node = rows > o->usual_of_node ? rows : o->usual_of_node;
        o->most_of_node = most > o->most_of_node ? most : o->most_of_node;
    }
}

/* Microbatches are multiplied by a kernel that has a bound on rows. */
static bool fits(const nn_reduce_spec *spec) {
    if (spec->outer_count == 0 || (spec->comm->node_least < 2 && spec->comm->nodes == 1))
        return false;
    return !spec->tree || (spec->rows <= NN_OUTER_ROWS && spec->tree->leaves <= NN_OUTER_PARTS);
}

size_t nn_outer_side_bytes(const nn_outer_matrix *c, nn_outer_side side, size_t number) {
    if (c->indexed && side == NN_OUTER_A)
        return c->steps * sizeof(nn_real);
    return c->steps * (side == NN_OUTER_A ? c->m : c->n) * number;
}

nn_exchange_costs nn_outer_costs(const nn_outer_matrix *c, double samples, size_t number) {
    size_t bytes =
        nn_outer_side_bytes(c, NN_OUTER_A, number) + nn_outer_side_bytes(c, NN_OUTER_B, number);
    double elements = (double)c->m * (double)c->n;
    return (nn_exchange_costs){.rows = samples * (double)c->steps,
                               .row_bytes = (double)bytes / (double)c->steps,
                               .bytes = elements * (double)number,
                               .buckets = ceil(elements / (double)NN_PARTITION_BUCKET),
                               .work = c->indexed ? 0 : elements};
}

/* Rows go between the nodes. The first part of a tensor decides for all of it: residuals are kept
 * of whole tensors. */
static bool pays_between(const nn_outer_grads *o, const nn_reduce_spec *spec,
                         const nn_outer_matrix *c) {
    while (c->continued)
        c--;
    if (!o->wire || spec->between == NN_BETWEEN_GRADIENTS || !spec->link.alike)
        return false;
    size_t number = o->compress ? sizeof(uint16_t) : sizeof(nn_real);
    nn_exchange_costs costs = nn_outer_costs(c, (double)o->most, number);
    costs.nodes = (double)o->comm->nodes;
    costs.ranks = (double)o->comm->node_least;
    costs.direct = nn_sums_go_directly((size_t)o->comm->nodes, spec->direct, o->compress, o->tree);
    return spec->between == NN_BETWEEN_ROWS || nn_rows_pay(&spec->link, &costs);
}

static void take(nn_outer_grads *o, const nn_outer_matrix *c, size_t index, bool everywhere) {
    struct matrix *x = &o->matrix[o->count];
    size_t width = c->indexed ? 1 : c->m;
    *x = (struct matrix){.m = c->m,
                         .n = c->n,
                         .steps = c->steps,
                         .index = index,
                         .everywhere = everywhere,
                         .indexed = c->indexed};
    x->side[NN_OUTER_A] =
        (struct side){.exact = c->indexed, .width = width, .sample = c->steps * width};
    x->side[NN_OUTER_B] = (struct side){.width = c->n, .sample = c->steps * c->n};
    for (int side = 0; side < 2; side++) {
        x->side[side].all = o;
        x->side[side].of = x;
    }
    o->span[o->count++] = (nn_span){c->begin, c->begin + c->m * c->n};
}

static void pick(nn_outer_grads *o, const nn_reduce_spec *spec) {
    for (size_t i = 0; i < spec->outer_count; i++) {
        const nn_outer_matrix *c = &spec->outer[i];
        bool between = pays_between(o, spec, c);
        if ((between || pays_in_node(o, c)) && (!o->tree || c->by_tree))
            take(o, c, i, between);
    }
}

static int allocate(nn_outer_grads *o, const nn_reduce_spec *spec) {
    size_t leaves = spec->tree ? spec->tree->leaves : 0;
    o->matrix = nn_pool_alloc(&o->pool, spec->outer_count * sizeof *o->matrix);
    o->span = nn_pool_alloc(&o->pool, spec->outer_count * sizeof *o->span);
    o->row = nn_pool_alloc(&o->pool, (leaves + 1) * sizeof *o->row);
    o->to = nn_pool_alloc(&o->pool, (size_t)o->comm->size * sizeof *o->to);
    o->from = nn_pool_alloc(&o->pool, (size_t)o->comm->size * sizeof *o->from);
    return o->matrix && o->span && o->row && o->to && o->from ? 0 : NN_EMEMORY;
}

static int plan(nn_outer_grads *o, const nn_reduce_spec *spec) {
    NN_TRY(nn_comm_agree(o->comm, allocate(o, spec)));
    o->ordered = is_ordered(o->comm);
    o->most = spec->rows;
    nn_outer_grads_open(o, spec->rows);
    if (o->ordered)
        find_most_of_node(o);
    pick(o, spec);
    return nn_comm_agree(o->comm, outer_plan_messages(o));
}

int nn_outer_grads_new(const nn_reduce_spec *spec, nn_wire *wire, nn_outer_grads **out) {
    nn_outer_grads *o = NULL;
    *out = NULL;
    if (!fits(spec))
        return 0;
    NN_TRY(nn_comm_agree(spec->comm, NN_NEW(&o, 1, "outer-product gradients")));
    o->comm = spec->comm;
    o->compute = spec->compute;
    o->same = spec->compute ? *spec->compute : (nn_compute){0};
    if (!spec->tree)
        o->same.threads = spec->link.threads;
    o->tree = spec->tree;
    o->shards = spec->shards;
    o->wire = wire;
    o->compress = spec->compress;
    int rc = plan(o, spec);
    if (rc < 0 || o->count == 0)
        nn_outer_grads_free(o);
    else
        *out = o;
    return rc;
}

void nn_outer_grads_free(nn_outer_grads *o) {
    if (o)
        nn_pool_release(&o->pool);
    nn_free(o);
}

size_t nn_outer_grads_spans(const nn_outer_grads *o, const nn_span **out) {
    *out = o ? o->span : NULL;
    return o ? o->count : 0;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Rows of a matrix that the node keeps. */
static size_t rows_kept(const nn_outer_grads *o, const struct matrix *x) {
    return x->everywhere ? o->most : o->most_of_node;
}

static size_t elements(const nn_outer_grads *o, const struct matrix *x, int side) {
    return nn_align_count(rows_kept(o, x) * x->side[side].sample, sizeof(nn_real));
}

size_t nn_outer_grads_bytes(const nn_outer_grads *o) {
    size_t count = 0;
    for (size_t i = 0; o && i < o->count; i++)
        count += elements(o, &o->matrix[i], 0) + elements(o, &o->matrix[i], 1);
    return count * sizeof(nn_real);
}

/* Rows travel as bfloat16. */
static bool rounds(const nn_outer_grads *o, const struct matrix *x, int side) {
    return o->compress && x->everywhere && !x->side[side].exact;
}

size_t nn_outer_grads_message_bytes(const nn_outer_grads *o) {
    size_t count = 0;
    for (size_t i = 0; o && i < o->count; i++)
        for (int side = 0; side < 2; side++)
            if (rounds(o, &o->matrix[i], side))
                count += o->most * o->matrix[i].side[side].sample;
    return count * sizeof(uint16_t);
}

void nn_outer_grads_set_arrived(nn_outer_grads *o, void (*arrived)(void *ctx, size_t begin),
                                void *ctx) {
    o->arrived = arrived;
    o->ctx = ctx;
}

/* This rank's own rows among those that the node keeps. */
static nn_span own_rows(const nn_outer_grads *o, const struct matrix *x) {
    size_t before = x->everywhere ? 0 : o->node.begin;
    return (nn_span){o->own.begin - before, o->own.end - before};
}

void nn_outer_grads_attach(nn_outer_grads *o, void *memory, int tag) {
    nn_real *at = memory;
    for (size_t i = 0; i < o->count; i++) {
        struct matrix *x = &o->matrix[i];
        nn_span own = own_rows(o, x);
        for (int side = 0; side < 2; side++) {
            struct side *s = &x->side[side];
            s->rows = at;
            s->channel.tag = tag++;
            memset(at + own.begin * s->sample, 0, (own.end - own.begin) * s->sample * sizeof *at);
            at += elements(o, x, side);
        }
    }
}

/* ---- a step ---------------------------------------------------------------------------------- */

static struct matrix *find(const nn_outer_grads *o, size_t index) {
    for (size_t i = 0; o && i < o->count; i++)
        if (o->matrix[i].index == index)
            return &o->matrix[i];
    return NULL;
}

bool nn_outer_grads_is_taken(const nn_outer_grads *o, size_t i) {
    return find(o, i) != NULL;
}

bool nn_outer_grads_travels(const nn_outer_grads *o, size_t i) {
    const struct matrix *x = find(o, i);
    return x && x->everywhere;
}

void nn_outer_grads_open(nn_outer_grads *o, size_t rows) {
    size_t first = (size_t)(o->comm->rank - o->comm->node_rank);
    o->rows = rows;
    for (size_t i = 0; o->tree && i <= o->tree->leaves; i++)
        o->row[i] = nn_even_span(rows, i, o->tree->leaves).begin;
    o->own = outer_rows_of(o, (size_t)o->comm->rank);
    if (o->ordered)
        o->node = nn_shards_rows_of(o->shards, rows, first, first + (size_t)o->comm->node_size);
}

struct copy {
    nn_row_block from;
    size_t width;
    nn_real *to;
    uint16_t *rounded; /* NULL: as they are */
};

/* Those that were left out are zero. */
static void copy_rows(const struct copy *c, size_t begin, size_t end) {
    size_t given = c->from.count < end ? c->from.count : end, bytes = c->width * sizeof *c->to;
    bool whole = c->from.stride == c->width && given > begin;
    if (whole)
        memcpy(c->to + begin * c->width, c->from.at + begin * c->width, (given - begin) * bytes);
    for (size_t r = begin; r < given && !whole; r++)
        memcpy(c->to + r * c->width, c->from.at + r * c->from.stride, bytes);
    for (size_t r = given > begin ? given : begin; r < end; r++)
        memset(c->to + r * c->width, 0, bytes);
}

/* All nodes multiply the same numbers: rounded rows are rounded here, too. */
static void copy_range(void *ctx, size_t begin, size_t end) {
    const struct copy *c = ctx;
    size_t first = begin * c->width, count = (end - begin) * c->width;
    copy_rows(c, begin, end);
    if (!c->rounded)
        return;
    nn_bf16_round(count, c->to + first, NULL, c->rounded + first);
    nn_bf16_expand(count, c->rounded + first, c->to + first);
}

void nn_outer_grads_put(nn_outer_grads *o, size_t i, nn_outer_side side, const nn_row_block *rows) {
    struct matrix *x = find(o, i);
    struct side *s = &x->side[side];
    nn_span own = own_rows(o, x);
    size_t first = own.begin * s->sample, count = (own.end - own.begin) * x->steps;
    struct copy copy = {*rows, s->width, s->rows + first, s->rounded ? s->rounded + first : NULL};
    nn_parallel(o->compute, count, GRAIN / s->width + 1, copy_range, &copy);
    if (!x->everywhere)
        return;
    nn_wire_lock(o->wire);
    s->put = true;
    nn_wire_send(o->wire, &s->channel);
    nn_wire_unlock(o->wire);
}

/* The matrix that a slice is of, or `count`. */
static size_t matrix_at(const nn_outer_grads *o, const nn_slice *slice) {
    size_t i = 0;
    while (i < o->count && (o->span[i].begin > slice->begin || o->span[i].end < slice->end))
        i++;
    return i;
}

bool nn_outer_grads_covers(const nn_outer_grads *o, const nn_slice *slice) {
    return o && matrix_at(o, slice) < o->count;
}

bool nn_outer_grads_is_everywhere(const nn_outer_grads *o, const nn_slice *slice) {
    return nn_outer_grads_covers(o, slice) && o->matrix[matrix_at(o, slice)].everywhere;
}

void nn_outer_grads_receive(nn_outer_grads *o, const nn_slice *slice, size_t priority) {
    struct side *side = o->matrix[matrix_at(o, slice)].side;
    for (struct side *s = side; s < side + 2; s++) {
        s->put = s->moved = false;
        outer_set_parcels(o, s);
        s->channel.priority = priority;
        nn_wire_receive(o->wire, &s->channel);
    }
}

void nn_outer_grads_multiply(const nn_outer_grads *o, const nn_slice *slice, nn_real *grads) {
    size_t i = matrix_at(o, slice), begin = o->span[i].begin;
    const struct matrix *x = &o->matrix[i];
    const nn_outer_rows parts = {o->tree ? o->tree->leaves : 0, o->row};
    nn_outer_source source = {.m = x->m,
                              .n = x->n,
                              .rows = x->everywhere ? o->rows : o->node.end - o->node.begin,
                              .a = x->side[NN_OUTER_A].rows,
                              .b = x->side[NN_OUTER_B].rows,
                              .indexed = x->indexed,
                              .parts = o->tree ? &parts : NULL};
    source.rows *= x->steps;
    nn_outer_slice(x->everywhere ? &o->same : o->compute, &source,
                   (nn_span){slice->begin - begin, slice->end - begin}, grads + begin);
}
