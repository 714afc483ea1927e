/* Gradients by their factors. The gradient of a dense layer is the product of the rows of a
 * minibatch, G[m][n] = A[rows][m]^T B[rows][n], and is often much larger than they are. Ranks that
 * share memory then show each other their rows, and the owner of a slice of G multiplies those of
 * all: nobody writes a whole G of its own, and nobody adds several (sufficient factors: Xie et al.
 * 2016, "Lighter-communication distributed machine learning via sufficient factor broadcasting").
 */
#ifndef NN_COMM_REDUCE_OUTER_GRADS_H
#define NN_COMM_REDUCE_OUTER_GRADS_H

#include "comm/reduce/reduce.h"

typedef struct nn_factors nn_factors;

/* Takes those of spec->factored that are cheaper this way; *out is NULL where none are, or where
 * the rows of a node are not next to each other in the minibatch. NN_EMEMORY. Collective. */
int nn_factors_new(const nn_reduce_spec *spec, nn_factors **out);
void nn_factors_free(nn_factors *factors);

/* Spans of the gradient vector that are taken, in order, and their number. Owned by `factors`. */
size_t nn_factors_spans(const nn_factors *factors, const nn_span **out);

/* Memory that all ranks of the node see, for the rows of all; zeroed by each rank for its own. */
size_t nn_factors_bytes(const nn_factors *factors);
void nn_factors_place(nn_factors *factors, void *memory);

/* As nn_reducer_takes_factors, nn_reducer_rows and nn_reducer_put. */
bool nn_factors_take(const nn_factors *factors, size_t i);
void nn_factors_rows(nn_factors *factors, size_t rows);
void nn_factors_put(const nn_factors *factors, size_t i, const nn_real *a, const nn_real *b);

/* A slice of the vector is part of a gradient that is taken. */
bool nn_factors_have(const nn_factors *factors, const nn_slice *slice);

/* Writes the product of all rows to such a slice of `grads`, the gradient vector. All ranks have
 * put their rows. Local. */
void nn_factors_multiply(const nn_factors *factors, const nn_slice *slice, nn_real *grads);

#endif
