#define _GNU_SOURCE
#include "train/run/owner.h"

#include "base/system/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNKNOWN "unknown" /* start of the machine */

/* The first line of a small file, "" when it cannot be read. */
static const char *first_line(const char *path, char *line, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, line, size - 1);

    if (fd >= 0)
        close(fd);
    line[length > 0 ? length : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* When a process started, from /proc/<process>/stat; -1: it cannot be told, 0: it has ended. The
 * name of the program, in parentheses, may hold anything. */
static long long start_of(long process) {
    char path[64], line[1024], state;
    const char *fields;
    long long start;

    snprintf(path, sizeof path, "/proc/%ld/stat", process);
    fields = strrchr(first_line(path, line, sizeof line), ')');
    if (!fields || sscanf(fields,
                          ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                          "%*s %*s %lld",
                          &state, &start) != 2)
        return -1;
    return state == 'Z' || state == 'X' ? 0 : start;
}

void nn_owner_self(nn_owner *owner) {
    struct stat ns;

    *owner = (nn_owner){.process = (long)getpid()};
    gethostname(owner->host, sizeof owner->host - 1);
    nn_timestamp(owner->since, sizeof owner->since);
    owner->start = start_of(owner->process);
    if (!*first_line("/proc/sys/kernel/random/boot_id", owner->boot, sizeof owner->boot))
        snprintf(owner->boot, sizeof owner->boot, UNKNOWN);
    if (stat("/proc/self/ns/pid", &ns) == 0)
        owner->ns = (unsigned long long)ns.st_ino;
}

nn_owner_state nn_owner_look(const nn_owner *owner) {
    nn_owner self;
    long long start;

    if (owner->process <= 0)
        return NN_OWNER_NONE;
    nn_owner_self(&self);
    if (!self.ns || owner->ns != self.ns || strcmp(self.boot, UNKNOWN) == 0 ||
        strcmp(owner->boot, self.boot) != 0)
        return NN_OWNER_ELSEWHERE;
    start = start_of(owner->process);
    if (start >= 0)
        return start == owner->start ? NN_OWNER_ALIVE : NN_OWNER_ENDED;
    return kill((pid_t)owner->process, 0) == 0 || errno == EPERM ? NN_OWNER_ALIVE : NN_OWNER_ENDED;
}

size_t nn_owner_format(const nn_owner *owner, char line[NN_OWNER_LINE]) {
    char text[NN_OWNER_LINE];

    return (size_t)snprintf(line, NN_OWNER_LINE, "%s; start %lld, boot %s, namespace %llu\n",
                            nn_owner_text(owner, text), owner->start, owner->boot, owner->ns);
}

void nn_owner_parse(const char *line, nn_owner *owner) {
    *owner = (nn_owner){0};
    if (sscanf(line,
               "process %ld on %71[^,;\n], since %23[^,;\n]; start %lld, boot %39[^,\n], namespace "
               "%llu",
               &owner->process, owner->host, owner->since, &owner->start, owner->boot,
               &owner->ns) != 6)
        *owner = (nn_owner){0};
}

const char *nn_owner_text(const nn_owner *owner, char text[NN_OWNER_LINE]) {
    if (owner->process > 0)
        snprintf(text, NN_OWNER_LINE, "process %ld on %s, since %s", owner->process, owner->host,
                 owner->since);
    else
        snprintf(text, NN_OWNER_LINE, "an unknown process");
    return text;
}
