/* How the parameter vector is divided: into buckets, counted from its end because back-propagation
 * completes it from there, and each bucket into a slice for every owner. The owner of a slice sums
 * its gradients and takes the optimiser's step on it. Buckets bound how long a sum can wait, slices
 * of every bucket keep all owners busy at any time. */
#ifndef NN_COMM_REDUCE_PARTITION_H
#define NN_COMM_REDUCE_PARTITION_H

#include "base/tree.h"

/* Elements [begin, end) of the parameter vector. `at` is where the first one stands in its owner's
 * share: the slices of one owner, in the order of the vector. */
typedef struct nn_slice {
    size_t begin, end, at;
} nn_slice;

typedef struct nn_partition_spec {
    size_t n;             /* elements of the vector */
    size_t bucket;        /* elements of a bucket, about */
    size_t owners;        /* at least 1 */
    size_t cell;          /* slices end at multiples of this, or with their bucket */
    size_t wholes;        /* spans that are a bucket each however long they are ... */
    const nn_span *whole; /* ... apart from each other and in order */
} nn_partition_spec;

typedef struct nn_partition {
    size_t owners, cell;
    size_t buckets;
    size_t *border; /* [buckets + 1], falling: bucket k is [border[k + 1], border[k]) */
    size_t *at;     /* [buckets][owners]: `at` of the slices */
} nn_partition;

/* Elements of a bucket by default: 1 MiB. Longer calls of MPI_Allreduce run at half the rate,
 * shorter ones pay for their start. */
#define NN_PARTITION_BUCKET ((size_t)262144)

/* Slices that end at a cache line of float, where the vector begins at one. */
#define NN_PARTITION_LINE ((size_t)16)

/* Where no bit may depend on the ranks, slices are whole cells of this size, and norms are sums of
 * the cells' sums in the order of the vector: neither owners nor buckets change a bit. */
#define NN_PARTITION_CELL ((size_t)8192)

/* Memory is the pool's. NN_EMEMORY. Local. */
int nn_partition_init(nn_partition *partition, nn_pool *pool, const nn_partition_spec *spec);

/* Buckets that are complete when the vector is, from `begin` on. Local. */
size_t nn_partition_complete(const nn_partition *partition, size_t begin);

/* Bucket k, whole. Local. */
static inline nn_slice nn_partition_bucket(const nn_partition *partition, size_t k) {
    return (nn_slice){partition->border[k + 1], partition->border[k], 0};
}

/* Elements of the longest bucket. Local. */
size_t nn_partition_longest(const nn_partition *partition);

/* The slice of bucket k that belongs to `owner`; empty for who is none. Local. */
nn_slice nn_partition_slice(const nn_partition *partition, size_t k, size_t owner);

/* Elements of all slices of an owner. Local. */
size_t nn_partition_share(const nn_partition *partition, size_t owner);

#endif
