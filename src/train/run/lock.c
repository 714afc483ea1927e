#define _GNU_SOURCE
#include "train/run/lock.h"

#include "base/error.h"
#include "base/log.h"
#include "base/system/clock.h"
#include "io/files/descriptor.h"
#include "io/files/file.h"
#include "train/run/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A process that is killed gives up its lock a moment before it has ended. */
#define EXIT_SECONDS 1.0

/* What one try has found. */
typedef struct claim {
    const char *dir;
    int fd;
    int error;      /* of the lock: 0, EAGAIN: another has it, or why there are no locks */
    nn_owner owner; /* that the file names, */
    nn_owner_state state;
} claim;

/* It is opened for writing: NFS makes an exclusive lock of nothing less. */
static int open_lock(const char *dir, int *fd) {
    char path[4096];

    snprintf(path, sizeof path, "%s/lock", dir);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (*fd < 0)
        return nn_fail(NN_EIO, "cannot open '%s': %s", path, nn_errno_text(errno));
    return NN_OK;
}

static void read_line(int fd, char line[NN_OWNER_LINE]) {
    ssize_t length = pread(fd, line, NN_OWNER_LINE - 1, 0);

    line[length > 0 ? length : 0] = '\0';
}

static void read_owner(int fd, nn_owner *owner) {
    char line[NN_OWNER_LINE];

    read_line(fd, line);
    nn_owner_parse(line, owner);
}

static void write_owner(int fd) {
    char line[NN_OWNER_LINE];
    nn_owner self;

    nn_owner_self(&self);
    size_t length = nn_owner_format(&self, line);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, line, length, 0) < (ssize_t)length)
        nn_debug("the lock cannot say who has it: %s", nn_errno_text(errno));
}

/* Tries until no other process has the folder, or time is up; whether one still has it. */
static bool is_taken(claim *c, double seconds) {
    const struct timespec pause = {.tv_nsec = 100000000};
    double begin = nn_seconds(), patience = seconds;

    for (;; nanosleep(&pause, NULL)) {
        c->error = nn_descriptor_lock(c->fd);
        read_owner(c->fd, &c->owner);
        c->state = nn_owner_look(&c->owner);
        if (c->error != EAGAIN && c->state != NN_OWNER_ALIVE)
            return false;
        if (c->error != EAGAIN && seconds < EXIT_SECONDS)
            patience = EXIT_SECONDS;
        if (nn_seconds() - begin >= patience)
            return true;
    }
}

/* What names no owner, or has a second name, is somebody else's file. */
static int check_own(const char *dir, int fd) {
    static const char begin[] = "process "; /* of a line that nn_owner_format makes */
    char line[NN_OWNER_LINE];
    struct stat status;

    read_line(fd, line);
    if (fstat(fd, &status) < 0)
        return nn_fail(NN_EIO, "cannot look at '%s/lock': %s", dir, nn_errno_text(errno));
    if (S_ISREG(status.st_mode) && status.st_nlink < 2 &&
        (line[0] == '\0' || strncmp(line, begin, strlen(begin)) == 0))
        return NN_OK;
    return nn_fail(
        NN_EUSAGE,
        "'%s/lock' is not the lock of a run: it holds something else, or has another name, "
        "too; move it away, or choose another folder (--run)",
        dir);
}

static int refuse(const claim *c) {
    char text[NN_OWNER_LINE];
    const char *owner = nn_owner_text(&c->owner, text);

    if (c->error == 0)
        return nn_fail(NN_EBUSY,
                       "%s is training in the run folder '%s', and yet the file system granted its "
                       "lock a second time: locks do not hold there; wait for it to end, and put "
                       "run folders (--run) where they do",
                       owner, c->dir);
    if (c->error != EAGAIN)
        return nn_fail(NN_EBUSY,
                       "%s is training in the run folder '%s', whose file system cannot lock files "
                       "(%s); wait for it to end or choose another folder (--run)",
                       owner, c->dir, nn_errno_text(c->error));
    if (c->state == NN_OWNER_ENDED)
        return nn_fail(NN_EBUSY,
                       "the run folder '%s' is locked for %s, which has ended: a process that it "
                       "started, or a file server that has not noticed, keeps the lock; when no "
                       "program trains there any more, delete '%s/lock'",
                       c->dir, owner, c->dir);
    return nn_fail(NN_EBUSY,
                   "another process is training in the run folder '%s' (%s); wait for it to end or "
                   "choose another folder (--run)%s",
                   c->dir, owner,
                   c->state == NN_OWNER_ELSEWHERE
                       ? "; when its host has failed, delete the file `lock` there"
                       : "");
}

/* Whether the lock that was granted keeps another description of the same file out. */
static bool excludes(const claim *c) {
    int second;

    if (open_lock(c->dir, &second) < 0)
        return false;
    bool excluded = nn_descriptor_lock(second) == EAGAIN;
    close(second);
    return excluded;
}

/* The folder is this run's, but what the file system makes of locks does not keep it so. */
static void warn_unprotected(const claim *c) {
    char why[160] = "grants a lock twice", other[NN_OWNER_LINE + 80] = "", text[NN_OWNER_LINE];

    if (c->error)
        snprintf(why, sizeof why, "cannot lock files (%s)", nn_errno_text(c->error));
    if (c->state == NN_OWNER_ELSEWHERE)
        snprintf(other, sizeof other,
                 "; its file `lock` names %s: if that still runs, end this one",
                 nn_owner_text(&c->owner, text));
    nn_warn("the file system of the run folder '%s' %s: a second run there at the same time would "
            "destroy the checkpoints of this one%s",
            c->dir, why, other);
}

int nn_lock_acquire(const char *dir, double seconds, int *fd) {
    claim c = {.dir = dir, .fd = -1};

    *fd = -1;
    if (access(dir, W_OK | X_OK) < 0)
        return nn_fail(NN_EIO, "cannot write into the run folder '%s': %s; choose another (--run)",
                       dir, nn_errno_text(errno));
    NN_TRY(open_lock(dir, &c.fd));
    int rc = check_own(dir, c.fd);
    if (rc < 0) {
        close(c.fd);
        return rc;
    }
    if (is_taken(&c, seconds)) {
        close(c.fd);
        return refuse(&c);
    }
    if (c.error || !excludes(&c))
        warn_unprotected(&c);
    write_owner(c.fd);
    *fd = c.fd;
    return NN_OK;
}

int nn_lock_check(const char *dir, int fd) {
    char path[4096];
    struct stat held, there;

    snprintf(path, sizeof path, "%s/lock", dir);
    if (fd < 0 || access(dir, F_OK) < 0) /* of a folder that is gone, writing speaks */
        return NN_OK;
    bool seen = fstat(fd, &held) == 0 && stat(path, &there) == 0;
    if (seen && held.st_dev == there.st_dev && held.st_ino == there.st_ino)
        return NN_OK;
    if (!seen && errno != ENOENT && errno != ESTALE)
        return nn_fail(NN_EIO, "cannot look at '%s': %s", path, nn_errno_text(errno));
    return nn_fail(
        NN_EBUSY,
        "the run folder '%s' is no longer that of this run: its file `lock` was deleted or "
        "replaced meanwhile, and another run may be there; nothing more is written into it",
        dir);
}

/* The lock is given up by name: not every file system takes closing for that. */
void nn_lock_release(int fd) {
    struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

    if (fd < 0)
        return;
    if (ftruncate(fd, 0) < 0)
        nn_debug("the lock still names this process: %s", nn_errno_text(errno));
    while (fcntl(fd, F_OFD_SETLK, &whole) < 0 && errno == EINTR) {
    }
    close(fd);
}
