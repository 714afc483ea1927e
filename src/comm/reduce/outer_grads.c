#include "comm/reduce/outer_grads.h"

#include "base/mem.h"
#include "comm/messages.h"
#include "math/gemm/gemm.h"
#include "math/gemm/outer.h"
#include "math/parallel.h"

#include <string.h>

/* Elements of a matrix, and rows of it to a slice, that are worth it. */
#define LEAST 16384
#define LEAST_ROWS 16
/* Elements that are worth a fork and join. */
#define GRAIN 65536

/* A matrix that is taken. */
struct matrix {
    size_t m, n;
    size_t index; /* in spec.outer */
    nn_real *a, *b;
};

struct nn_outer_grads {
    nn_comm *comm;
    const nn_compute *compute;
    const nn_tree *tree; /* NULL: shards are divided at any row, not into microbatches */
    int first;           /* rank of the node's first one */
    size_t most;         /* rows of a minibatch on any node */
    size_t count;
    struct matrix *matrix; /* in the order of the vector, as the spans are */
    nn_span *span;
    size_t *row; /* [leaves + 1]: where the microbatches of a minibatch begin */
    nn_span own; /* rows of this rank in the minibatch under way, counted from the node's first */
    size_t rows; /* of the node in it */
    nn_pool pool;
};

/* ---- planning -------------------------------------------------------------------------------- */

/* Elements that go through memory: rows are written once and read by every owner (A for its slice
 * alone); gradients are written by every rank and read again. The same on all nodes, since the
 * slices of all must be the same. */
static bool pays(const nn_outer_grads *o, const nn_outer_matrix *c) {
    size_t ranks = (size_t)o->comm->node_least;
    double m = (double)c->m, n = (double)c->n;
    double by_rows = (double)o->most * (2 * m + (double)(1 + ranks) * n);
    return c->m * c->n >= LEAST && c->m >= LEAST_ROWS * ranks &&
           by_rows < 2 * (double)ranks * m * n;
}

/* Rows of a minibatch on this node, and on those before it. */
static size_t node_rows(const nn_outer_grads *o, size_t rows, size_t *before) {
    size_t size = (size_t)o->comm->size, last = (size_t)(o->first + o->comm->node_size) - 1;
    *before = nn_tree_share(rows, (size_t)o->first, size).begin;
    return nn_tree_share(rows, last, size).end - *before;
}

/* Whether the ranks of every node follow each other, and the most rows of one; a smaller minibatch
 * can be dealt so that there is one more. */
static int look_around(nn_outer_grads *o, size_t rows, bool *ordered) {
    nn_comm *comm = o->comm;
    size_t before;
    long apart[2] = {o->first, -o->first}, all[2];
    NN_TRY(nn_mpi_allreduce(comm, comm->node, apart, 2, MPI_LONG, MPI_MAX));
    all[0] = apart[0] != -apart[1];
    all[1] = (long)node_rows(o, rows, &before) + 1;
    NN_TRY(nn_mpi_allreduce(comm, comm->world, all, 2, MPI_LONG, MPI_MAX));
    *ordered = all[0] == 0;
    o->most = (size_t)all[1];
    return 0;
}

/* Microbatches are multiplied by a kernel that has a bound on rows. */
static bool fits(const nn_reduce_spec *spec) {
    if (spec->outer_count == 0 || spec->comm->node_least < 2)
        return false;
    return !spec->tree || (spec->rows <= NN_OUTER_ROWS && spec->tree->leaves <= NN_OUTER_PARTS);
}

static void pick(nn_outer_grads *o, const nn_reduce_spec *spec) {
    for (size_t i = 0; i < spec->outer_count; i++) {
        const nn_outer_matrix *c = &spec->outer[i];
        if (!pays(o, c))
            continue;
        o->span[o->count] = (nn_span){c->begin, c->begin + c->m * c->n};
        o->matrix[o->count++] = (struct matrix){.m = c->m, .n = c->n, .index = i};
    }
}

static int plan(nn_outer_grads *o, const nn_reduce_spec *spec) {
    o->matrix = nn_pool_alloc(&o->pool, spec->outer_count * sizeof *o->matrix);
    o->span = nn_pool_alloc(&o->pool, spec->outer_count * sizeof *o->span);
    o->row = nn_pool_alloc(&o->pool, (spec->tree ? spec->tree->leaves + 1 : 1) * sizeof *o->row);
    if (!o->matrix || !o->span || !o->row)
        return NN_EMEMORY;
    nn_outer_grads_set_rows(o, spec->rows);
    pick(o, spec);
    return 0;
}

int nn_outer_grads_new(const nn_reduce_spec *spec, nn_outer_grads **out) {
    nn_outer_grads *o = NULL;
    bool ordered = false;
    *out = NULL;
    if (!fits(spec))
        return 0;
    NN_TRY(nn_comm_agree(spec->comm, NN_NEW(&o, 1, "outer-product gradients")));
    o->comm = spec->comm;
    o->compute = spec->compute;
    o->tree = spec->tree;
    o->first = o->comm->rank - o->comm->node_rank;
    int rc = look_around(o, spec->rows, &ordered);
    if (rc == 0 && ordered)
        rc = nn_comm_agree(spec->comm, plan(o, spec));
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

static size_t padded(size_t count) {
    return nn_align_count(count, sizeof(nn_real));
}

size_t nn_outer_grads_bytes(const nn_outer_grads *o) {
    size_t elements = 0;
    for (size_t i = 0; o && i < o->count; i++)
        elements += padded(o->most * o->matrix[i].m) + padded(o->most * o->matrix[i].n);
    return elements * sizeof(nn_real);
}

static void touch(const nn_outer_grads *o, nn_real *rows, size_t width) {
    memset(rows + o->own.begin * width, 0, (o->own.end - o->own.begin) * width * sizeof *rows);
}

void nn_outer_grads_place(nn_outer_grads *o, void *memory) {
    nn_real *at = memory;
    for (size_t i = 0; i < o->count; i++) {
        struct matrix *x = &o->matrix[i];
        x->a = at;
        x->b = at + padded(o->most * x->m);
        at = x->b + padded(o->most * x->n);
        touch(o, x->a, x->m);
        touch(o, x->b, x->n);
    }
}

/* ---- a step ---------------------------------------------------------------------------------- */

static const struct matrix *find(const nn_outer_grads *o, size_t index) {
    for (size_t i = 0; o && i < o->count; i++)
        if (o->matrix[i].index == index)
            return &o->matrix[i];
    return NULL;
}

bool nn_outer_grads_is_taken(const nn_outer_grads *o, size_t i) {
    return find(o, i) != NULL;
}

/* Shards of a minibatch: nn_loader_batch. */
void nn_outer_grads_set_rows(nn_outer_grads *o, size_t rows) {
    const nn_tree *tree = o->tree;
    size_t before;
    o->rows = node_rows(o, rows, &before);
    o->own = nn_tree_share(rows, (size_t)o->comm->rank, (size_t)o->comm->size);
    for (size_t i = 0; tree && i <= tree->leaves; i++)
        o->row[i] = nn_tree_share(rows, i, tree->leaves).begin;
    if (tree)
        o->own = (nn_span){o->row[tree->share.begin], o->row[tree->share.end]};
    o->own.begin -= before;
    o->own.end -= before;
}

struct copy {
    const nn_real *from;
    nn_real *to;
};

static void copy_range(void *ctx, size_t begin, size_t end) {
    const struct copy *c = ctx;
    memcpy(c->to + begin, c->from + begin, (end - begin) * sizeof *c->to);
}

void nn_outer_grads_put(const nn_outer_grads *o, size_t i, const nn_real *a, const nn_real *b) {
    const struct matrix *x = find(o, i);
    size_t first = o->own.begin, rows = o->own.end - o->own.begin;
    nn_parallel(o->compute, rows * x->m, GRAIN, copy_range, &(struct copy){a, x->a + first * x->m});
    nn_parallel(o->compute, rows * x->n, GRAIN, copy_range, &(struct copy){b, x->b + first * x->n});
}

/* Rows [top, bottom) and columns [left, right) of G. */
struct block {
    size_t top, bottom, left, right;
};

static void multiply(const nn_outer_grads *o, const struct matrix *x, struct block c, nn_real *g) {
    nn_outer_rows parts = {o->tree ? o->tree->leaves : 0, o->row};
    const nn_real *a = x->a + c.top, *b = x->b + c.left;
    size_t m = c.bottom - c.top, n = c.right - c.left;
    if (m == 0 || n == 0)
        return;
    g += c.top * x->n + c.left;
    if (o->tree)
        nn_outer_product(o->compute, &parts, m, n, a, x->m, b, x->n, g, x->n);
    else
        nn_gemm(o->compute, NN_TRANSPOSED, NN_PLAIN, m, n, o->rows, 1, a, x->m, b, x->n, 0, g,
                x->n);
}

/* A slice is the end of a row of G, whole rows, and the beginning of one. */
static void multiply_slice(const nn_outer_grads *o, const struct matrix *x, nn_span s, nn_real *g) {
    size_t n = x->n, top = (s.begin + n - 1) / n, bottom = s.end / n;
    if (bottom < top) { /* all within a row */
        multiply(o, x, (struct block){bottom, top, s.begin - bottom * n, s.end - bottom * n}, g);
        return;
    }
    if (top * n > s.begin)
        multiply(o, x, (struct block){top - 1, top, s.begin - (top - 1) * n, n}, g);
    multiply(o, x, (struct block){top, bottom, 0, n}, g);
    multiply(o, x, (struct block){bottom, bottom + 1, 0, s.end - bottom * n}, g);
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

void nn_outer_grads_multiply(const nn_outer_grads *o, const nn_slice *slice, nn_real *grads) {
    size_t i = matrix_at(o, slice), begin = o->span[i].begin;
    nn_span s = {slice->begin - begin, slice->end - begin};
    multiply_slice(o, &o->matrix[i], s, grads + begin);
}
