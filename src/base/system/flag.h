/* Flags by which a thread that waits for signals tells those that compute: NULL is one that nobody
 * sets. */
#ifndef NN_BASE_SYSTEM_FLAG_H
#define NN_BASE_SYSTEM_FLAG_H

#include <signal.h>

static inline sig_atomic_t nn_flag_read(const volatile sig_atomic_t *flag) {
    return flag ? __atomic_load_n(flag, __ATOMIC_RELAXED) : 0;
}

#endif
