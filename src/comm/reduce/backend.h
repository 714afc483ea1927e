/* The inside of a reducer, for its backends: buckets.c goes through those of a step, a backend
 * knows how ranks learn of each other's step sums and gradients. */
#ifndef NN_COMM_REDUCE_BACKEND_H
#define NN_COMM_REDUCE_BACKEND_H

#include "base/system/trace.h"
#include "comm/between/wire.h"
#include "comm/mpi_comm.h"
#include "comm/reduce/outer/outer_grads.h"
#include "comm/reduce/spec.h"
#include "comm/wait.h"

/* Elements of a part that one thread sums and updates while it is in its first-level cache. */
#define NN_REDUCE_PART ((size_t)4096)
/* Elements of a slice worth a fork and join. */
#define NN_REDUCE_GRAIN (8 * NN_REDUCE_PART)

/* Functions that return bool never wait: true once it has happened. */
typedef struct nn_reduce_backend {
    const char *name;
    void (*free)(nn_reducer *r); /* what the backend has allocated, not `r` */
    /* This rank's part of the step sums goes out, as nn_reducer_send_sums gets it; those that it
     * needs of others have come; and the sums over all ranks come to stand in r->sums, for which
     * the first rank of a node may have to wait for other nodes. */
    void (*send_sums)(nn_reducer *r, nn_step_sums *sums);
    bool (*have_sums)(nn_reducer *r);
    void (*take_sums)(nn_reducer *r);
    /* Of several nodes: a pass begins for bucket k, others may send what belongs to it. */
    void (*open)(nn_reducer *r, size_t k);
    /* r->complete has grown; and bucket k is complete on every rank that this one needs. */
    void (*send_complete)(nn_reducer *r);
    bool (*have_bucket)(nn_reducer *r, size_t k);
    /* start sends this rank's slice of bucket k to the other nodes; have_others: what they sent
     * has arrived. NULL, like `open`, where nothing is sent during back-propagation. */
    void (*start)(nn_reducer *r, size_t k);
    bool (*have_others)(nn_reducer *r, size_t k);
    /* Sums this rank's slice of a bucket into its gradient vector, or, when it is `fused`, passes
     * each part of it to nn_reduce_step while it is in the cache. */
    void (*sum)(nn_reducer *r, size_t k, bool fused);
    /* Where r->divided: the step is taken on this rank's part of bucket k, whose parameters go to
     * the other nodes, and those of their parts may come; and they are here, and this rank's have
     * gone. */
    void (*send_part)(nn_reducer *r, size_t k);
    bool (*have_parts)(nn_reducer *r, size_t k);
    /* Where r->ahead: this rank has taken its step on bucket k, which was left; and everyone of the
     * node has, and this rank's messages for it have gone, so that its parameters may be read and
     * its rows overwritten. */
    void (*send_dealt)(nn_reducer *r, size_t k);
    bool (*have_dealt)(nn_reducer *r, size_t k);
    /* This rank has taken all its steps; and everyone has, so that r->nonfinite is known. */
    void (*send_end)(nn_reducer *r, bool nonfinite);
    bool (*have_end)(nn_reducer *r);
    void (*add)(nn_reducer *r, double *values, size_t count);
    int (*sync)(nn_reducer *r);
    int (*scatter)(nn_reducer *r, const nn_real *whole, nn_real *share);
    /* The ranks that have the same share, MPI_COMM_NULL: nobody else. */
    MPI_Comm (*replicas)(const nn_reducer *r);
} nn_reduce_backend;

struct nn_reducer {
    const nn_reduce_backend *backend;
    void *state; /* its own memory */
    nn_reduce_spec spec;
    nn_outer_grads *outer_grads; /* NULL: all gradients are added */
    nn_pool pool;
    nn_partition partition;
    size_t bucket;    /* most elements that go between nodes at a time */
    size_t owner;     /* which slices are this rank's; partition.owners or more: none */
    size_t place;     /* which node this is among those with the same slices */
    nn_slice *part;   /* [buckets] the parts of this rank's slices; all of them where !divided */
    size_t share;     /* elements of all parts */
    nn_real *vectors; /* [spec.vectors][stride], the parameters first */
    nn_real *grads;
    size_t stride; /* elements from one vector to the next: n in whole cache lines */
    uint64_t passes_ended;
    nn_step_sums sums;
    bool divided;    /* a node takes the step on its `part` of what is summed between nodes */
    bool known;      /* the sums of the step under way */
    bool accepted;   /* begin_step has said that they let the step be taken */
    bool late;       /* steps are taken when all gradients are summed */
    bool fused;      /* they are taken while sums are in the cache */
    bool more;       /* the pass under way is not the last one of its step */
    bool ahead;      /* nn_reducer_finish leaves buckets to the next step: */
    size_t left;     /* those before this one; 0: none */
    bool *dealt;     /* [buckets] which of them this rank has dealt with, */
    bool *stepped;   /* [buckets] or, where r->divided, on its own part only */
    bool open;       /* a pass has been opened, whose gradients are not complete yet */
    size_t rows;     /* of that one */
    size_t passes;   /* of its step that came before it */
    bool nonfinite;  /* some rank was, in the step that ended last */
    size_t complete; /* buckets of this pass that back-propagation has completed here, */
    size_t started;  /* of which so many have gone to other nodes, */
    size_t summed;   /* and the slices of so many have been dealt with, */
    size_t adopted;  /* and where r->divided, the parts of other nodes of so many have come */
    int rc;          /* of the first failure of this step */
    bool claims;     /* cores have parameters in their caches that others are about to write */
    size_t bytes;    /* of messages between nodes, and of residuals */
    nn_wire *wire;   /* messages between nodes, which who waits looks after; NULL: one node */
    struct nn_residuals *residuals; /* of sums that are rounded; NULL: none are */
    bool crowded;                   /* this node has more threads than cores */
    nn_wakeup *wakeup;              /* for nn_wait; NULL where all look for themselves */
    double waiting, updating;
    double *waited;  /* [buckets] seconds waited for each */
    nn_trace *trace; /* nn_reducer_trace, or NULL */
    double *begun;   /* [buckets] when each went to other nodes; 0: not traced */
};

/* Allocate r->vectors and r->grads and fill in backend, state and owner. The same code on every
 * rank. Collective. */
int nn_reduce_allreduce_new(nn_reducer *r);
int nn_reduce_node_new(nn_reducer *r);

/* Asks for the cache lines of parameters that are about to be written. All cores have read them
 * since, and a store to a line that others have waits for them to give it up; asked for in advance,
 * lines come many at a time. */
static inline void nn_reduce_claim(const nn_reducer *r, const nn_slice *part) {
    const nn_real *x = r->vectors + part->begin;
    for (size_t i = 0; r->claims && i < part->end - part->begin; i += NN_ALIGN / sizeof *x) {
#if defined(__x86_64__)
        __asm__ volatile("prefetchw %0" : : "m"(x[i])); /* the compiler has it not for every CPU */
#else
        __builtin_prefetch(x + i, 1);
#endif
    }
}

/* Takes the step on a part of a slice, g[0] belonging to its first element. */
static inline void nn_reduce_step(const nn_reducer *r, const nn_slice *part, const nn_real *g) {
    r->spec.ops->step(r->spec.ctx, part, g);
}

/* Takes it on a whole slice whose sum is in the gradient vector. */
void nn_reduce_step_slice(nn_reducer *r, const nn_slice *slice);

/* Slices of this rank's share, the first of them in the first bucket; and that of bucket k, empty
 * where it has none. */
static inline size_t nn_reduce_slices(const nn_reducer *r) {
    return r->owner < r->partition.owners ? r->partition.buckets : 0;
}
static inline nn_slice nn_reduce_slice(const nn_reducer *r, size_t k) {
    return nn_partition_slice(&r->partition, k, r->owner);
}

/* Parts of slices between nodes (parts.c). Plans r->divided, r->place, r->part and r->share for a
 * vector that is partitioned. NN_EMEMORY. Local. */
int nn_reduce_plan_parts(nn_reducer *r);
/* Whether bucket k has parts; and that of this rank's slice which a node takes the step on (of
 * those with the same slices), whose `at` is 0. Local. */
bool nn_reduce_divides_bucket(const nn_reducer *r, size_t k);
nn_slice nn_reduce_part_of(const nn_reducer *r, size_t k, size_t node);
/* True: parts are whole cells, because norms are sums over these. Local. */
bool nn_reduce_parts_are_cells(const nn_reducer *r);

/* Gradient vectors that a rank needs: one, or one for each of its subtrees. */
size_t nn_reduce_copies(const nn_reducer *r, size_t rank);
/* What this rank writes of bucket k: all of it in `copies` vectors, or its own slice in one where
 * rows take the place of gradients. */
nn_slice nn_reduce_held(const nn_reducer *r, size_t k, size_t *copies);

/* Before and after waiting for other ranks: the watchdog is told, the seconds are added to
 * r->waiting, and an event to r->trace. `since` is what the first has returned. */
double nn_reduce_waits(nn_reducer *r);
void nn_reduce_waited(nn_reducer *r, nn_trace_what what, size_t number, double since);
/* The same after adding gradients or taking the step, for r->updating. */
void nn_reduce_updated(nn_reducer *r, nn_trace_what what, size_t number, double since);

/* Keeps the first failure of a step. */
static inline void nn_reduce_check(nn_reducer *r, int rc) {
    if (r->rc == 0)
        r->rc = rc;
}

#endif
