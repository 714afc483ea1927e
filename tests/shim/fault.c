/* Fault injection: makes the N-th call of a C library function fail.
 *
 * As a library, cc -shared -fPIC -O1 -o fault.so fault.c, then LD_PRELOAD=fault.so and
 *   FAULT=write            what fails: open write pwrite read pread fsync fcntl rename ftruncate
 *                          fchown symlink mkdir close malloc; each stands for its relatives as well
 *                          (open64, openat, pwrite64, fdatasync, calloc ...); fcntl: locks only
 *   FAULT_AT=3             the third call fails; 3+: the third and all after it; without: none
 *   FAULT_PATH=ckpt        count only files with this in their name (not for malloc)
 *   FAULT_RANK=1           only in the process whose OMPI_COMM_WORLD_RANK, PMI_RANK or
 *                          PMIX_RANK this is
 *   FAULT_ERRNO=ENOSPC     the error: EIO (default), ENOSPC, EINTR, EACCES, EDQUOT, EROFS,
 *                          ENOLCK, ENOMEM (default for malloc); or SHORT: half of the bytes are
 *                          written or read;
 *                          or KILL: the process dies by SIGKILL instead of making the call;
 *                          or HANG: the call never returns;
 *                          or LIE: it is not made, but returns 0 (fcntl only)
 *   FAULT_COUNT_FILE=f     at exit the number of calls seen is written there
 *
 * Inside of a test program, #include "shim/fault.c" does the same, for the libraries too, and
 * fault_arm() sets it up from C. HDF5's and our own file driver are reached both ways. The malloc
 * family is left alone under AddressSanitizer, which has its own. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#undef _FORTIFY_SOURCE /* its inline functions would stand where ours do */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAULT_NO_MALLOC
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FAULT_NO_MALLOC
#endif
#endif

/* Beside errno values. */
enum { FAULT_SHORT = -1, FAULT_KILL = -2, FAULT_HANG = -3, FAULT_LIE = -4 };

static struct {
    char what[16]; /* "" : nothing fails */
    long at;
    bool sticky;
    int error;
    char path[256];
    atomic_long calls;
} fault;

void fault_arm(const char *what, long at, bool sticky, int error, const char *path);
long fault_calls(void);

/* what NULL: back to normal. error: an errno, FAULT_SHORT, FAULT_KILL, FAULT_HANG or FAULT_LIE. */
void fault_arm(const char *what, long at, bool sticky, int error, const char *path) {
    fault.at = at;
    fault.sticky = sticky;
    fault.error = error;
    snprintf(fault.path, sizeof fault.path, "%s", path != NULL ? path : "");
    atomic_store(&fault.calls, 0);
    snprintf(fault.what, sizeof fault.what, "%s", what != NULL ? what : "");
}

/* Calls seen since fault_arm. */
long fault_calls(void) {
    return atomic_load(&fault.calls);
}

static int fault_error_named(const char *name) {
    static const struct {
        const char *name;
        int error;
    } errors[] = {{"EIO", EIO},         {"ENOSPC", ENOSPC},   {"EINTR", EINTR},
                  {"EACCES", EACCES},   {"EDQUOT", EDQUOT},   {"EROFS", EROFS},
                  {"ENOMEM", ENOMEM},   {"ENOLCK", ENOLCK},   {"SHORT", FAULT_SHORT},
                  {"KILL", FAULT_KILL}, {"HANG", FAULT_HANG}, {"LIE", FAULT_LIE}};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strcmp(errors[i].name, name) == 0)
            return errors[i].error;
    fprintf(stderr, "fault: FAULT_ERRNO=%s is not known\n", name);
    _exit(125);
}

static bool fault_is_other_rank(void) {
    const char *wanted = getenv("FAULT_RANK");
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (rank == NULL)
        rank = getenv("PMI_RANK"); /* MPICH's */
    if (rank == NULL)
        rank = getenv("PMIX_RANK");
    return wanted != NULL && (rank == NULL || strcmp(rank, wanted) != 0);
}

__attribute__((constructor)) static void fault_from_environment(void) {
    const char *what = getenv("FAULT");
    const char *at = getenv("FAULT_AT");
    const char *error = getenv("FAULT_ERRNO");
    if (what == NULL || fault_is_other_rank())
        return;
    if (error == NULL)
        error = strcmp(what, "malloc") == 0 ? "ENOMEM" : "EIO";
    fault_arm(what, at != NULL ? strtol(at, NULL, 10) : 0, at != NULL && strchr(at, '+') != NULL,
              fault_error_named(error), getenv("FAULT_PATH"));
}

__attribute__((destructor)) static void fault_report(void) {
    const char *name = getenv("FAULT_COUNT_FILE");
    long calls = fault_calls();
    if (name == NULL || fault_is_other_rank())
        return;
    fault_arm(NULL, 0, false, 0, NULL);
    FILE *out = fopen(name, "w");
    if (out == NULL)
        return;
    fprintf(out, "%ld\n", calls);
    fclose(out);
}

/* Counts a call; whether it is one to fail, with errno set. */
static bool fault_strikes(void) {
    long call = atomic_fetch_add(&fault.calls, 1) + 1;
    if (fault.at == 0 || (fault.sticky ? call < fault.at : call != fault.at))
        return false;
    if (fault.error == FAULT_KILL)
        raise(SIGKILL);
    while (fault.error == FAULT_HANG)
        sleep(1);
    if (fault.error > 0)
        errno = fault.error;
    return true;
}

static bool fault_at_path(const char *what, const char *path) {
    return strcmp(fault.what, what) == 0 && strstr(path, fault.path) != NULL && fault_strikes();
}

static bool fault_at_fd(const char *what, int fd) {
    char link[64], path[PATH_MAX];
    if (strcmp(fault.what, what) != 0)
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return fault_at_path(what, path);
}

/* The function that ours hides, as a function pointer of the type of `name` itself. */
#define FAULT_REAL(name)                                                                           \
    static __typeof__(name) *real;                                                                 \
    if (real == NULL)                                                                              \
    *(void **)(&real) = dlsym(RTLD_NEXT, #name)

/* Seen by everyone, whatever the compiler was told. */
#pragma GCC visibility push(default)

/* Transfers: a strike fails, or does half. */
#define FAULT_TRANSFER(what, name, bytes_type, offset_parameter, offset_argument)                  \
    ssize_t name(int fd, bytes_type bytes, size_t count offset_parameter) {                        \
        FAULT_REAL(name);                                                                          \
        if (fault_at_fd(what, fd)) {                                                               \
            if (fault.error != FAULT_SHORT)                                                        \
                return -1;                                                                         \
            count = (count + 1) / 2;                                                               \
        }                                                                                          \
        return real(fd, bytes, count offset_argument);                                             \
    }
#define FAULT_NOTHING
#define FAULT_PARAMETER(type) , type offset
#define FAULT_ARGUMENT , offset

FAULT_TRANSFER("write", write, const void *, FAULT_NOTHING, FAULT_NOTHING)
FAULT_TRANSFER("read", read, void *, FAULT_NOTHING, FAULT_NOTHING)
FAULT_TRANSFER("pwrite", pwrite, const void *, FAULT_PARAMETER(off_t), FAULT_ARGUMENT)
FAULT_TRANSFER("pwrite", pwrite64, const void *, FAULT_PARAMETER(off64_t), FAULT_ARGUMENT)
FAULT_TRANSFER("pread", pread, void *, FAULT_PARAMETER(off_t), FAULT_ARGUMENT)
FAULT_TRANSFER("pread", pread64, void *, FAULT_PARAMETER(off64_t), FAULT_ARGUMENT)

#define FAULT_CALL(check, name, parameters, arguments)                                             \
    int name parameters {                                                                          \
        FAULT_REAL(name);                                                                          \
        return check ? -1 : real arguments;                                                        \
    }

FAULT_CALL(fault_at_fd("fsync", fd), fsync, (int fd), (fd))
FAULT_CALL(fault_at_fd("fsync", fd), fdatasync, (int fd), (fd))
FAULT_CALL(fault_at_fd("fchown", fd), fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
FAULT_CALL(fault_at_fd("ftruncate", fd), ftruncate, (int fd, off_t length), (fd, length))
FAULT_CALL(fault_at_fd("ftruncate", fd), ftruncate64, (int fd, off64_t length), (fd, length))
FAULT_CALL(fault_at_path("rename", to), rename, (const char *from, const char *to), (from, to))
FAULT_CALL(fault_at_path("rename", to), renameat,
           (int from_folder, const char *from, int to_folder, const char *to),
           (from_folder, from, to_folder, to))
FAULT_CALL(fault_at_path("symlink", path), symlink, (const char *target, const char *path),
           (target, path))
FAULT_CALL(fault_at_path("mkdir", path), mkdir, (const char *path, mode_t mode), (path, mode))

/* A failing close has closed all the same. */
int close(int fd) {
    FAULT_REAL(close);
    bool strikes = fault_at_fd("close", fd);
    int rc = real(fd);
    if (strikes)
        errno = fault.error;
    return strikes ? -1 : rc;
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
        if (fault_is_lock(command) && fault_at_fd("fcntl", fd))                                    \
            return fault.error == FAULT_LIE ? 0 : -1;                                              \
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
        return fault_at_path("open", path) ? -1 : real(__VA_ARGS__, mode);                         \
    }

FAULT_OPEN(open, (const char *path, int flags, ...), path, flags)
FAULT_OPEN(open64, (const char *path, int flags, ...), path, flags)
FAULT_OPEN(openat, (int folder, const char *path, int flags, ...), folder, path, flags)
FAULT_OPEN(openat64, (int folder, const char *path, int flags, ...), folder, path, flags)

#ifndef FAULT_NO_MALLOC
/* glibc's own entrances: dlsym would allocate. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static bool fault_at_malloc(void) {
    return fault.what[0] == 'm' && strcmp(fault.what, "malloc") == 0 && fault_strikes();
}

void *malloc(size_t bytes) {
    return fault_at_malloc() ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    return fault_at_malloc() ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes) {
    return fault_at_malloc() ? NULL : __libc_realloc(block, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
    return fault_at_malloc() ? NULL : __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    return fault_at_malloc() ? NULL : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes) {
    if (fault_at_malloc())
        return ENOMEM;
    *out = __libc_memalign(alignment, bytes);
    return *out != NULL ? 0 : ENOMEM;
}
#endif
#pragma GCC visibility pop
