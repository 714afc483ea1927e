/* Which of the rows of a minibatch each rank has: a table of borders, the same on every rank. */
#ifndef NN_BASE_SHARDS_H
#define NN_BASE_SHARDS_H

#include "base/tree.h"

/* Of `border[holders]` parts, holder h has [border[h], border[h + 1]). Borders may be moved, by
 * everyone at the same time, as long as no holder gets more than `most` parts. */
typedef struct nn_shards {
    size_t holders;
    int64_t *border; /* [holders + 1], from 0 on */
    size_t most;
} nn_shards;

static inline size_t nn_shards_parts(const nn_shards *shards) {
    return (size_t)shards->border[shards->holders];
}

/* Shards that are as even as whole parts allow; `most` is as many as that needs. Memory is the
 * pool's. NN_EMEMORY. Local. */
int nn_shards_init(nn_shards *shards, nn_pool *pool, size_t parts, size_t holders);

/* The rows of one holder, or of those from `first` on before `end`: as many of each part as whole
 * rows allow. */
nn_span nn_shards_rows_of(const nn_shards *shards, size_t rows, size_t first, size_t end);
nn_span nn_shards_rows(const nn_shards *shards, size_t rows, size_t holder);

/* Most rows that one holder ever has of up to so many. */
size_t nn_shards_most(const nn_shards *shards, size_t rows);

/* Whether these are as many borders of as many parts, may be moved to, and leave no holder without
 * a part. */
bool nn_shards_fit(const nn_shards *shards, size_t borders, const int64_t *border);

#endif
