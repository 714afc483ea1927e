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
#include "fault_plan.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAULT_NO_MALLOC
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FAULT_NO_MALLOC
#endif
#endif

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
