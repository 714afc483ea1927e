/* The inside of the node backend: what its ranks share (memory.c), the counters by which they tell
 * each other (counters.c), the sums of steps (step_sums.c), optimiser state of other nodes
 * (gather.c), and the sums of gradients (node.c). */
#ifndef NN_COMM_REDUCE_NODE_NODE_H
#define NN_COMM_REDUCE_NODE_NODE_H

#include "comm/reduce/backend.h"
#include "comm/reduce/node/sums.h"
#include "comm/shared_memory.h"

#include <stdalign.h>
#include <stdatomic.h>

enum {
    POSTED,    /* the pass, counted from 1, whose step sums are in `posted` */
    BROADCAST, /* the same for the sums over all nodes in `total` (the node's first rank) */
    COMPLETE,  /* buckets, of all passes so far, that are complete in the rank's gradient vector */
    ADDED,     /* calls of nn_reducer_add whose values stand in the rank's mailbox */
    ENDED,     /* passes in which the rank has read all it reads of others and written what it
                  owns, and was `nonfinite` or not */
    COUNTERS
};

/* At the start of each rank's part of the memory; a cache line for each counter, so that looking at
 * one does not disturb what others wait for. */
struct flags {
    struct {
        alignas(NN_ALIGN) _Atomic uint64_t value;
    } counter[COUNTERS];
    alignas(NN_ALIGN) nn_step_sums total;
    alignas(NN_ALIGN) nn_wakeup wakeup; /* of the node: the first rank's */
    bool nonfinite;
};

/* Counters of a rank for each bucket, in which passes are counted that had it opened. */
enum {
    ARRIVED, /* the pass of which the rank has its rows from other nodes, and they have its own */
    DEALT,   /* the pass in which the rank has taken the step on its slice (where steps are left) */
    BUCKET_COUNTERS
};

struct node {
    nn_shared_memory memory;
    size_t ranks, me;
    size_t *rank; /* [ranks] in the world */
    /* of the same slices on all nodes, and the first ranks of the nodes, for sums of steps;
     * MPI_COMM_NULL: one node, or this is none */
    MPI_Comm owners, first_ranks;
    nn_node_tree tree;     /* of several nodes, where there is a tree */
    nn_node_sums *between; /* NULL: one node */
    nn_channel sums;       /* sums of the step to and from other nodes */
    nn_channel state;      /* where r->divided: optimiser state to the first node, */
    int *peer;             /* [nodes] from who has the same slices there, as ranks of the world */
    bool sums_begun;       /* in this pass */
    uint64_t *opened;      /* [buckets] passes; under the wire's lock */
    uint64_t adds;         /* calls of nn_reducer_add */
    struct flags **flags;  /* [ranks] */
    _Atomic uint64_t **buckets; /* [ranks] [BUCKET_COUNTERS][buckets]; NULL: one node */
    nn_step_sums **posted;      /* [ranks] what each adds to the step sums, of each subtree */
    double **mailbox;           /* [ranks] two of ops->values each, used in turn */
    nn_real **grads;            /* [ranks] */
    nn_real **subtree;          /* [covers] gradients of all subtrees; NULL without a tree */
    nn_step_sums *subtree_sums; /* [covers]; NULL without a tree */
};

/* Tags of messages behind those of sums. */
enum { RESIDUALS_TAG, STATE_TAG, NODE_TAGS };

/* Everything but the shared memory, and its bytes for this rank. NN_EMEMORY. Local. */
int nn_node_allocate(nn_reducer *r, size_t *bytes);
/* Finds everything in the shared memory, which is there now, and writes zeros to what is this
 * rank's. Local. */
void nn_node_find_segments(nn_reducer *r);
/* Collective, but after a failure of MPI. */
void nn_node_free(nn_reducer *r);

/* A counter of a rank of the node, or those of all, have come to `value`. */
bool node_reached(const struct node *node, size_t rank, int counter, uint64_t value);
bool node_all_reached(const struct node *node, int counter, uint64_t value);

/* Sets this rank's counter; who sleeps is woken once all ranks have come to `goal`, or `value`. */
void node_publish_until(const nn_reducer *r, int counter, uint64_t value, uint64_t goal);
void node_publish(const nn_reducer *r, int counter, uint64_t value);

/* The same for counters of bucket k, which tell of the pass that has it open. */
void node_publish_bucket(const nn_reducer *r, int counter, size_t k);
bool node_all_reached_bucket(const nn_reducer *r, int counter, size_t k);

/* Where r->divided (gather.c): plans what nn_reducer_gather sends. NN_EMEMORY. Local. */
int node_plan_gather(nn_reducer *r);

/* The sums of the step (step_sums.c), as nn_reduce_backend has them: along the tree, or in the
 * order of the ranks, so that all of a node get the same bits; over several nodes by their first
 * ranks. */
void node_send_sums(nn_reducer *r, nn_step_sums *sums);
bool node_have_sums(nn_reducer *r);
void node_take_sums(nn_reducer *r);

#endif
