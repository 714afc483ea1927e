/* The lock of a run folder: who is kept out, by what, and what is said of locks that do not hold.
 */
#include "train/run/lock.h"

#include "base/error.h"
#include "base/log.h"
#include "base/system/clock.h"
#include "check.h"
#include "shim/fault.c"
#include "train/run/owner.h"

#include <sys/wait.h>

static char warnings[4096];

static void note(void *ctx, nn_log_level level, const char *line) {
    (void)ctx;
    (void)level;
    snprintf(warnings, sizeof warnings, "%s", line);
}

static const char *file(void) {
    static char text[NN_OWNER_LINE];
    int fd = open("lock", O_RDONLY);
    ssize_t length = read(fd, text, sizeof text - 1);

    text[length > 0 ? length : 0] = '\0';
    close(fd);
    return text;
}

static void write_file(const char *text) {
    int fd = open("lock", O_WRONLY | O_CREAT | O_TRUNC, 0666);

    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void write_owner(const nn_owner *owner) {
    char line[NN_OWNER_LINE];

    nn_owner_format(owner, line);
    write_file(line);
}

/* A child that has the folder (or, without locks, is named in its file) for `seconds` or until it
 * is killed; returns when it has it. */
static pid_t holder(unsigned seconds) {
    int ready[2];
    char byte = 0;

    CHECK(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        int fd;
        byte = nn_lock_acquire(".", 0, &fd) == NN_OK;
        if (write(ready[1], &byte, 1) == 1)
            sleep(seconds);
        nn_lock_release(fd);
        _exit(0);
    }
    CHECK(read(ready[0], &byte, 1) == 1 && byte);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void end(pid_t child, int signal) {
    if (signal)
        kill(child, signal);
    CHECK_EQ_INT(waitpid(child, NULL, 0), child);
}

/* The message names the child. */
static void check_named(pid_t child) {
    char host[72] = "", owner[128];

    gethostname(host, sizeof host - 1);
    snprintf(owner, sizeof owner, "process %ld on %s, since 20", (long)child, host);
    CHECK_CONTAINS(nn_error_message(), owner);
}

/* Takes the lock at once and gives it up again. */
static void check_free(void) {
    double begin = nn_seconds();
    int fd;

    warnings[0] = '\0';
    CHECK_EQ_INT(nn_lock_acquire(".", 5, &fd), NN_OK);
    CHECK(nn_seconds() - begin < 3);
    CHECK_CONTAINS(file(), "process ");
    nn_lock_release(fd);
    CHECK_STR(file(), "");
}

/* Kept out within the process, by a live one, not by a dead one. */
static void exclusion(void) {
    int fd, second;

    CHECK_EQ_INT(nn_lock_acquire(".", 0, &fd), NN_OK);
    CHECK_EQ_INT(nn_lock_acquire(".", 0, &second), NN_EBUSY);
    CHECK_EQ_INT(second, -1);
    check_named(getpid());
    CHECK_CONTAINS(file(), "process "); /* another descriptor was closed: the lock is still there */
    CHECK_EQ_INT(nn_lock_acquire(".", 0, &second), NN_EBUSY);
    nn_lock_release(fd);
    check_free();

    pid_t child = holder(60);
    CHECK_EQ_INT(nn_lock_acquire(".", 0.3, &fd), NN_EBUSY);
    CHECK_CONTAINS(nn_error_message(), "another process is training in the run folder '.'");
    check_named(child);
    kill(child, SIGKILL); /* not waited for: nobody may need to */
    check_free();
    CHECK_STR(warnings, "");
    end(child, 0);

    child = holder(1);
    check_free();
    end(child, 0);
}

/* Granted although its owner is alive, and without effect on a second try. */
static void lies(void) {
    int fd;
    pid_t child = holder(60);

    fault_arm("fcntl", 1, true, FAULT_LIE, "/lock");
    CHECK_EQ_INT(nn_lock_acquire(".", 0, &fd), NN_EBUSY);
    CHECK_CONTAINS(nn_error_message(), "the file system granted its lock a second time");
    check_named(child);
    kill(child, SIGKILL);
    check_free();
    CHECK_CONTAINS(warnings, "the file system of the run folder '.' grants a lock twice");
    CHECK(strstr(warnings, "names") == NULL);
    fault_arm(NULL, 0, false, 0, NULL);
    end(child, 0);
}

/* Who is named is what is left to go by. */
static void without_locks(void) {
    int fd;
    nn_owner other;

    fault_arm("fcntl", 1, true, ENOLCK, "/lock");
    check_free();
    CHECK_CONTAINS(warnings, "cannot lock files (No locks available): a second run");
    pid_t child = holder(60);
    CHECK_EQ_INT(nn_lock_acquire(".", 0, &fd), NN_EBUSY);
    CHECK_CONTAINS(nn_error_message(), "whose file system cannot lock files (No locks available)");
    check_named(child);
    end(child, SIGKILL);
    check_free();
    CHECK(strstr(warnings, "names") == NULL);

    nn_owner_self(&other);
    snprintf(other.host, sizeof other.host, "node7");
    other.boot[0] ^= 1;
    write_owner(&other);
    check_free();
    CHECK_CONTAINS(warnings, "; its file `lock` names process ");
    CHECK_CONTAINS(warnings, "on node7");
    fault_arm(NULL, 0, false, 0, NULL);

    /* what other errors say of locks */
    fault_arm("fcntl", 1, true, EOPNOTSUPP, "/lock");
    check_free();
    CHECK_CONTAINS(warnings, "cannot lock files (Operation not supported)");
    fault_arm("fcntl", 1, false, EINTR, "/lock");
    check_free();
    CHECK_STR(warnings, "");
    fault_arm(NULL, 0, false, 0, NULL);
}

/* The lock is free: its server's word for what cannot be seen from here, and for what can, the
 * process. */
static void named_but_free(void) {
    nn_owner owner;
    int fd;

    nn_owner_self(&owner);
    owner.ns++; /* a container */
    write_owner(&owner);
    check_free();
    nn_owner_self(&owner);
    owner.start++; /* the number is that of another process now */
    write_owner(&owner);
    check_free();
    nn_owner_self(&owner);
    write_owner(&owner);
    CHECK_EQ_INT(nn_lock_acquire(".", 0, &fd), NN_EBUSY);
    check_named(getpid());
    write_file("process 1 on node7, since yesterday\n");
    check_free();
    CHECK_STR(warnings, "");
}

/* A file of that name that is somebody else's is left alone. */
static void of_somebody_else(void) {
    int fd;

    write_file("precious\n");
    CHECK_EQ_INT(nn_lock_acquire(".", 0, &fd), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "'./lock' is not the lock of a run");
    CHECK_STR(file(), "precious\n");
    write_file("");
    CHECK(link("lock", "other") == 0);
    CHECK_EQ_INT(nn_lock_acquire(".", 0, &fd), NN_EUSAGE);
    CHECK(unlink("other") == 0);
    check_free();
}

/* Deleted while it is held, it keeps nobody out any more. */
static void deleted(void) {
    int first, second;

    CHECK_EQ_INT(nn_lock_acquire(".", 0, &first), NN_OK);
    CHECK_EQ_INT(nn_lock_check(".", first), NN_OK);
    fault_arm("stat", 1, true, EIO, "lock");
    CHECK_EQ_INT(nn_lock_check(".", first), NN_EIO);
    CHECK_CONTAINS(nn_error_message(), "cannot look at './lock'");
    fault_arm(NULL, 0, false, 0, NULL);
    CHECK(unlink("lock") == 0);
    CHECK_EQ_INT(nn_lock_check(".", first), NN_EBUSY);
    CHECK_CONTAINS(nn_error_message(), "its file `lock` was deleted");
    CHECK_EQ_INT(nn_lock_acquire(".", 0, &second), NN_OK);
    CHECK_EQ_INT(nn_lock_check(".", first), NN_EBUSY);
    CHECK_EQ_INT(nn_lock_check(".", second), NN_OK);
    nn_lock_release(first);
    nn_lock_release(second);
}

/* Held, but not by who is named. */
static void held_for_the_dead(void) {
    int held, fd;
    nn_owner owner;

    CHECK_EQ_INT(nn_lock_acquire(".", 0, &held), NN_OK);
    nn_owner_self(&owner);
    owner.start++;
    write_owner(&owner);
    CHECK_EQ_INT(nn_lock_acquire(".", 0, &fd), NN_EBUSY);
    CHECK_CONTAINS(nn_error_message(), "which has ended: ");
    CHECK_CONTAINS(nn_error_message(), "delete './lock'");
    check_named(getpid());
    owner.boot[0] ^= 1;
    write_owner(&owner);
    CHECK_EQ_INT(nn_lock_acquire(".", 0, &fd), NN_EBUSY);
    CHECK_CONTAINS(nn_error_message(), "when its host has failed");
    write_file("");
    CHECK_EQ_INT(nn_lock_acquire(".", 0, &fd), NN_EBUSY);
    CHECK_CONTAINS(nn_error_message(), "(an unknown process)");
    nn_lock_release(held);
    check_free();
}

int main(void) {
    char folder[] = "/tmp/nnmpi-lock.XXXXXX";

    if (!CHECK(mkdtemp(folder)) || !CHECK(chdir(folder) == 0))
        return check_done();
    nn_log_to(note, NULL, NN_LOG_WARNING);
    exclusion();
    lies();
    without_locks();
    named_but_free();
    held_for_the_dead();
    of_somebody_else();
    deleted();
    CHECK(unlink("lock") == 0 && chdir("/") == 0 && rmdir(folder) == 0);
    return check_done();
}
