/* A thread that makes the next minibatches while the one before them is worked on. */
#ifndef NN_DATA_LOADER_PREFETCH_H
#define NN_DATA_LOADER_PREFETCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct nn_prefetch nn_prefetch;

/* Which minibatch. */
typedef struct nn_prefetch_task {
    int64_t epoch, index;
} nn_prefetch_task;

typedef struct nn_prefetch_ops {
    /* Makes a minibatch in this entry of the ring. */
    int (*make)(void *ctx, const nn_prefetch_task *task, int entry);
    /* The minibatch after this one. */
    nn_prefetch_task (*after)(void *ctx, const nn_prefetch_task *task);
    /* A piece of other work for when all entries are full; true: there is more. NULL: none.
     * Failures show when the minibatch is made. */
    bool (*spare)(void *ctx);
} nn_prefetch_ops;

#define NN_PREFETCH_MAX_DEPTH 32

/* Starts the thread, which sees no signals; the ring has `depth` entries, 2 to
 * NN_PREFETCH_MAX_DEPTH. NN_EMEMORY. Local. */
int nn_prefetch_new(const nn_prefetch_ops *ops, void *ctx, int depth, nn_prefetch **out);
void nn_prefetch_free(nn_prefetch *prefetch);

/* Waits for a minibatch and says in which entry it is: until the next call. The thread goes on with
 * those after it. When `make` fails, it is called once more in the calling thread. */
int nn_prefetch_next(nn_prefetch *prefetch, const nn_prefetch_task *task, int *entry);

/* Returns when the thread is at rest, as it then is until the next minibatch is taken: so that
 * others can use what `make` uses. */
void nn_prefetch_rest(nn_prefetch *prefetch);
/* The same, and what was made and not taken is made again. */
void nn_prefetch_forget(nn_prefetch *prefetch);

#endif
