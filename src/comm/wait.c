#define _GNU_SOURCE
#include "comm/wait.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS 1000 /* looks before the core is given away */

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

static void spin(nn_condition *holds, void *ctx) {
    for (int i = 0; i < SPINS; i++) {
        if (holds(ctx))
            return;
        relax();
    }
    while (!holds(ctx))
        sched_yield();
}

/* A ring between the two looks makes the kernel refuse to sleep. */
static void sleep_until(nn_condition *holds, void *ctx, nn_bell *bell) {
    for (;;) {
        uint32_t rings = atomic_load(bell);
        if (holds(ctx))
            return;
        syscall(SYS_futex, bell, FUTEX_WAIT, rings, NULL, NULL, 0);
    }
}

void nn_wait(nn_condition *holds, void *ctx, nn_bell *bell) {
    if (bell)
        sleep_until(holds, ctx, bell);
    else
        spin(holds, ctx);
}

void nn_ring(nn_bell *bell) {
    atomic_fetch_add(bell, 1);
    syscall(SYS_futex, bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
