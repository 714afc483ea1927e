#define _GNU_SOURCE
#include "io/files/temporary.h"

#include "base/log.h"
#include "base/numbers/rng.h"
#include "io/files/descriptor.h"
#include "io/files/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a temporary name, some letters are drawn, and the others follow from them and the name before:
 * so hardly any file that a user has called data.h5.original.tmp is taken for one. */
enum { DRAWN = 5, LETTERS = 8, TRIES = 3 };
#define ENDING ".tmp"
enum { ADDED = 1 + LETTERS + sizeof ENDING - 1 }; /* characters, with the dot */

static const char letter[] = "abcdefghijklmnopqrstuvwxyz012345";

/* Never what somebody else put there, be it a link to another file. */
#define NEW_FILE (O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)

/* ---- names ----------------------------------------------------------------------------------- */

/* What follows the drawn letters of a name. */
static void certify(const char *name, size_t length, char letters[LETTERS + 1]) {
    char text[NAME_MAX + LETTERS + 1];
    uint64_t hash;

    snprintf(text, sizeof text, "%.*s.%.*s", (int)length, name, DRAWN, letters);
    hash = nn_hash_text(text);
    for (size_t i = DRAWN; i < LETTERS; i++, hash /= 32)
        letters[i] = letter[hash % 32];
}

char *nn_file_temporary(nn_pool *pool, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    unsigned char random[DRAWN];
    char letters[LETTERS + 1] = "";

    if (getentropy(random, sizeof random) < 0) {
        nn_fail(NN_EIO, "no random name for '%s': %s", path, nn_errno_text(errno));
        return NULL;
    }
    for (size_t i = 0; i < DRAWN; i++)
        letters[i] = letter[random[i] % 32];
    certify(name, strlen(name), letters);
    return nn_pool_printf(pool, "%s.%s%s", path, letters, ENDING);
}

bool nn_file_is_temporary(const char *name) {
    size_t length = strlen(name);
    const char *at = name + length - ADDED;

    return length > ADDED && at[0] == '.' && strspn(at + 1, letter) == LETTERS &&
           strcmp(at + 1 + LETTERS, ENDING) == 0;
}

/* The same, and this program has drawn it. */
static bool is_certified(const char *name) {
    size_t length = strlen(name) - ADDED;
    char letters[LETTERS + 1] = "";

    memcpy(letters, name + length + 1, LETTERS);
    certify(name, length, letters);
    return strncmp(letters, name + length + 1, LETTERS) == 0;
}

/* ---- those of this process ------------------------------------------------------------------- */

typedef struct held {
    struct held *older;
    int fd; /* of the lock; -1: there is none */
    char *path;
} held;

static held *newest;
static pthread_mutex_t turns = PTHREAD_MUTEX_INITIALIZER;

/* Takes over the descriptor. Without memory for it, it is not deleted by a signal: no reason to
 * fail. */
static void add(const char *path, int fd) {
    held *h = malloc(sizeof *h);
    char *copy = strdup(path);

    if (!h || !copy) {
        free(h);
        free(copy);
        if (fd >= 0)
            (void)nn_descriptor_close(fd);
        return;
    }
    pthread_mutex_lock(&turns);
    *h = (held){newest, fd, copy};
    newest = h;
    pthread_mutex_unlock(&turns);
}

/* Takes it out; the descriptor of its lock, -1: it has none. */
static int drop(const char *path) {
    held *found = NULL;
    int fd = -1;

    pthread_mutex_lock(&turns);
    for (held **h = &newest; *h && !found; h = found ? h : &(*h)->older)
        if (strcmp((*h)->path, path) == 0) {
            found = *h;
            *h = found->older;
        }
    pthread_mutex_unlock(&turns);
    if (found) {
        fd = found->fd;
        free(found->path);
        free(found);
    }
    return fd;
}

void nn_temporary_note(const char *path) {
    add(path, -1);
}

void nn_temporary_forget(const char *path) {
    int fd = drop(path);

    if (fd >= 0)
        (void)nn_descriptor_close(fd);
}

/* Locks a new file, by a descriptor of its own that stays open; false: a sweep was faster. Where
 * files cannot be locked, nobody sweeps them. */
static bool hold(const char *path, int fd) {
    int lock = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    struct stat status;

    if (lock >= 0 && nn_descriptor_lock(lock) == EAGAIN) {
        (void)nn_descriptor_close(lock);
        return false;
    }
    if (lstat(path, &status) < 0 && errno == ENOENT) {
        if (lock >= 0)
            (void)nn_descriptor_close(lock);
        return false;
    }
    add(path, lock);
    return true;
}

static void sweep_beside(const char *path) {
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".", begin[NAME_MAX + 2];
    const char *const prefix = begin;

    if (slash)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    snprintf(begin, sizeof begin, "%s.", slash ? slash + 1 : path);
    if (nn_temporaries_sweep(folder, &prefix, 1, false) < 0)
        nn_error_clear(); /* a folder that may be written, but not read */
}

int nn_temporary_make(nn_pool *pool, const char *path, mode_t mode, char **temporary, int *fd) {
    int error = EEXIST;

    sweep_beside(path);
    for (int i = 0; i < TRIES && error == EEXIST; i++) {
        *temporary = nn_file_temporary(pool, path);
        if (!*temporary)
            return NN_EMEMORY;
        error = nn_descriptor_open(*temporary, NEW_FILE, mode, fd);
        if (error == 0 && !hold(*temporary, *fd)) {
            (void)nn_descriptor_close(*fd);
            error = EEXIST;
        }
    }
    if (error == 0)
        return 0;
    *temporary = NULL;
    return nn_fail(NN_EIO, "cannot write '%s': %s", path, nn_errno_text(error));
}

void nn_temporary_renamed(const char *temporary, const char *path) {
    int fd = drop(temporary);

    if (nn_file_is_temporary(path))
        add(path, fd);
    else if (fd >= 0)
        (void)nn_descriptor_close(fd);
}

void nn_temporary_discard(const char *temporary) {
    int error = errno;

    unlink(temporary);
    nn_temporary_forget(temporary);
    errno = error;
}

/* What is to become of a temporary file, which may be that of another one. */
static size_t plain_length(const char *path) {
    char name[PATH_MAX];
    size_t length = (size_t)snprintf(name, sizeof name, "%s", path);

    while (length < sizeof name && nn_file_is_temporary(name))
        name[length -= ADDED] = '\0';
    return length;
}

/* What is to be gone anyway in the end, nobody has asked for. */
static bool is_noted(const char *path, size_t length) {
    for (const held *h = newest; h; h = h->older)
        if (strncmp(h->path, path, length) == 0 && h->path[length] == '\0')
            return true;
    return false;
}

/* Whoever else wants one now waits for the end. */
bool nn_temporaries_remove(char *name, size_t size) {
    bool any = false;

    pthread_mutex_lock(&turns);
    for (const held *h = newest; h; h = h->older) {
        size_t length = plain_length(h->path);
        if (remove(h->path) < 0 || !nn_file_is_temporary(h->path) || is_noted(h->path, length))
            continue;
        any = true;
        snprintf(name, size, "%.*s", (int)length, h->path);
    }
    return any;
}

/* ---- those of others ------------------------------------------------------------------------- */

/* Whether it may be deleted. Of two that sweep, one has the lock. */
static bool is_abandoned(int folder, const char *name, bool owned, int *fd) {
    struct stat status;
    int error;

    *fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0)
        return owned;
    error = nn_descriptor_lock(*fd);
    if (error == EAGAIN)
        return false;
    if (owned)
        return true;
    return error == 0 && is_certified(name) && fstat(*fd, &status) == 0 &&
           S_ISREG(status.st_mode) && status.st_uid == geteuid() && status.st_nlink == 1;
}

static void sweep_one(const char *dir, int folder, const char *name, bool owned) {
    int fd = -1;

    if (is_abandoned(folder, name, owned, &fd) && unlinkat(folder, name, 0) < 0 && owned)
        nn_warn("cannot delete '%s/%s': %s", dir, name, nn_errno_text(errno));
    if (fd >= 0)
        (void)nn_descriptor_close(fd);
}

static bool begins(const char *name, const char *const *begin, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strncmp(name, begin[i], strlen(begin[i])) == 0)
            return true;
    return false;
}

int nn_temporaries_sweep(const char *dir, const char *const *begin, size_t count, bool owned) {
    DIR *folder = opendir(dir);

    if (!folder)
        return nn_fail(NN_EIO, "cannot list the folder '%s': %s", dir, nn_errno_text(errno));
    for (struct dirent *item; (item = readdir(folder)) != NULL;)
        if (begins(item->d_name, begin, count) && nn_file_is_temporary(item->d_name))
            sweep_one(dir, dirfd(folder), item->d_name, owned);
    closedir(folder);
    return 0;
}
