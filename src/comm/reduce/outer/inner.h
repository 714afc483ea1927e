/* The inside of outer-product gradients: outer_grads.c (which are taken, and a step), messages.c
 * (rows between the nodes). */
#ifndef NN_COMM_REDUCE_OUTER_INNER_H
#define NN_COMM_REDUCE_OUTER_INNER_H

#include "base/mem.h"
#include "comm/between/wire.h"
#include "comm/reduce/spec.h"

/* A or B of a matrix: rows of a minibatch, of each sample as many. */
struct side {
    bool exact;         /* numbers of places, which are not rounded */
    size_t width;       /* of a row, ... */
    size_t sample;      /* ... and of those of a sample: elements */
    nn_real *rows;      /* [samples of the node, or of all nodes][sample], which the node shares */
    uint16_t *rounded;  /* the same rows as they travel in bfloat16; NULL: as they are */
    nn_channel channel; /* this rank's rows to other nodes, and theirs to it: */
    bool put, moved;    /* own rows are there; all have come and gone; under the wire's lock */
    struct nn_outer_grads *all;
    struct matrix *of;
};

/* A matrix that is taken. */
struct matrix {
    size_t m, n;
    size_t steps;    /* rows of a sample */
    size_t index;    /* in spec.outer */
    bool everywhere; /* rows go to all nodes */
    bool indexed;    /* A is numbers of places */
    struct side side[2];
};

struct nn_outer_grads {
    nn_comm *comm;
    const nn_compute *compute;
    nn_compute same;     /* for products that all nodes make, whose bits go by threads */
    const nn_tree *tree; /* NULL: shards are divided at any row, not into microbatches */
    const nn_shards *shards;
    nn_wire *wire; /* NULL: one node */
    bool compress;
    bool ordered;   /* the ranks of every node follow each other, as `node` wants */
    int *to, *from; /* ranks of other nodes that get this one's rows, and whose it gets */
    size_t tos, froms;
    void (*arrived)(void *ctx, size_t begin); /* called when rows of a matrix have come */
    void *ctx;
    size_t most;          /* samples of a minibatch, ... */
    size_t usual_of_node; /* ... on any node, as shards are at first, ... */
    size_t most_of_node;  /* ... and as they may ever be */
    size_t count;
    struct matrix *matrix; /* in the order of the vector, as the spans are */
    nn_span *span;
    size_t *row;       /* [leaves + 1]: where the microbatches of a minibatch begin */
    size_t rows;       /* samples in the minibatch under way, */
    nn_span node, own; /* and which of them are on this node, and this rank's */
    nn_pool pool;
};

/* Rows of the minibatch under way that a rank has. */
static inline nn_span outer_rows_of(const struct nn_outer_grads *o, size_t rank) {
    return nn_shards_rows(o->shards, o->rows, rank);
}

/* Most rows that it ever has. */
static inline size_t outer_most_of_rank(const struct nn_outer_grads *o) {
    return nn_shards_most(o->shards, o->most);
}

/* Who sends rows to whom, and a channel for each side of the matrices whose rows go to all nodes.
 * NN_EMEMORY. Local. */
int outer_plan_messages(struct nn_outer_grads *o);
/* What travels of a side for the rows of the minibatch under way. Local. */
void outer_set_parcels(const struct nn_outer_grads *o, struct side *s);

#endif
