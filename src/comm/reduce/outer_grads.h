/* Gradients as outer products. The gradient of a dense layer is the product of the rows of a
 * minibatch, G[m][n] = A[rows][m]^T B[rows][n], and is often much larger than they are. Ranks that
 * share memory then show each other their rows, and the owner of a slice of G multiplies those of
 * all: nobody writes a whole G of its own, and nobody adds several (sufficient factors: Xie et al.
 * 2016, "Lighter-communication distributed machine learning via sufficient factor broadcasting").
 */
#ifndef NN_COMM_REDUCE_OUTER_GRADS_H
#define NN_COMM_REDUCE_OUTER_GRADS_H

#include "comm/reduce/spec.h"

typedef struct nn_outer_grads nn_outer_grads;

/* Takes those of spec->outer that are cheaper by rows; *out is NULL where none are, or where
 * the rows of a node are not next to each other in the minibatch. NN_EMEMORY. Collective. */
int nn_outer_grads_new(const nn_reduce_spec *spec, nn_outer_grads **out);
void nn_outer_grads_free(nn_outer_grads *outer);

/* Spans of the gradient vector that are taken, in order, and their number. Owned by the object. */
size_t nn_outer_grads_spans(const nn_outer_grads *outer, const nn_span **out);

/* Memory that all ranks of the node see, for the rows of all; zeroed by each rank for its own. */
size_t nn_outer_grads_bytes(const nn_outer_grads *outer);
void nn_outer_grads_place(nn_outer_grads *outer, void *memory);

/* As nn_reducer_wants_rows, nn_reducer_set_rows and nn_reducer_put_rows. */
bool nn_outer_grads_is_taken(const nn_outer_grads *outer, size_t i);
void nn_outer_grads_set_rows(nn_outer_grads *outer, size_t rows);
void nn_outer_grads_put(const nn_outer_grads *outer, size_t i, const nn_real *a, const nn_real *b);

/* A slice of the vector is part of a gradient that is taken. */
bool nn_outer_grads_covers(const nn_outer_grads *outer, const nn_slice *slice);

/* Writes the product of all rows to such a slice of `grads`, the gradient vector. All ranks have
 * put their rows. Local. */
void nn_outer_grads_multiply(const nn_outer_grads *outer, const nn_slice *slice, nn_real *grads);

#endif
