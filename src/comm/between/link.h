/* What joins the nodes, and what it means for gradients that are products of rows: whether rows
 * travel, and every node multiplies those of all, or sums of gradients travel. */
#ifndef NN_COMM_BETWEEN_LINK_H
#define NN_COMM_BETWEEN_LINK_H

#include "math/compute.h"

#include <nnmpi/comm.h>

#include <stdbool.h>

/* Up to so many nodes send their parts of sums to each other directly: of a bucket of a MiB a part
 * has 16 KiB then. */
#define NN_DIRECT_NODES 64

typedef struct nn_link {
    double latency;   /* seconds of a short message between nodes, */
    double overhead;  /* and for which any message keeps its sender busy */
    double bandwidth; /* bytes a second into and out of a node at the same time */
    double flops;     /* operations a second of a rank in a product of matrices */
    bool alike;       /* all ranks make the same bits of the same product, by as many threads */
    int threads;      /* the least that a rank has */
    int nodes;        /* between which that was measured; 0: nothing was */
} nn_link;

/* Measures them between the first ranks of the nodes, which takes tenths of a second over a slow
 * network; zeros where there is one node. Where *link was measured between as many nodes, its
 * latency, overhead, bandwidth and flops stay, and rank 0 warns of a bandwidth that is far from it.
 * The same on every rank. Collective. */
int nn_link_measure(nn_comm *comm, const nn_compute *compute, nn_link *link);

/* What was measured as a text, every bit of it, and back: false where it is none. Local. */
#define NN_LINK_TEXT 128
const char *nn_link_text(const nn_link *link, char text[NN_LINK_TEXT]);
bool nn_link_read(const char *text, nn_link *out);

/* A gradient that is a product of rows. */
typedef struct nn_exchange_costs {
    double nodes, ranks; /* of a node */
    double rows;         /* of the minibatch, all ranks' */
    double row_bytes;    /* of both sides of a row on its way, */
    double bytes;        /* and of the gradient */
    double work;         /* multiply-adds for each row */
    double buckets;      /* of the gradient, each of which is summed by itself, */
    bool direct;         /* as nn_sums_go_directly says */
} nn_exchange_costs;

/* Parts of sums go from each node to each: between up to `most` nodes (0: NN_DIRECT_NODES), and
 * where numbers are rounded or added along a tree, of which MPI knows nothing. Local. */
static inline bool nn_sums_go_directly(size_t nodes, size_t most, bool rounded, bool by_tree) {
    return nodes <= (most ? most : NN_DIRECT_NODES) || rounded || by_tree;
}

/* How often so many nodes can be halved until one is left, rounded up. Local. */
int nn_halvings(int nodes);

/* Seconds by which sums of it, and rows of it, hold up a step: bytes over the bandwidth, messages
 * and the wait for the first of them, and multiply-adds. Local. */
double nn_sums_seconds(const nn_link *link, const nn_exchange_costs *costs);
double nn_rows_seconds(const nn_link *link, const nn_exchange_costs *costs);
/* Rows take less time than sums. Local. */
bool nn_rows_pay(const nn_link *link, const nn_exchange_costs *costs);

#endif
