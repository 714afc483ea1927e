#define _GNU_SOURCE
#include "io/files/folder.h"

#include "base/mem.h"
#include "io/files/descriptor.h"
#include "io/files/file.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

bool nn_is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int make_folder(const char *path) {
    if (mkdir(path, 0777) < 0) {
        struct stat status;
        int error = errno;
        if (stat(path, &status) == 0) {
            if (S_ISDIR(status.st_mode))
                return 0;
        } else if (error == EEXIST && errno != ENOENT) { /* a link may lead nowhere */
            error = errno;
        }
        if (error == EEXIST || error == ENOTDIR)
            return nn_fail(NN_EIO, "cannot make the folder '%s': a file stands in its way", path);
        return nn_fail(NN_EIO, "cannot make the folder '%s': %s", path, nn_errno_text(error));
    }
    int error = nn_path_sync_folder(path);
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
