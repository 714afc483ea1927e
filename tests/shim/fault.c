/* Fault injection: makes the N-th call of a C library function fail.
 *
 * As a library, cc -shared -fPIC -O1 -o fault.so fault.c, then LD_PRELOAD=fault.so and
 *   FAULT=write            what fails, one of fault_kinds; each stands for its relatives as well
 *                          (open64, openat, fopen; pwrite64; fdatasync; calloc ...)
 *   FAULT_AT=3             the third call fails; 3+: the third and all after it; without: none
 *   FAULT_PATH=ckpt        count only files with this in their name
 *   FAULT_OWN=1            count only calls made by nnmpi's own code, not by libraries
 *   FAULT_RANK=1           only in the process whose OMPI_COMM_WORLD_RANK, PMI_RANK or
 *                          PMIX_RANK this is
 *   FAULT_ERRNO=ENOSPC     the error: EIO (default), ENOSPC, EINTR, EACCES, EDQUOT, EROFS,
 *                          ENOLCK, ENOMEM (default for memory and threads); or SHORT: half of the
 *                          bytes are written or read;
 *                          or KILL: the process dies by SIGKILL instead of making the call;
 *                          or HANG: the call never returns;
 *                          or SLOW: it is made after FAULT_SECONDS (4);
 *                          or LIE: it is not made, but returns 0 (fcntl only);
 *                          or STOP: the process is stopped (SIGSTOP) before it makes the call
 *   FAULT_COUNT_FILE=f     at exit f.<rank> gets a line `<kind> <calls>` for each kind seen
 *   FAULT_MARK=f           a file of that name is made when the first call fails
 *
 * mpi.c does the same for MPI. Inside of a test program, #include "shim/fault.c" does it for the
 * libraries too, and fault_arm() sets it up from C. HDF5's and our own file driver are reached both
 * ways. malloc, mmap and thread are left alone under sanitizers, which have their own. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#undef _FORTIFY_SOURCE /* its inline functions would stand where ours do */
#include "own.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAULT_NO_MALLOC
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FAULT_NO_MALLOC
#endif
#endif

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

/* Seen by everyone, whatever the compiler was told. */
#pragma GCC visibility push(default)

/* Transfers: a strike fails, or does half. */
#define FAULT_TRANSFER(kind, name, bytes_type, offset_parameter, offset_argument)                  \
    ssize_t name(int fd, bytes_type bytes, size_t count offset_parameter) {                        \
        FAULT_REAL(name);                                                                          \
        int error = fault_at_fd(kind, FAULT_CALLER, fd);                                           \
        if (error != 0 && error != FAULT_SHORT)                                                    \
            return -1;                                                                             \
        if (error == FAULT_SHORT)                                                                  \
            count = (count + 1) / 2;                                                               \
        return real(fd, bytes, count offset_argument);                                             \
    }
#define FAULT_NOTHING
#define FAULT_PARAMETER(type) , type offset
#define FAULT_ARGUMENT , offset

FAULT_TRANSFER(fault_write, write, const void *, FAULT_NOTHING, FAULT_NOTHING)
FAULT_TRANSFER(fault_read, read, void *, FAULT_NOTHING, FAULT_NOTHING)
FAULT_TRANSFER(fault_pwrite, pwrite, const void *, FAULT_PARAMETER(off_t), FAULT_ARGUMENT)
FAULT_TRANSFER(fault_pwrite, pwrite64, const void *, FAULT_PARAMETER(off64_t), FAULT_ARGUMENT)
FAULT_TRANSFER(fault_pread, pread, void *, FAULT_PARAMETER(off_t), FAULT_ARGUMENT)
FAULT_TRANSFER(fault_pread, pread64, void *, FAULT_PARAMETER(off64_t), FAULT_ARGUMENT)

/* Others that return `bad` when they fail. */
#define FAULT_CALL(strikes, type, bad, name, parameters, arguments)                                \
    type name parameters {                                                                         \
        FAULT_REAL(name);                                                                          \
        return strikes ? bad : real arguments;                                                     \
    }
#define FAULT_FD(kind, name, parameters, arguments)                                                \
    FAULT_CALL(fault_at_fd(kind, FAULT_CALLER, fd), int, -1, name, parameters, arguments)
#define FAULT_PATH(kind, name, parameters, arguments)                                              \
    FAULT_CALL(fault_at_path(kind, FAULT_CALLER, path), int, -1, name, parameters, arguments)

FAULT_FD(fault_fsync, fsync, (int fd), (fd))
FAULT_FD(fault_fsync, fdatasync, (int fd), (fd))
FAULT_FD(fault_fchown, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
FAULT_FD(fault_ftruncate, ftruncate, (int fd, off_t length), (fd, length))
FAULT_FD(fault_ftruncate, ftruncate64, (int fd, off64_t length), (fd, length))
FAULT_FD(fault_stat, fstat, (int fd, struct stat *status), (fd, status))
FAULT_PATH(fault_stat, stat, (const char *path, struct stat *status), (path, status))
FAULT_PATH(fault_stat, lstat, (const char *path, struct stat *status), (path, status))
FAULT_PATH(fault_stat, fstatat, (int folder, const char *path, struct stat *status, int flags),
           (folder, path, status, flags))
FAULT_PATH(fault_stat, access, (const char *path, int mode), (path, mode))
FAULT_PATH(fault_statvfs, statvfs, (const char *path, struct statvfs *status), (path, status))
FAULT_PATH(fault_rename, rename, (const char *from, const char *path), (from, path))
FAULT_PATH(fault_rename, renameat,
           (int from_folder, const char *from, int to_folder, const char *path),
           (from_folder, from, to_folder, path))
FAULT_PATH(fault_symlink, symlink, (const char *target, const char *path), (target, path))
FAULT_PATH(fault_unlink, unlink, (const char *path), (path))
FAULT_PATH(fault_unlink, unlinkat, (int folder, const char *path, int flags), (folder, path, flags))
FAULT_PATH(fault_mkdir, mkdir, (const char *path, mode_t mode), (path, mode))
FAULT_CALL(fault_at_fd(fault_lseek, FAULT_CALLER, fd), off_t, -1, lseek,
           (int fd, off_t offset, int whence), (fd, offset, whence))
FAULT_CALL(fault_at_path(fault_opendir, FAULT_CALLER, path), DIR *, NULL, opendir,
           (const char *path), (path))
FAULT_CALL(fault_at_path(fault_open, FAULT_CALLER, path), FILE *, NULL, fopen,
           (const char *path, const char *mode), (path, mode))
FAULT_CALL(fault_at(fault_memfd, FAULT_CALLER), int, -1, memfd_create,
           (const char *name, unsigned flags), (name, flags))
FAULT_CALL(fault_at(fault_entropy, FAULT_CALLER), int, -1, getentropy, (void *bytes, size_t count),
           (bytes, count))

/* A failing close has closed all the same. */
int close(int fd) {
    FAULT_REAL(close);
    int error = fault_at_fd(fault_close, FAULT_CALLER, fd);
    int rc = real(fd);
    if (error != 0)
        errno = error;
    return error != 0 ? -1 : rc;
}

static bool fault_is_lock(int command) {
    return command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK ||
           command == F_OFD_SETLKW;
}

/* What follows a command is a pointer or a smaller integer. */
#define FAULT_FCNTL(name)                                                                          \
    int name(int fd, int command, ...) {                                                           \
        FAULT_REAL(name);                                                                          \
        va_list args;                                                                              \
        va_start(args, command);                                                                   \
        void *argument = va_arg(args, void *);                                                     \
        va_end(args);                                                                              \
        int error = fault_is_lock(command) ? fault_at_fd(fault_fcntl, FAULT_CALLER, fd) : 0;       \
        if (error != 0)                                                                            \
            return error == FAULT_LIE ? 0 : -1;                                                    \
        return real(fd, command, argument);                                                        \
    }

FAULT_FCNTL(fcntl)
FAULT_FCNTL(fcntl64)

#define FAULT_OPEN(name, parameters, ...)                                                          \
    int name parameters {                                                                          \
        FAULT_REAL(name);                                                                          \
        mode_t mode = 0;                                                                           \
        if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {                          \
            va_list args;                                                                          \
            va_start(args, flags);                                                                 \
            mode = va_arg(args, mode_t);                                                           \
            va_end(args);                                                                          \
        }                                                                                          \
        return fault_at_path(fault_open, FAULT_CALLER, path) ? -1 : real(__VA_ARGS__, mode);       \
    }

FAULT_OPEN(open, (const char *path, int flags, ...), path, flags)
FAULT_OPEN(open64, (const char *path, int flags, ...), path, flags)
FAULT_OPEN(openat, (int folder, const char *path, int flags, ...), folder, path, flags)
FAULT_OPEN(openat64, (int folder, const char *path, int flags, ...), folder, path, flags)

#ifndef FAULT_NO_MALLOC
FAULT_CALL(fault_at(fault_mmap, FAULT_CALLER), void *, MAP_FAILED, mmap,
           (void *at, size_t length, int protection, int flags, int fd, off_t offset),
           (at, length, protection, flags, fd, offset))
FAULT_CALL(fault_at(fault_thread, FAULT_CALLER), int, EAGAIN, pthread_create,
           (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *ctx),
           (thread, attributes, run, ctx))

/* glibc's own entrances: dlsym would allocate. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes) {
    return fault_at(fault_malloc, FAULT_CALLER) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    return fault_at(fault_malloc, FAULT_CALLER) ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes) {
    return fault_at(fault_malloc, FAULT_CALLER) ? NULL : __libc_realloc(block, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
    return fault_at(fault_malloc, FAULT_CALLER) ? NULL : __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    return fault_at(fault_malloc, FAULT_CALLER) ? NULL : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes) {
    if (fault_at(fault_malloc, FAULT_CALLER))
        return ENOMEM;
    *out = __libc_memalign(alignment, bytes);
    return *out != NULL ? 0 : ENOMEM;
}

/* In the C library, which would otherwise allocate by itself. */
char *strdup(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = fault_at(fault_malloc, FAULT_CALLER) ? NULL : __libc_malloc(size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

char *strndup(const char *text, size_t most) {
    size_t size = strnlen(text, most);
    char *copy = fault_at(fault_malloc, FAULT_CALLER) ? NULL : __libc_malloc(size + 1);
    if (copy == NULL)
        return NULL;
    copy[size] = '\0';
    return memcpy(copy, text, size);
}
#endif
#pragma GCC visibility pop
