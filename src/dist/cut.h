/* How the parameter vector is divided: into buckets, counted from its end because back-propagation
 * completes it from there, and each bucket into a slice for every owner. The owner of a slice sums
 * its gradients and takes the optimiser's step on it. Buckets bound how long a sum can wait, slices
 * of every bucket keep all owners busy at any time. */
#ifndef NN_DIST_CUT_H
#define NN_DIST_CUT_H

#include <stddef.h>

/* Elements [begin, end) of the parameter vector. `at` is where the first one stands in its owner's
 * share: the slices of one owner, in the order of the vector. */
typedef struct nn_slice {
    size_t begin, end, at;
} nn_slice;

typedef struct nn_cut {
    size_t n;      /* elements of the vector */
    size_t bucket; /* elements of a bucket; the last one, at the vector's start, may be shorter */
    size_t owners;
    size_t cell; /* slices begin at multiples of this from their bucket's start; 0: cache lines */
} nn_cut;

/* Elements of a bucket by default: 1 MiB. Longer calls of MPI_Allreduce run at half the rate,
 * shorter ones pay for their start. */
#define NN_CUT_BUCKET ((size_t)262144)

/* A cell of such a size is worth a look of its own, and so is a part of it: sums of them, added in
 * their order, do not depend on the number of owners. */
#define NN_CUT_CELL ((size_t)8192)

/* Buckets there are. Local. */
size_t nn_cut_buckets(const nn_cut *cut);

/* Buckets that are complete when the vector is, from `begin` on. Local. */
size_t nn_cut_complete(const nn_cut *cut, size_t begin);

/* Bucket k, whole. Local. */
nn_slice nn_cut_bucket(const nn_cut *cut, size_t k);

/* The slice of bucket k that belongs to `owner`; empty for who is none. Local. */
nn_slice nn_cut_slice(const nn_cut *cut, size_t k, size_t owner);

/* Elements of all slices of an owner. Local. */
size_t nn_cut_share(const nn_cut *cut, size_t owner);

#endif
