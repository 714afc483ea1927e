#define _GNU_SOURCE
#include "train/run/lock.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define OWNER_TEXT 256

/* It is opened for writing: NFS makes an exclusive lock of nothing less. */
static int open_lock(const char *dir, int *fd) {
    char path[4096];

    if (access(dir, W_OK | X_OK) < 0)
        return nn_fail(NN_EIO, "cannot write into the run folder '%s': %s; choose another (--run)",
                       dir, nn_errno_text(errno));
    snprintf(path, sizeof path, "%s/lock", dir);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (*fd < 0)
        return nn_fail(NN_EIO, "cannot open '%s': %s", path, nn_errno_text(errno));
    return NN_OK;
}

/* 0, or the error with which the last try failed. */
static int try_lock(int fd, double seconds) {
    const struct timespec pause = {.tv_nsec = 100000000};
    double begin = nn_seconds();

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EINTR && (errno != EWOULDBLOCK || nn_seconds() - begin >= seconds))
            return errno;
        nanosleep(&pause, NULL);
    }
    return 0;
}

static void write_owner(int fd) {
    char host[128] = "", now[32], text[OWNER_TEXT];
    int length;

    gethostname(host, sizeof host - 1);
    nn_timestamp(now, sizeof now);
    length =
        snprintf(text, sizeof text, "process %ld on %s, since %s\n", (long)getpid(), host, now);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)length, 0) < length)
        nn_debug("the lock cannot say who has it: %s", nn_errno_text(errno));
}

/* What is written there: " (process 12 on host, since ...)"; "" when nothing is. */
static const char *read_owner(int fd, char text[OWNER_TEXT]) {
    char line[OWNER_TEXT - 4];
    ssize_t length = pread(fd, line, sizeof line - 1, 0);

    line[length > 0 ? length : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    snprintf(text, OWNER_TEXT, *line ? " (%s)" : "%s", line);
    return text;
}

int nn_lock_take(const char *dir, double seconds, int *fd) {
    char owner[OWNER_TEXT];
    int error;

    *fd = -1;
    NN_TRY(open_lock(dir, fd));
    error = try_lock(*fd, seconds);
    if (error == EWOULDBLOCK) {
        read_owner(*fd, owner);
        close(*fd);
        *fd = -1;
        return nn_fail(NN_EUSAGE,
                       "another process is training in the run folder '%s'%s; wait for it to end "
                       "or choose another folder (--run)",
                       dir, owner);
    }
    if (error)
        nn_warn("the file system of the run folder '%s' cannot lock files (%s): a second run there "
                "at the same time would destroy the checkpoints of this one",
                dir, nn_errno_text(error));
    write_owner(*fd);
    return NN_OK;
}

void nn_lock_release(int fd) {
    if (fd < 0)
        return;
    if (ftruncate(fd, 0) < 0)
        nn_debug("the lock still names this process: %s", nn_errno_text(errno));
    close(fd);
}
