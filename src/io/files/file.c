#define _GNU_SOURCE
#include "io/files/file.h"

#include "base/system/progress.h"
#include "io/files/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_PIECE = 1 << 20 /* bytes */ };

const char *nn_errno_text(int error) {
    if (error == ENOSPC)
        return "the disk is full (No space left on device)";
    return strerror(error);
}

bool nn_file_exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

/* Moves `temporary` over `path`; removes it when that fails. */
static int move_over(const char *temporary, const char *path) {
    if (rename(temporary, path) < 0) {
        int error = errno;
        nn_temporary_discard(temporary);
        return nn_fail(NN_EIO, "cannot rename '%s' to '%s': %s", temporary, path,
                       nn_errno_text(error));
    }
    nn_temporary_renamed(temporary, path);
    return 0;
}

static int keep_name(const char *path) {
    int error = nn_path_sync_folder(path);
    if (error != 0)
        return nn_fail(NN_EIO, "cannot make the name '%s' durable: %s", path, nn_errno_text(error));
    return 0;
}

int nn_file_publish(const char *temporary, const char *path) {
    int error = nn_path_sync(temporary, O_RDONLY);
    if (error != 0) {
        nn_temporary_discard(temporary);
        return nn_fail(NN_EIO, "cannot bring '%s' to the disk: %s", temporary,
                       nn_errno_text(error));
    }
    NN_TRY(move_over(temporary, path));
    return keep_name(path);
}

static int not_regular(const char *path, mode_t mode, int code) {
    const char *what = S_ISDIR(mode)    ? "a folder"
                       : S_ISFIFO(mode) ? "a pipe"
                       : S_ISSOCK(mode) ? "a socket"
                                        : "a device";
    return nn_fail(code, "'%s' is %s, but a regular file is wanted", path, what);
}

/* ---- replacing ------------------------------------------------------------------------------ */

/* Owner, group and mode as those of the file that goes away. Where the group cannot be that one,
 * what others may is all that its members may. */
static void inherit(int fd, const struct stat *old) {
    mode_t mode = old->st_mode & 0777;
    if (fchown(fd, old->st_uid, old->st_gid) < 0 && fchown(fd, (uid_t)-1, old->st_gid) < 0)
        mode &= 0707 | (mode & 07) << 3;
    (void)fchmod(fd, mode); /* file systems without modes: it stays private */
}

/* Makes a temporary file for `path`, as private as what stands there from the first moment on;
 * where nothing does, as `like` (NULL: as any new file). */
static int make_temporary(nn_pool *pool, const char *path, const char *like, char **temporary,
                          int *fd) {
    struct stat old, model;
    bool replaces = stat(path, &old) == 0;
    mode_t mode = 0666;
    if (like != NULL && stat(like, &model) == 0)
        mode = model.st_mode & 0666;
    NN_TRY(nn_temporary_make(pool, path, replaces ? 0600 : mode, temporary, fd));
    if (replaces)
        inherit(*fd, &old);
    return 0;
}

/* What `path` stands for, once links are followed; the same where nothing stands there yet. */
static int find_target(nn_pool *pool, const char *path, const char **target) {
    char resolved[PATH_MAX];
    struct stat status;
    *target = path;
    if (lstat(path, &status) < 0)
        return 0;
    if (S_ISLNK(status.st_mode)) {
        if (realpath(path, resolved) == NULL || stat(resolved, &status) < 0)
            return nn_fail(NN_EIO, "cannot write '%s': where it leads to, being a link: %s", path,
                           nn_errno_text(errno));
        *target = nn_pool_strdup(pool, resolved);
        if (*target == NULL)
            return NN_EMEMORY;
    }
    if (!S_ISREG(status.st_mode))
        return not_regular(path, status.st_mode, NN_EIO);
    if (status.st_nlink > 1)
        return nn_fail(NN_EUSAGE,
                       "'%s' has %lu names (hard links), and only one of them would get the new "
                       "contents: write to another file (-O)",
                       path, (unsigned long)status.st_nlink);
    return 0;
}

static bool is_same_there(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool is_same(const char *a, const char *b) {
    return strcmp(a, b) == 0 || is_same_there(a, b);
}

int nn_file_spare(const char *out, const char *read) {
    return is_same_there(out, read)
               ? nn_fail(NN_EUSAGE, "'%s' is what is read: write to another file (-O)", out)
               : 0;
}

/* The name of a file that is not there yet, without what its folder may be called besides. */
static bool is_same_new(nn_pool *pool, const char *a, const char *b) {
    const char *name_a = strrchr(a, '/'), *name_b = strrchr(b, '/');
    const char *in_a = name_a ? nn_pool_printf(pool, "%.*s/.", (int)(name_a - a), a) : ".";
    const char *in_b = name_b ? nn_pool_printf(pool, "%.*s/.", (int)(name_b - b), b) : ".";
    return in_a && in_b && strcmp(name_a ? name_a + 1 : a, name_b ? name_b + 1 : b) == 0 &&
           is_same(in_a, in_b);
}

int nn_file_target(nn_pool *pool, const char *path, const char *const *other, size_t others,
                   const char **target) {
    for (size_t i = 0; i < others; i++)
        if (other[i] && (is_same(path, other[i]) || is_same_new(pool, path, other[i])))
            return nn_fail(NN_EUSAGE, "'%s' would be written over '%s': write to another file",
                           path, other[i]);
    return find_target(pool, path, target);
}

int nn_file_replace(nn_pool *pool, const char *path, const char *like, const char **target,
                    char **temporary) {
    int fd = -1;
    *temporary = NULL;
    NN_TRY(find_target(pool, path, target));
    NN_TRY(make_temporary(pool, *target, like, temporary, &fd));
    int error = nn_descriptor_close(fd);
    if (error == 0)
        return 0;
    nn_temporary_discard(*temporary);
    *temporary = NULL;
    return nn_fail(NN_EIO, "cannot write '%s': %s", path, nn_errno_text(error));
}

int nn_file_begin(nn_pool *pool, const char *path, char **temporary, int *fd) {
    return make_temporary(pool, path, NULL, temporary, fd);
}

static int write_pieces(nn_pool *pool, const char *path, const nn_piece *piece, size_t pieces) {
    char *temporary = NULL;
    int fd = -1, error = 0;
    NN_TRY(nn_file_begin(pool, path, &temporary, &fd));
    for (size_t i = 0; i < pieces && error == 0; i++)
        error = nn_descriptor_write(fd, piece[i].bytes, piece[i].count);
    int close_error = nn_descriptor_close(fd);
    if (error == 0)
        error = close_error;
    if (error != 0) {
        nn_temporary_discard(temporary);
        return nn_fail(NN_EIO, "cannot write '%s': %s", path, nn_errno_text(error));
    }
    return nn_file_publish(temporary, path);
}

int nn_file_write_pieces(const char *path, const nn_piece *piece, size_t pieces) {
    nn_pool pool = {0};
    int rc = write_pieces(&pool, path, piece, pieces);
    nn_pool_release(&pool);
    return rc;
}

int nn_file_write(const char *path, const char *text, size_t length) {
    return nn_file_write_pieces(path, &(nn_piece){text, length}, 1);
}

static int move_symlink(const char *target, const char *path) {
    nn_pool pool = {0};
    int rc = 0;
    char *temporary = nn_file_temporary(&pool, path);
    if (temporary == NULL)
        return NN_EMEMORY;
    if (symlink(target, temporary) < 0)
        rc = nn_fail(NN_EIO, "cannot make the link '%s': %s", path, nn_errno_text(errno));
    else
        rc = move_over(temporary, path);
    nn_pool_release(&pool);
    return rc;
}

int nn_symlinks_publish(const char *target, const char *const *path, size_t count) {
    for (size_t i = 0; i < count; i++)
        NN_TRY(move_symlink(target, path[i]));
    return count ? keep_name(path[0]) : 0;
}

int nn_file_check(const char *path, int code) {
    struct stat status;
    if (stat(path, &status) < 0)
        return nn_fail(code, "cannot open '%s': %s", path, nn_errno_text(errno));
    return S_ISREG(status.st_mode) ? 0 : not_regular(path, status.st_mode, code);
}

/* A regular file for reading: opening a pipe would wait for its other end. */
static int open_regular(const char *path, int *fd, int64_t *size) {
    struct stat status;
    int error = nn_descriptor_open(path, O_RDONLY | O_NONBLOCK, 0, fd);
    if (error == 0 && fstat(*fd, &status) < 0)
        error = errno;
    if (error == 0 && S_ISREG(status.st_mode)) {
        *size = (int64_t)status.st_size;
        return 0;
    }
    if (*fd >= 0)
        nn_descriptor_close(*fd);
    if (error == 0)
        return not_regular(path, status.st_mode, NN_EIO);
    return nn_fail(NN_EIO, "cannot open '%s': %s", path, nn_errno_text(error));
}

/* What is read at most; the file may become shorter meanwhile. */
static int read_up_to(const char *path, int fd, char *buffer, size_t size, size_t *count) {
    *count = 0;
    while (*count < size) {
        ssize_t got = read(fd, buffer + *count, size - *count);
        nn_progress();
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return nn_fail(NN_EIO, "cannot read '%s': %s", path, nn_errno_text(errno));
        if (got == 0)
            break;
        *count += (size_t)got;
    }
    return 0;
}

int nn_file_read_below(nn_pool *pool, const char *path, int64_t limit, char **text,
                       size_t *length) {
    int64_t size = 0;
    int fd = -1;
    int rc = 0;
    NN_TRY(open_regular(path, &fd, &size));
    if (size > limit)
        rc = nn_fail(NN_EIO, "'%s' has %lld bytes, more than %lld: is it the right file?", path,
                     (long long)size, (long long)limit);
    *text = rc == 0 ? nn_pool_alloc(pool, (size_t)size + 1) : NULL;
    if (rc == 0)
        rc = *text != NULL ? read_up_to(path, fd, *text, (size_t)size, length) : NN_EMEMORY;
    nn_descriptor_close(fd);
    return rc;
}

int nn_file_read(nn_pool *pool, const char *path, char **text, size_t *length) {
    return nn_file_read_below(pool, path, INT64_MAX - 1, text, length);
}

static int copy_bytes(const char *from, int source, const char *to, int target, char *buffer) {
    size_t count = COPY_PIECE;
    while (count == COPY_PIECE) {
        NN_TRY(read_up_to(from, source, buffer, COPY_PIECE, &count));
        int error = nn_descriptor_write(target, buffer, count);
        if (error != 0)
            return nn_fail(NN_EIO, "cannot write '%s': %s", to, nn_errno_text(error));
    }
    return 0;
}

/* What nn_file_replace has made, and nobody has put anything into or in the place of. */
static int open_empty(const char *path, int *fd) {
    struct stat status;
    int error = nn_descriptor_open(path, O_WRONLY | O_NOFOLLOW, 0, fd);
    if (error == 0 && fstat(*fd, &status) < 0)
        error = errno;
    if (error == 0 && (!S_ISREG(status.st_mode) || status.st_size > 0))
        error = EEXIST;
    if (error != 0 && *fd >= 0) {
        nn_descriptor_close(*fd);
        *fd = -1;
    }
    return error;
}

int nn_file_copy(const char *from, const char *to) {
    char *buffer = NULL;
    int64_t size = 0;
    int source = -1, target = -1;
    NN_TRY(open_regular(from, &source, &size));
    int error = open_empty(to, &target);
    int rc = error == 0 ? NN_NEW(&buffer, COPY_PIECE, "copying a file")
                        : nn_fail(NN_EIO, "cannot write '%s': %s", to, nn_errno_text(error));
    if (rc == 0)
        rc = copy_bytes(from, source, to, target, buffer);
    if (target >= 0 && (error = nn_descriptor_close(target)) != 0 && rc == 0)
        rc = nn_fail(NN_EIO, "cannot write '%s': %s", to, nn_errno_text(error));
    if (target >= 0 && rc < 0)
        nn_temporary_discard(to);
    nn_descriptor_close(source);
    nn_free(buffer);
    return rc;
}
