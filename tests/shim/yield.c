/* Ranks that wait for each other give their core away again and again; here they sleep a moment, as
 * a test has more ranks than cores, and other tests beside it. Loaded before all others
 * (LD_PRELOAD=libyield.so), or linked into programs, as it is where they are sanitized. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <unistd.h>

#pragma GCC visibility push(default)
int sched_yield(void) {
    return usleep(50);
}
#pragma GCC visibility pop
