/* The gradient sum over the ranks, and the optimiser's step on it.
 *
 * A reducer owns the parameter and the gradient vector, because where they live depends on how sums
 * are made. A step is: nn_reducer_open, nn_reducer_send_sums, nn_reducer_ready any number of times
 * while back-propagation completes the gradients, nn_reducer_finish. Between two steps every rank
 * may read the parameters, except after nn_reducer_go_ahead. A step of several passes that are
 * summed one by one (train.reproducible) is that for each of them, of which all but the last call
 * nn_reducer_skip_sums instead of nn_reducer_send_sums. Where layers add up the gradients of the
 * passes, the reducer sees only the last pass.
 */
#ifndef NN_COMM_REDUCE_REDUCE_H
#define NN_COMM_REDUCE_REDUCE_H

#include "base/system/trace.h"
#include "comm/comm.h"
#include "comm/reduce/partition.h"
#include "comm/reduce/spec.h"

/* NN_REDUCE_AUTO becomes the node backend where every node has ranks to share with, or there are
 * several nodes, else allreduce. One rank alone is always allreduce. A node backend whose memory
 * cannot be shared becomes allreduce, with a warning. Vectors are zero. The same code on every
 * rank. Collective. */
int nn_reducer_new(const nn_reduce_spec *spec, nn_reducer **out);
/* Collective, NULL is fine. After a failure of MPI its memory stays where messages are under way.
 */
void nn_reducer_free(nn_reducer *reducer);

/* How sums are made: "none" (one rank), "allreduce" or "node". Local. */
const char *nn_reducer_backend(const nn_reducer *reducer);
/* The parameters (i 0), and vectors that are laid out and shared as they are; [n]. */
nn_real *nn_reducer_vector(const nn_reducer *reducer, size_t i);
nn_real *nn_reducer_grads(const nn_reducer *reducer); /* [n], of this rank, then the sums */
size_t nn_reducer_stride(const nn_reducer *reducer);  /* from one subtree's gradients to the next */
/* Memory for gradients, for what of them is on its way between nodes, and this rank's part of that
 * for the rows of outer products. Local. */
size_t nn_reducer_gradient_bytes(const nn_reducer *reducer);
/* True on a rank that may write these vectors outside of a step: the first of each node that shares
 * one copy. Local. */
bool nn_reducer_writes(const nn_reducer *reducer);
/* True where this rank's copy is that of other ranks, too. Local. */
bool nn_reducer_shares(const nn_reducer *reducer);
/* Elements this rank takes the step on, and so the length of a vector of optimiser state. Local. */
size_t nn_reducer_share(const nn_reducer *reducer);
/* Owners of slices, and which of them this rank is (that many or more: none). Local. */
size_t nn_reducer_owners(const nn_reducer *reducer, size_t *owner);
/* How the vector is divided among this node's owners. Local. */
const nn_partition *nn_reducer_partition(const nn_reducer *reducer);
/* This rank's slices, from the end of the vector on. Local. */
size_t nn_reducer_slices(const nn_reducer *reducer);
nn_slice nn_reducer_slice(const nn_reducer *reducer, size_t i);
/* The part of slice i that this rank takes the step on, whose `at` counts in its share: all of it,
 * but with spec.divided between nodes. Local. */
nn_slice nn_reducer_part(const nn_reducer *reducer, size_t i);
/* Whether the slices are divided so; and whether slice i is: not where rows of its gradient go to
 * all nodes. The same on every rank. Local. */
bool nn_reducer_divides(const nn_reducer *reducer);
bool nn_reducer_divides_slice(const nn_reducer *reducer, size_t i);

/* What the nodes are joined by, as it was measured or given; zeros where it does not matter. Local.
 */
const nn_link *nn_reducer_link(const nn_reducer *reducer);
/* True: rows of gradient spec.outer[i] go to all nodes. The same on every rank. Local. */
bool nn_reducer_sends_rows(const nn_reducer *reducer, size_t i);

/* True: instead of the gradient spec.outer[i], the rows it is the product of are wanted. The same
 * on every rank. Local. */
bool nn_reducer_wants_rows(const nn_reducer *reducer, size_t i);
/* A pass that will be summed begins, of so many rows, of all ranks. Local. */
void nn_reducer_open(nn_reducer *reducer, size_t rows);
/* This rank's rows of one side of gradient i: within a pass, before nn_reducer_ready says that the
 * gradient is complete; those that are left out are zero. Has the type of nn_rows_fn. Local. */
void nn_reducer_put_rows(void *reducer, size_t i, nn_outer_side side, const nn_row_block *rows);

/* In the last pass of a step, mostly the only one, before nn_reducer_ready: tells the others what
 * this rank adds to the step sums; with a tree these are those of each of its leaves [own leaves],
 * which are destroyed. Collective, as all below. */
void nn_reducer_send_sums(nn_reducer *reducer, nn_step_sums *sums);
/* The same place in a pass that is not the step's last one: it has no step sums, and no parameter
 * changes. Wants ops->accumulate. */
void nn_reducer_skip_sums(nn_reducer *reducer);
/* The gradient vector is complete from `begin` to its end: buckets in there may be summed now, and
 * the step taken on them. Has the type of nn_ready_fn. Every rank reports the same sequence. */
void nn_reducer_ready(void *reducer, size_t begin);
/* The sums of the step that ended last, and whether it was nonfinite on any rank; the same on every
 * rank. */
const nn_step_sums *nn_reducer_sums(const nn_reducer *reducer);
bool nn_reducer_nonfinite(const nn_reducer *reducer);
/* The rest. After it gradients may be overwritten, and after a step's last pass all steps are taken
 * on all ranks, unless some are left (nn_reducer_go_ahead). NN_ERANK. */
int nn_reducer_finish(nn_reducer *reducer);
/* The same in two parts, with spec.in_parts: after the first the gradient vector holds the sums of
 * all ranks, and may be changed, alike on all of them; the second takes the steps, or drops them.
 * NN_ERANK, after which there is no second. */
int nn_reducer_sum(nn_reducer *reducer);
int nn_reducer_update(nn_reducer *reducer, bool steps);

/* From the next step on, where several nodes sum and no step needs all of the gradient,
 * nn_reducer_finish leaves sums that are on their way: the next step's nn_reducer_open and forward
 * come, for which nn_reducer_need completes what is left, the first layers' parameters first; or it
 * leaves nothing any more (false, as at first). The same on every rank. Local. */
void nn_reducer_go_ahead(nn_reducer *reducer, bool ahead);
/* Whether something is left. The same on every rank of a node. Local. */
bool nn_reducer_has_left(const nn_reducer *reducer);
/* Parameters before element `end` are about to be read, and rows of their gradients to be put. Has
 * the type of nn_need_fn. Every rank calls the same sequence. */
void nn_reducer_need(void *reducer, size_t end);
/* Completes what is left, where something is: before nn_reducer_send_sums, and before anyone looks
 * at parameters, gradients, optimiser state or nn_reducer_nonfinite. NN_ERANK, also of a failure
 * that nn_reducer_need met with. */
int nn_reducer_complete(nn_reducer *reducer);

/* Within `compute_norms` and `constrain`: values[count] become their sums over the owners of a
 * node's slices; all ranks of the node have come so far. Where nn_reducer_divides, each of them has
 * to be zero on all nodes but one, or the same on all: that is what it becomes. */
void nn_reducer_add(nn_reducer *reducer, double *values, size_t count);

/* Every copy of the vectors becomes that of rank 0. NN_ERANK. */
int nn_reducer_sync(nn_reducer *reducer);
/* Rank 0's whole [n] vector of optimiser state to everyone's share; `whole` of other ranks is not
 * read. Overwrites the gradients. NN_ERANK. */
int nn_reducer_scatter(nn_reducer *reducer, const nn_real *whole, nn_real *share);
/* Between two steps, where nn_reducer_divides: what other nodes have of a vector of optimiser state
 * comes to stand in `whole` [n] of the first node, whose ranks share it; others' is not used.
 * NN_ERANK. */
int nn_reducer_gather(nn_reducer *reducer, nn_real *share, nn_real *whole);

/* Seconds this rank has spent since the last call waiting for others or in MPI, and with adding the
 * gradients of its slices and taking the step on them. */
void nn_reducer_seconds(nn_reducer *reducer, double *waiting, double *updating);

/* From now on notes in `trace` what it does; NULL: no longer. Local. */
void nn_reducer_trace(nn_reducer *reducer, nn_trace *trace);

/* Seconds that this rank has waited, after back-propagation, for the gradients of elements
 * [begin, end), since they were cleared; of a bucket that has others, too, their share. Local. */
double nn_reducer_waited(nn_reducer *reducer, size_t begin, size_t end);
void nn_reducer_clear_waited(nn_reducer *reducer);

/* The memory that a backend takes. */
typedef struct nn_reduce_plan {
    nn_reduce_choice choice; /* never NN_REDUCE_AUTO */
    size_t copies;           /* of the parameters on this node */
    size_t owners;           /* among whom the optimiser state of a node is divided, */
    size_t nodes;            /* and nodes among which it is before that; 1: it is not */
} nn_reduce_plan;

/* What nn_reducer_new will choose when memory suffices; of `spec` only comm, choice and divided
 * matter. Local. */
nn_reduce_plan nn_reduce_plan_of(const nn_reduce_spec *spec);

#endif
