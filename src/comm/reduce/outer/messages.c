/* How the rows of outer products travel between the nodes. */
#include "comm/between/bf16.h"
#include "comm/comm.h"
#include "comm/reduce/outer/inner.h"
#include "comm/reduce/outer/outer_grads.h"

/* The bytes of rows as they travel. */
static nn_parcel parcel(const struct side *s, int rank, nn_span rows) {
    size_t first = rows.begin * s->sample, count = (rows.end - rows.begin) * s->sample;
    if (s->rounded)
        return (nn_parcel){rank, s->rounded + first, count * sizeof *s->rounded};
    return (nn_parcel){rank, s->rows + first, count * sizeof *s->rows};
}

void outer_set_parcels(const nn_outer_grads *o, struct side *s) {
    nn_channel *c = &s->channel;
    for (size_t i = 0; i < c->outs; i++)
        c->out[i] = parcel(s, o->to[i], o->own);
    for (size_t i = 0; i < c->ins; i++)
        c->in[i] = parcel(s, o->from[i], outer_rows_of(o, (size_t)o->from[i]));
}

/* For as many rows as any rank ever has. */
static void reserve_parcels(const nn_outer_grads *o, struct side *s) {
    nn_channel *c = &s->channel;
    nn_span most = {0, outer_most_of_rank(o)};
    for (size_t i = 0; i < c->outs; i++)
        c->out[i] = parcel(s, o->to[i], most);
    for (size_t i = 0; i < c->ins; i++)
        c->in[i] = parcel(s, o->from[i], most);
    nn_wire_reserve(o->wire, c);
}

/* By the wire: rows have come, or have gone. Those that this rank sends have to be gone, too: in
 * the next pass others of the node may write where they stand. */
static void rows_moved(void *ctx, nn_channel *c) {
    struct side *s = ctx;
    const nn_outer_grads *o = s->all;
    if (!s->put || s->moved || c->coming > 0 || c->going > 0)
        return;
    for (size_t i = 0; s->rounded && i < c->ins; i++) {
        const uint16_t *from = c->in[i].bytes;
        nn_bf16_expand(c->in[i].count / sizeof *from, from, s->rows + (from - s->rounded));
    }
    s->moved = true;
    const struct matrix *x = s->of;
    if (x->side[NN_OUTER_A].moved && x->side[NN_OUTER_B].moved)
        o->arrived(o->ctx, o->span[x - o->matrix].begin);
}

/* Rows travel between ranks of the same place in their nodes, or of what there is of one. */
static bool sends(const nn_outer_grads *o, int from, int to) {
    const nn_locality *a = &o->comm->locality[from], *b = &o->comm->locality[to];
    return a->leader != b->leader && a->node_rank % b->node_size == b->node_rank;
}

/* Not all send to the same one first. */
static void find_peers(nn_outer_grads *o) {
    for (int i = 1; i < o->comm->size; i++) {
        int rank = (o->comm->rank + i) % o->comm->size;
        if (sends(o, o->comm->rank, rank))
            o->to[o->tos++] = rank;
        if (sends(o, rank, o->comm->rank))
            o->from[o->froms++] = rank;
    }
}

static int plan_channel(nn_outer_grads *o, struct side *s) {
    nn_channel *c = &s->channel;
    *c = (nn_channel){.ins = o->froms, .outs = o->tos};
    c->moved = rows_moved;
    c->ctx = s;
    c->in = nn_pool_alloc(&o->pool, o->froms * sizeof *c->in);
    c->out = nn_pool_alloc(&o->pool, o->tos * sizeof *c->out);
    if (o->compress && !s->exact)
        s->rounded = nn_pool_alloc(&o->pool, o->most * s->sample * sizeof *s->rounded);
    if (!c->in || !c->out || (o->compress && !s->exact && !s->rounded))
        return NN_EMEMORY;
    reserve_parcels(o, s);
    return 0;
}

int outer_plan_messages(nn_outer_grads *o) {
    if (o->wire)
        find_peers(o);
    for (size_t i = 0; i < o->count; i++)
        for (int side = 0; o->matrix[i].everywhere && side < 2; side++)
            NN_TRY(plan_channel(o, &o->matrix[i].side[side]));
    return 0;
}
