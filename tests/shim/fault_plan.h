/* Which call of which function is to fail, and how: by the environment (see fault.c) or fault_arm.
 */
#ifndef NN_SHIM_FAULT_PLAN_H
#define NN_SHIM_FAULT_PLAN_H

#include "own.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    FAULT_SHORT = -1,
    FAULT_KILL = -2,
    FAULT_HANG = -3,
    FAULT_STOP = -4,
    FAULT_LIE = -5,
    FAULT_SLOW = -6
}; /* beside errno values */

/* clang-format off */
#define FAULT_KINDS(X)                                                                             \
    X(malloc) X(open) X(read) X(pread) X(write) X(pwrite) X(close) X(fsync) X(ftruncate)           \
    X(rename) X(symlink) X(unlink) X(mkdir) X(fchown) X(fcntl) X(stat) X(opendir) X(statvfs)       \
    X(lseek) X(mmap) X(memfd) X(thread) X(entropy) X(mpi) X(test)
/* clang-format on */
enum fault_kind {
#define FAULT_ENUM(kind) fault_##kind,
    FAULT_KINDS(FAULT_ENUM) FAULT_COUNT
};
static const char *const fault_kinds[] = {
#define FAULT_NAME(kind) #kind,
    FAULT_KINDS(FAULT_NAME)};

/* What is to fail. A thread may be on its way through one when the next is armed, so none is
 * changed or freed. */
typedef struct fault_plan {
    int what; /* enum fault_kind */
    long at;
    bool sticky;
    int error;
    char path[256];
    struct fault_plan *before;
} fault_plan;

static struct {
    _Atomic(const fault_plan *) armed; /* NULL: nothing fails */
    fault_plan *last;                  /* of all there were */
    atomic_long calls[FAULT_COUNT];
    atomic_bool counts; /* all kinds */
    atomic_bool marked;
    bool own; /* since before main */
} fault;

void fault_arm(const char *what, long at, bool sticky, int error, const char *path);
long fault_calls(void);

static int fault_kind_named(const char *name) {
    for (int kind = 0; name != NULL && kind < FAULT_COUNT; kind++)
        if (strcmp(fault_kinds[kind], name) == 0)
            return kind;
    return -1;
}

/* what NULL: back to normal. error: an errno or one of the above. */
void fault_arm(const char *what, long at, bool sticky, int error, const char *path) {
    atomic_store(&fault.armed, NULL);
    int kind_to_fail = fault_kind_named(what);
    fault_plan *plan = kind_to_fail >= 0 ? malloc(sizeof *plan) : NULL;
    if (plan != NULL) {
        *plan = (fault_plan){kind_to_fail, at, sticky, error, "", fault.last};
        snprintf(plan->path, sizeof plan->path, "%s", path != NULL ? path : "");
        fault.last = plan;
    }
    for (int kind = 0; kind < FAULT_COUNT; kind++)
        atomic_store(&fault.calls[kind], 0);
    atomic_store(&fault.armed, plan);
}

/* Calls seen since fault_arm. */
long fault_calls(void) {
    const fault_plan *plan = atomic_load(&fault.armed);
    return plan == NULL ? 0 : atomic_load(&fault.calls[plan->what]);
}

static int fault_error_named(const char *name) {
    static const struct {
        const char *name;
        int error;
    } errors[] = {{"EIO", EIO},         {"ENOSPC", ENOSPC},   {"EINTR", EINTR},
                  {"EACCES", EACCES},   {"EDQUOT", EDQUOT},   {"EROFS", EROFS},
                  {"ENOMEM", ENOMEM},   {"ENOLCK", ENOLCK},   {"SHORT", FAULT_SHORT},
                  {"KILL", FAULT_KILL}, {"HANG", FAULT_HANG}, {"STOP", FAULT_STOP},
                  {"LIE", FAULT_LIE},   {"SLOW", FAULT_SLOW}};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strcmp(errors[i].name, name) == 0)
            return errors[i].error;
    fprintf(stderr, "fault: FAULT_ERRNO=%s is not known\n", name);
    _exit(125);
}

/* Of this process; NULL: started by hand. */
static const char *fault_rank(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (getenv(names[i]) != NULL)
            return getenv(names[i]);
    return NULL;
}

static bool fault_is_other_rank(void) {
    const char *wanted = getenv("FAULT_RANK"), *rank = fault_rank();
    return wanted != NULL && (rank == NULL || strcmp(rank, wanted) != 0);
}

static const char *fault_default_error(const char *what) {
    static const char *const of_memory[] = {"malloc", "mmap", "memfd", "thread"};
    for (size_t i = 0; i < sizeof of_memory / sizeof of_memory[0]; i++)
        if (strcmp(what, of_memory[i]) == 0)
            return "ENOMEM";
    return "EIO";
}

__attribute__((constructor)) static void fault_from_environment(void) {
    const char *what = getenv("FAULT");
    const char *at = getenv("FAULT_AT");
    const char *error = getenv("FAULT_ERRNO");
    own_find();
    fault.own = getenv("FAULT_OWN") != NULL;
    atomic_store(&fault.counts, getenv("FAULT_COUNT_FILE") != NULL);
    if (what == NULL || fault_is_other_rank())
        return;
    if (fault_kind_named(what) < 0) {
        fprintf(stderr, "fault: FAULT=%s is not known\n", what);
        _exit(125);
    }
    fault_arm(what, at != NULL ? strtol(at, NULL, 10) : 0, at != NULL && strchr(at, '+') != NULL,
              fault_error_named(error != NULL ? error : fault_default_error(what)),
              getenv("FAULT_PATH"));
}

__attribute__((destructor)) static void fault_report(void) {
    const char *name = getenv("FAULT_COUNT_FILE"), *rank = fault_rank();
    char path[PATH_MAX];
    if (!atomic_exchange(&fault.counts, false))
        return;
    atomic_store(&fault.armed, NULL);
    snprintf(path, sizeof path, "%s.%s", name, rank != NULL ? rank : "0");
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return;
    for (int kind = 0; kind < FAULT_COUNT; kind++)
        if (atomic_load(&fault.calls[kind]) > 0)
            fprintf(out, "%s %ld\n", fault_kinds[kind], atomic_load(&fault.calls[kind]));
    fclose(out);
}

/* By system calls alone, which nobody counts. */
static void fault_mark(void) {
    const char *name = getenv("FAULT_MARK");
    if (name == NULL || atomic_exchange(&fault.marked, true))
        return;
    long fd = syscall(SYS_openat, AT_FDCWD, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    syscall(SYS_close, fd);
}

/* Whether calls of this kind are counted. */
static bool fault_counts(int kind, const fault_plan *plan, const void *caller) {
    bool wanted = (plan != NULL && plan->what == kind) || atomic_load(&fault.counts);
    return wanted && (!fault.own || own_is(caller));
}

static bool fault_is_of(const fault_plan *plan, const char *path) {
    return plan == NULL || strstr(path, plan->path) != NULL;
}

static void fault_delay(void) {
    const char *seconds = getenv("FAULT_SECONDS");
    usleep((useconds_t)(1e6 * (seconds != NULL ? atof(seconds) : 4)));
}

/* Counts a call. 0: it is to be made; else the plan's error, with errno set. */
static int fault_strikes(int kind, const fault_plan *plan) {
    long call = atomic_fetch_add(&fault.calls[kind], 1) + 1;
    if (plan == NULL || plan->what != kind || plan->at == 0 ||
        (plan->sticky ? call < plan->at : call != plan->at))
        return 0;
    fault_mark();
    if (plan->error == FAULT_KILL)
        raise(SIGKILL);
    while (plan->error == FAULT_HANG)
        sleep(1);
    if (plan->error == FAULT_STOP)
        raise(SIGSTOP);
    if (plan->error == FAULT_SLOW)
        fault_delay();
    if (plan->error > 0)
        errno = plan->error;
    return plan->error != FAULT_STOP && plan->error != FAULT_SLOW ? plan->error : 0;
}

static int fault_at(int kind, const void *caller) {
    const fault_plan *plan = atomic_load(&fault.armed);
    return fault_counts(kind, plan, caller) ? fault_strikes(kind, plan) : 0;
}

static int fault_at_path(int kind, const void *caller, const char *path) {
    const fault_plan *plan = atomic_load(&fault.armed);
    bool counts = fault_counts(kind, plan, caller) && fault_is_of(plan, path);
    return counts ? fault_strikes(kind, plan) : 0;
}

static int fault_at_fd(int kind, const void *caller, int fd) {
    char link[64], path[PATH_MAX];
    const fault_plan *plan = atomic_load(&fault.armed);
    if (!fault_counts(kind, plan, caller))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return fault_is_of(plan, path) ? fault_strikes(kind, plan) : 0;
}

/* The function that ours hides, as a function pointer of the type of `name` itself. */
#define FAULT_REAL(name)                                                                           \
    static _Atomic(void *) found;                                                                  \
    if (atomic_load(&found) == NULL)                                                               \
        atomic_store(&found, dlsym(RTLD_NEXT, #name));                                             \
    __typeof__(name) *real;                                                                        \
    *(void **)(&real) = atomic_load(&found)
/* Who calls a function of ours. */
#define FAULT_CALLER __builtin_return_address(0)

#endif
