/* Slow storage: as long as there is a file SLOW_WHILE, each pread from a file with SLOW_PATH in its
 * name takes 0.1 s more, and as long as there is a file SLOW_SAVE, each fsync of a checkpoint 4 s.
 * cc -shared -fPIC -O1 -o slow.so slow.c, then LD_PRELOAD=slow.so */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void be_slow(int fd, const char *wanted, const char *as_long_as, unsigned microseconds) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    if (as_long_as && wanted && strstr(path, wanted) && access(as_long_as, F_OK) == 0)
        usleep(microseconds);
}

/* Seen by everyone, whatever the compiler was told. */
#pragma GCC visibility push(default)
#define SLOW_PREAD(name, offset_type)                                                              \
    ssize_t name(int fd, void *bytes, size_t count, offset_type offset) {                          \
        static __typeof__(name) *real;                                                             \
        if (!real)                                                                                 \
            *(void **)(&real) = dlsym(RTLD_NEXT, #name);                                           \
        be_slow(fd, getenv("SLOW_PATH"), getenv("SLOW_WHILE"), 100000);                            \
        return real(fd, bytes, count, offset);                                                     \
    }
SLOW_PREAD(pread, off_t)
SLOW_PREAD(pread64, off64_t)

int fsync(int fd) {
    static __typeof__(fsync) *real;
    if (!real)
        *(void **)(&real) = dlsym(RTLD_NEXT, "fsync");
    be_slow(fd, "checkpoint", getenv("SLOW_SAVE"), 4000000);
    return real(fd);
}
#pragma GCC visibility pop
