#define _GNU_SOURCE
#include "cli/terminal.h"

#include "base/system/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Whether the process has the pipe open: as a launcher, which reads it. */
static bool holds(long process, const char *pipe) {
    char folder[64], target[NN_PROCESS_TARGET];
    bool found = false;
    snprintf(folder, sizeof folder, "/proc/%ld/fd", process);
    DIR *descriptors = opendir(folder);
    for (struct dirent *item; !found && descriptors && (item = readdir(descriptors)) != NULL;)
        found = nn_process_target(process, item->d_name, target) && strcmp(target, pipe) == 0;
    if (descriptors)
        closedir(descriptors);
    return found;
}

/* The launcher that reads our standard error and whose own is no such pipe, 0: none. MPICH has two,
 * one that reads what the other one writes; scripts between share the pipe with us. Where anything
 * else reads it (tee), it holds none of these pipes. */
static long find_launcher(void) {
    char pipe[NN_PROCESS_TARGET], target[NN_PROCESS_TARGET];
    nn_process found;
    if (!nn_process_target(getpid(), "2", pipe) || strncmp(pipe, "pipe:", 5) != 0)
        return 0;
    for (long process = getppid(); process > 1; process = found.parent) {
        if (!nn_process_look(process, &found) || !nn_process_target(process, "2", target))
            return 0;
        if (strcmp(target, pipe) == 0)
            continue;
        if (!holds(process, pipe))
            return 0;
        if (strncmp(target, "pipe:", 5) != 0)
            return process;
        memcpy(pipe, target, sizeof pipe);
    }
    return 0;
}

/* Opened anew, so that its mode is nobody else's; -1 where it is no terminal. */
static int open_terminal(long owner) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/2", owner);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && !isatty(fd)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* What stays goes the way of what is redrawn, or it would arrive too late. The launcher is in the
 * foreground, ranks in groups of their own are not: that must not stop them (stty tostop). */
static int open_text(long owner) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/2", owner);
    int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return STDERR_FILENO;
    signal(SIGTTOU, SIG_IGN);
    return fd;
}

static bool has_utf8(void) {
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool utf8 = locale && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    if (locale)
        freelocale(locale);
    return utf8;
}

static bool is_set(const char *name) {
    const char *value = getenv(name);
    return value && *value;
}

void nn_terminal_init(nn_terminal *terminal, const nn_launch *launch) {
    const char *term = getenv("TERM");
    *terminal =
        (nn_terminal){.fd = -1, .text = STDERR_FILENO, .owner = getpid(), .utf8 = has_utf8()};
    if (!term || !*term || strcmp(term, "dumb") == 0)
        return;
    if (!isatty(STDERR_FILENO))
        terminal->owner = launch->launcher && launch->rank == 0 ? find_launcher() : 0;
    if (terminal->owner)
        terminal->fd = open_terminal(terminal->owner);
    if (terminal->fd < 0)
        return;
    terminal->colour = !is_set("NO_COLOR");
    if (terminal->owner != getpid())
        terminal->text = open_text(terminal->owner);
}

void nn_terminal_force(nn_terminal *terminal) {
    if (terminal->fd >= 0)
        return;
    terminal->fd = STDERR_FILENO;
    terminal->owner = 0;
    terminal->colour = !is_set("NO_COLOR");
}

void nn_terminal_release(nn_terminal *terminal) {
    if (terminal->text != STDERR_FILENO)
        close(terminal->text);
    if (terminal->fd >= 0 && terminal->fd != STDERR_FILENO)
        close(terminal->fd);
    *terminal = (nn_terminal){.fd = -1, .text = STDERR_FILENO};
}

/* Endless waiting is left to the write: a closed standard error may have become anything. */
static bool is_ready(int fd, int milliseconds) {
    struct pollfd reader = {.fd = fd, .events = POLLOUT};
    int ready;
    if (milliseconds < 0)
        return true;
    do
        ready = poll(&reader, 1, milliseconds);
    while (ready < 0 && errno == EINTR); /* also by a SIGCONT */
    return ready == 1 && (reader.revents & POLLOUT);
}

size_t nn_terminal_write(int fd, int milliseconds, const char *text, size_t size) {
    size_t done = 0;
    while (done < size && is_ready(fd, milliseconds)) {
        ssize_t n = write(fd, text + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

void nn_terminal_size(const nn_terminal *terminal, int *columns, int *rows) {
    const char *said = getenv("COLUMNS");
    struct winsize size;
    *columns = said && atoi(said) > 1 ? atoi(said) : 80;
    *rows = 24;
    if (ioctl(terminal->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 && size.ws_row > 1) {
        *columns = size.ws_col;
        *rows = size.ws_row;
    }
}

bool nn_terminal_in_front(const nn_terminal *terminal) {
    nn_process owner;
    if (!terminal->owner || !nn_process_look(terminal->owner, &owner))
        return true;
    return owner.foreground < 0 || owner.foreground == owner.group;
}
