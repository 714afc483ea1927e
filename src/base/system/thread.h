/* A thread that works for the one that starts it: it takes no signals, and its messages and signs
 * of life go where those of that one go. */
#ifndef NN_BASE_SYSTEM_THREAD_H
#define NN_BASE_SYSTEM_THREAD_H

#include "base/log.h"
#include "base/system/progress.h"

#include <pthread.h>
#include <stdbool.h>

/* Stays where it is while the thread runs. */
typedef struct nn_thread {
    pthread_t id;
    void (*work)(void *ctx);
    void *ctx;
    nn_log_target log;
    nn_progress_target progress;
} nn_thread;

/* False: the system has no thread left. Local. */
bool nn_thread_start(nn_thread *thread, void (*work)(void *ctx), void *ctx);
/* Waits for its end. Local. */
void nn_thread_join(nn_thread *thread);

#endif
