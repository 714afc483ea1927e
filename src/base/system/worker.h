/* A thread that does one task after the other, for what the thread that trains should not wait for.
 */
#ifndef NN_BASE_SYSTEM_WORKER_H
#define NN_BASE_SYSTEM_WORKER_H

#include "base/error.h"

#include <stdbool.h>

typedef struct nn_worker nn_worker;

/* Signals are not for the thread; its messages go where those of the caller go. `what` names the
 * work in the message of NN_EMEMORY. Local. */
int nn_worker_new(const char *what, nn_worker **out);
/* Waits for the task under way. NULL is fine. */
void nn_worker_free(nn_worker *worker);

/* Waits for the task under way and begins this one. `ctx` is the task's until it has ended. Local.
 */
void nn_worker_start(nn_worker *worker, void (*task)(void *ctx), void *ctx);
/* What the tasks so far have written may be read after it. Local. */
void nn_worker_wait(nn_worker *worker);
/* False: as after nn_worker_wait. Local. */
bool nn_worker_busy(const nn_worker *worker);

#endif
