/* A 64-bit hash of memory, to compare copies of it without sending them. */
#ifndef NN_TRAIN_REPLICAS_HASH_H
#define NN_TRAIN_REPLICAS_HASH_H

#include <stddef.h>
#include <stdint.h>

/* The hash of `count` bytes, the same on every processor of the same byte order, at the speed of
 * memory. A change within any one word of 8 bytes always gives another hash; two arrays that differ
 * otherwise have the same one with a probability of about 2^-64. No protection against people who
 * want it to be the same. Local. */
uint64_t nn_hash_bytes(const void *bytes, size_t count);

#endif
