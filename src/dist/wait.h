/* Waiting for another process to change a word in shared memory. */
#ifndef NN_DIST_WAIT_H
#define NN_DIST_WAIT_H

#include <sched.h>

/* Looks before the processor is given away: some tens of microseconds, the usual difference between
 * ranks that have a core each. */
#define NN_SPINS 1000u

/* One round of waiting; `patience` looks are made before yielding, 0 when ranks share cores and the
 * one that is waited for may need this one. */
static inline void nn_wait_round(unsigned *rounds, unsigned patience) {
    if (*rounds >= patience) {
        sched_yield();
        return;
    }
    ++*rounds;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

#endif
