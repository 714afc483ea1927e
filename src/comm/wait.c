#define _GNU_SOURCE
#include "comm/wait.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPINS 1000  /* looks before the core is given away, */
#define YIELDS 1000 /* and then before naps */
#define NAP_NS 50000

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

void nn_wait_polling(nn_condition *holds, void *ctx, bool crowded) {
    const struct timespec nap = {.tv_nsec = NAP_NS};
    for (int looks = crowded ? SPINS : 0; !holds(ctx); looks++) {
        if (looks < SPINS)
            relax();
        else if (looks < SPINS + YIELDS)
            sched_yield();
        else
            nanosleep(&nap, NULL);
    }
}

/* A signal between the two looks makes the kernel refuse to sleep. */
static void sleep_until(nn_condition *holds, void *ctx, nn_wakeup *wakeup) {
    for (;;) {
        uint32_t signals = atomic_load(wakeup);
        if (holds(ctx))
            return;
        syscall(SYS_futex, wakeup, FUTEX_WAIT, signals, NULL, NULL, 0);
    }
}

void nn_wait(nn_condition *holds, void *ctx, nn_wakeup *wakeup) {
    if (wakeup)
        sleep_until(holds, ctx, wakeup);
    else
        spin(holds, ctx);
}

void nn_wakeup_signal(nn_wakeup *wakeup) {
    atomic_fetch_add(wakeup, 1);
    syscall(SYS_futex, wakeup, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
