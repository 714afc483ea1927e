#define _GNU_SOURCE
#include "io/files/descriptor.h"

#include "base/system/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int nn_descriptor_open(const char *path, int flags, mode_t mode, int *fd) {
    do
        *fd = open(path, flags | O_CLOEXEC, mode);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? errno : 0;
}

/* A large file piece by piece, so that a slow disk gives signs of life; each is begun before the
 * one ahead of it is waited for. What the disk fails at here fsync would not tell of again; where
 * this call is not known, it does all by itself. */
static int write_back(int fd) {
    const off_t piece = (off_t)64 << 20;
    struct stat status;
    int error = fstat(fd, &status) < 0 ? errno : 0;
    for (off_t at = 0; error == 0 && at < status.st_size - piece; at += piece) {
        if (sync_file_range(fd, at + piece, piece, SYNC_FILE_RANGE_WRITE) < 0 ||
            sync_file_range(fd, at, piece, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) < 0)
            error = errno;
        nn_progress();
    }
    return error == EINVAL || error == ENOSYS || error == ESPIPE || error == EOPNOTSUPP ? 0 : error;
}

int nn_descriptor_sync(int fd) {
    int rc = write_back(fd);
    if (rc != 0)
        return rc;
    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? errno : 0;
}

/* After EINTR Linux has closed the descriptor all the same: calling again could hit another's. */
int nn_descriptor_close(int fd) {
    return close(fd) < 0 && errno != EINTR ? errno : 0;
}

int nn_descriptor_write(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);
        nn_progress();
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : EIO;
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

int nn_descriptor_lock(int fd) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int rc;
    do
        rc = fcntl(fd, F_OFD_SETLK, &whole);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? errno == EACCES ? EAGAIN : errno : 0;
}

int nn_path_sync(const char *path, int flags) {
    int fd = -1;
    int error = nn_descriptor_open(path, flags, 0, &fd);
    if (error != 0)
        return error;
    error = nn_descriptor_sync(fd);
    int close_error = nn_descriptor_close(fd);
    return error != 0 ? error : close_error;
}

int nn_path_sync_folder(const char *path) {
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        size_t length = slash == path ? 1 : (size_t)(slash - path);
        if (length >= sizeof folder)
            return ENAMETOOLONG;
        memcpy(folder, path, length);
        folder[length] = '\0';
    }
    int error = nn_path_sync(folder, O_RDONLY | O_DIRECTORY);
    return error == EACCES || error == EINVAL || error == ENOTSUP ? 0 : error;
}
