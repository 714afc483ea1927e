/* Gradients as outer products. The gradient of a dense layer is the product of the rows of a
 * minibatch, G[m][n] = A[rows][m]^T B[rows][n], and is often much larger than they are. Ranks that
 * share memory then show each other their rows, and the owner of a slice of G multiplies those of
 * all: nobody writes a whole G of its own, and nobody adds several. Between nodes rows travel
 * instead of sums where that takes less time (link.h): every node then multiplies the rows of
 * the whole minibatch (sufficient factors: Xie et al. 2016, "Lighter-communication distributed
 * machine learning via sufficient factor broadcasting"; chosen layer by layer: Zhang et al. 2017,
 * "Poseidon"). So it is with the products of recurrent layers and of dense ones on sequences, which
 * have several rows a sample, and with a table of which a minibatch looks up rows (embedding):
 * there A is given as the indices, and only the rows that are touched travel.
 */
#ifndef NN_COMM_REDUCE_OUTER_OUTER_GRADS_H
#define NN_COMM_REDUCE_OUTER_OUTER_GRADS_H

#include "comm/between/wire.h"
#include "comm/reduce/spec.h"

typedef struct nn_outer_grads nn_outer_grads;

/* What a gradient costs between nodes, as rows of so many samples, and as sums, of numbers of so
 * many bytes; nodes, ranks and direct are left to be filled in. Local. */
nn_exchange_costs nn_outer_costs(const nn_outer_matrix *c, double samples, size_t number);
/* Bytes of a side of the rows of a sample. Local. */
size_t nn_outer_side_bytes(const nn_outer_matrix *c, nn_outer_side side, size_t number);

/* Takes those of spec->outer that are cheaper by rows; *out is NULL where none are. With several
 * nodes `wire` is what rows travel by. NN_EMEMORY. Collective. */
int nn_outer_grads_new(const nn_reduce_spec *spec, nn_wire *wire, nn_outer_grads **out);
void nn_outer_grads_free(nn_outer_grads *outer);

/* Spans of the gradient vector that are taken, in order, and their number. Owned by the object. */
size_t nn_outer_grads_spans(const nn_outer_grads *outer, const nn_span **out);

/* Memory that all ranks of the node see, for the rows of all; zeroed by each rank for its own. Tags
 * of messages begin with `tag`. */
size_t nn_outer_grads_bytes(const nn_outer_grads *outer);
/* Memory of this rank besides that, for rows that are being sent. Local. */
size_t nn_outer_grads_message_bytes(const nn_outer_grads *outer);
void nn_outer_grads_attach(nn_outer_grads *outer, void *memory, int tag);

/* Who is told, by any thread and under the wire's lock, when all rows of a gradient have come from
 * other nodes and this rank's have gone there; it stands in the vector from `begin` on. */
void nn_outer_grads_set_arrived(nn_outer_grads *outer, void (*arrived)(void *ctx, size_t begin),
                                void *ctx);

/* As nn_reducer_wants_rows, nn_reducer_sends_rows, nn_reducer_open and nn_reducer_put_rows. */
bool nn_outer_grads_is_taken(const nn_outer_grads *outer, size_t i);
bool nn_outer_grads_travels(const nn_outer_grads *outer, size_t i);
void nn_outer_grads_open(nn_outer_grads *outer, size_t rows);
void nn_outer_grads_put(nn_outer_grads *outer, size_t i, nn_outer_side side,
                        const nn_row_block *rows);

/* A slice of the vector is part of a gradient that is taken; and of one whose rows go to all nodes,
 * so that there is nothing to sum between them. */
bool nn_outer_grads_covers(const nn_outer_grads *outer, const nn_slice *slice);
bool nn_outer_grads_is_everywhere(const nn_outer_grads *outer, const nn_slice *slice);
/* What other nodes send of the rows of such a slice may come, in the pass that is open. */
void nn_outer_grads_receive(nn_outer_grads *outer, const nn_slice *slice, size_t priority);

/* Writes the product of all rows to such a slice of `grads`, the gradient vector. All ranks have
 * put their rows, and those of other nodes are there. Local. */
void nn_outer_grads_multiply(const nn_outer_grads *outer, const nn_slice *slice, nn_real *grads);

#endif
