/* The inside of sums between nodes: what sums.c plans and moves, and how its numbers are added and
 * rounded (adding.c). */
#ifndef NN_COMM_REDUCE_NODE_ADDING_H
#define NN_COMM_REDUCE_NODE_ADDING_H

#include "comm/reduce/node/sums.h"

/* Who adds: all nodes all of it; each its part, whose sum it sends to all; the same, but whose
 * parameters it sends (nn_reducer.divided); MPI. */
typedef enum algorithm { WHOLE, PARTS, DIVIDED, COLLECTIVE } algorithm;

/* The sum of this rank's slice of a bucket. Every node has a vector of numbers for it, or along a
 * tree one for each of its roots (node_tree.h). */
struct sum {
    nn_node_sums *all;
    nn_slice slice;
    nn_channel numbers; /* of every node, for who adds them: of the whole slice, or of a part */
    nn_channel sums;    /* of parts, to every node; DIVIDED: their parameters */
    void *others;       /* what comes by `numbers`: [vectors of others][of the slice or part]; of
                           MPI's sums what this node adds */
    uint16_t *rounded;  /* what goes out by them in bfloat16, and then the sums of all parts */
    uint16_t *residual; /* [slice] what that has taken away; NULL: nothing is rounded */
    bool started, added, opened; /* under the wire's lock */
    atomic_bool done;
};

struct nn_node_sums {
    nn_reducer *r;
    MPI_Comm owners;
    algorithm algorithm;
    bool compress;
    size_t width;     /* bytes of a number as it is sent */
    size_t nodes, me; /* owners of the same slices, and which this is */
    int *rank;        /* [nodes] in the world */
    nn_subtrees subtrees;
    nn_real **value; /* [covers] where the vectors of a tree stand that is being added */
    struct sum *sum; /* [buckets]; those of slices that need none are empty */
    size_t bytes;    /* of the numbers as they are sent */
    nn_pool pool;
};

static inline size_t sum_length(const struct sum *s) {
    return s->slice.end - s->slice.begin;
}

static inline nn_real *sum_values(const struct sum *s) {
    return s->all->r->grads + s->slice.begin;
}

/* The part of the slice that a node adds. */
nn_span sum_part(const struct sum *s, size_t node);

/* Vectors of all nodes; without a tree each has one. Whose number i is: a node among the owners. */
size_t sums_vectors(const nn_node_sums *b);
size_t sums_node(const nn_node_sums *b, size_t i);
/* Where number `at` of the slice stands in this node's vector i. */
void *sum_own_number(const struct sum *s, size_t i, size_t at);

/* Rounds what other nodes add. */
void sum_round_numbers(const struct sum *s);
/* All numbers of this node's part become their sum, in the gradient vector; DIVIDED: rounded as it
 * would have come to all nodes. */
void sum_add_up(const struct sum *s);

#endif
