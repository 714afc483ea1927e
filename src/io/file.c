#define _GNU_SOURCE
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { FIRST_READ = 4096 /* bytes asked for when the size of what is read is not known */ };

const char *nn_errno_text(int error) {
    if (error == ENOSPC)
        return "the disk is full (No space left on device)";
    return strerror(error);
}

/* The system calls below return 0 or an errno value, so that cleaning up cannot overwrite it. */

static int open_file(const char *path, int flags, int *fd) {
    do
        *fd = open(path, flags | O_CLOEXEC, 0666);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? errno : 0;
}

static int sync_file(int fd) {
    int rc;
    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? errno : 0;
}

/* After EINTR Linux has closed the descriptor all the same: calling again could hit another's. */
static int close_file(int fd) {
    return close(fd) < 0 && errno != EINTR ? errno : 0;
}

static int write_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : EIO;
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

static int sync_path(const char *path, int flags) {
    int fd = -1;
    int error = open_file(path, flags, &fd);
    if (error != 0)
        return error;
    error = sync_file(fd);
    int close_error = close_file(fd);
    return error != 0 ? error : close_error;
}

/* Makes the names in the folder that holds `path` durable. A folder that may be written but not
 * read, or a file system that cannot sync folders, gives no means to do it: not an error. */
static int sync_folder_of(const char *path) {
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        size_t length = slash == path ? 1 : (size_t)(slash - path);
        if (length >= sizeof folder)
            return ENAMETOOLONG;
        memcpy(folder, path, length);
        folder[length] = '\0';
    }
    int error = sync_path(folder, O_RDONLY | O_DIRECTORY);
    return error == EACCES || error == EINVAL || error == ENOTSUP ? 0 : error;
}

bool nn_is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int make_folder(const char *path) {
    if (mkdir(path, 0777) < 0) {
        int error = errno;
        if (nn_is_folder(path))
            return 0;
        if (error == EEXIST || error == ENOTDIR)
            return nn_fail(NN_EIO, "cannot make the folder '%s': a file stands in its way", path);
        return nn_fail(NN_EIO, "cannot make the folder '%s': %s", path, nn_errno_text(error));
    }
    int error = sync_folder_of(path);
    if (error != 0)
        return nn_fail(NN_EIO, "cannot make the folder '%s' durable: %s", path,
                       nn_errno_text(error));
    return 0;
}

int nn_dir_make(const char *path) {
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return nn_fail(NN_EIO, "cannot make the folder '%s': %s", path,
                       nn_errno_text(length == 0 ? ENOENT : ENAMETOOLONG));
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        NN_TRY(make_folder(part));
        part[i] = path[i];
    }
    return 0;
}

bool nn_file_exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

/* Always the same name for the same file, so that what a killed process left is overwritten by the
 * next attempt instead of piling up. */
char *nn_file_temporary(nn_pool *pool, const char *path) {
    return nn_pool_printf(pool, "%s.tmp", path);
}

/* Moves `temporary` over `path`; removes it when that fails. */
static int move_over(const char *temporary, const char *path) {
    if (rename(temporary, path) < 0) {
        int error = errno;
        unlink(temporary);
        return nn_fail(NN_EIO, "cannot rename '%s' to '%s': %s", temporary, path,
                       nn_errno_text(error));
    }
    return 0;
}

static int keep_name(const char *path) {
    int error = sync_folder_of(path);
    if (error != 0)
        return nn_fail(NN_EIO, "cannot make the name '%s' durable: %s", path, nn_errno_text(error));
    return 0;
}

int nn_file_publish(const char *temporary, const char *path) {
    int error = sync_path(temporary, O_RDONLY);
    if (error != 0) {
        unlink(temporary);
        return nn_fail(NN_EIO, "cannot bring '%s' to the disk: %s", temporary,
                       nn_errno_text(error));
    }
    NN_TRY(move_over(temporary, path));
    return keep_name(path);
}

static int write_file(const char *path, const char *text, size_t length) {
    int fd = -1;
    int error = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, &fd);
    if (error != 0)
        return error;
    error = write_all(fd, text, length);
    int close_error = close_file(fd);
    if (error == 0)
        error = close_error;
    if (error != 0)
        unlink(path);
    return error;
}

int nn_file_write(const char *path, const char *text, size_t length) {
    nn_pool pool = {0};
    int rc = 0;
    int error = 0;
    char *temporary = nn_file_temporary(&pool, path);
    if (temporary == NULL)
        return NN_EMEMORY;
    error = write_file(temporary, text, length);
    rc = error != 0 ? nn_fail(NN_EIO, "cannot write '%s': %s", path, nn_errno_text(error))
                    : nn_file_publish(temporary, path);
    nn_pool_release(&pool);
    return rc;
}

static int move_link(const char *target, const char *path) {
    nn_pool pool = {0};
    int rc = 0;
    char *temporary = nn_file_temporary(&pool, path);
    if (temporary == NULL)
        return NN_EMEMORY;
    unlink(temporary);
    if (symlink(target, temporary) < 0)
        rc = nn_fail(NN_EIO, "cannot make the link '%s': %s", path, nn_errno_text(errno));
    else
        rc = move_over(temporary, path);
    nn_pool_release(&pool);
    return rc;
}

int nn_links_publish(const char *target, const char *const *path, size_t count) {
    for (size_t i = 0; i < count; i++)
        NN_TRY(move_link(target, path[i]));
    return count ? keep_name(path[0]) : 0;
}

/* Cuts the last component off: "a/b" -> "a", "a" -> ".", "/a" -> "/". */
static void cut_to_parent(char *path) {
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        memcpy(path, ".", 2);
    else if (slash == path)
        path[1] = '\0';
    else
        *slash = '\0';
}

int nn_disk_free(const char *path, uint64_t *bytes) {
    char place[PATH_MAX];
    struct statvfs space;
    size_t length = strlen(path);
    int rc = -1;
    errno = length == 0 ? ENOENT : ENAMETOOLONG;
    if (length > 0 && length < sizeof place) {
        memcpy(place, path, length + 1);
        while ((rc = statvfs(place, &space)) < 0 &&
               (errno == EINTR || (errno == ENOENT && strcmp(place, ".") != 0)))
            if (errno == ENOENT)
                cut_to_parent(place);
    }
    if (rc < 0)
        return nn_fail(NN_EIO, "cannot tell the free space at '%s': %s", path,
                       nn_errno_text(errno));
    *bytes = (uint64_t)space.f_bavail * space.f_frsize;
    return 0;
}

/* A buffer of twice the size with the same beginning; NULL with the error set. */
static char *grow(nn_pool *pool, const char *old, size_t length, size_t *room) {
    *room *= 2;
    char *buffer = nn_pool_alloc(pool, *room + 1);
    if (buffer != NULL)
        memcpy(buffer, old, length);
    return buffer;
}

/* Reads to the end whatever fstat said, for a pipe has no size and a file may be growing. */
static int read_all(const char *path, int fd, nn_pool *pool, char **text, size_t *length) {
    struct stat status;
    bool sized = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
    size_t room = sized ? (size_t)status.st_size + 1 : FIRST_READ;
    size_t count = 0;
    char *buffer = nn_pool_alloc(pool, room + 1);
    while (buffer != NULL) {
        ssize_t got = read(fd, buffer + count, room - count);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return nn_fail(NN_EIO, "cannot read '%s': %s", path, nn_errno_text(errno));
        count += (size_t)got;
        if (got == 0) {
            *text = buffer;
            *length = count;
            return 0;
        }
        if (count == room)
            buffer = grow(pool, buffer, count, &room);
    }
    return NN_EMEMORY;
}

int nn_file_read(nn_pool *pool, const char *path, char **text, size_t *length) {
    int fd = -1;
    int error = open_file(path, O_RDONLY, &fd);
    if (error != 0)
        return nn_fail(NN_EIO, "cannot open '%s': %s", path, nn_errno_text(error));
    int rc = read_all(path, fd, pool, text, length);
    close_file(fd);
    return rc;
}
