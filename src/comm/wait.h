/* Waiting for other processes to change words in shared memory: looking again and again where every
 * rank has a core, sleeping until they are woken where ranks share cores and the one that
 * is waited for may need this one. */
#ifndef NN_COMM_WAIT_H
#define NN_COMM_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* In memory that all who wait share. */
typedef _Atomic uint32_t nn_wakeup;

/* What is waited for; looks only, and may be called any number of times. */
typedef bool nn_condition(void *ctx);

/* Waits until the condition holds. With `wakeup` NULL it looks for some tens of microseconds, the
 * usual difference between ranks that have a core each, then yields between looks; else whoever may
 * have made it hold signals the wakeup. */
void nn_wait(nn_condition *holds, void *ctx, nn_wakeup *wakeup);

/* The same where looking moves things on (messages between nodes): nobody signals. Naps after a
 * while, at once where ranks share cores (`crowded`). */
void nn_wait_polling(nn_condition *holds, void *ctx, bool crowded);

/* Wakes all who wait. What they wait for was stored before. */
void nn_wakeup_signal(nn_wakeup *wakeup);

#endif
