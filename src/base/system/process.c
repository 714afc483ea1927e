#define _GNU_SOURCE
#include "base/system/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

size_t nn_process_read(long process, const char *name, size_t size, char *text) {
    char path[64];
    size_t length = 0;
    ssize_t got = 1;
    snprintf(path, sizeof path, "/proc/%ld/%s", process, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && got > 0 && length < size - 2) {
        got = read(fd, text + length, size - 2 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    text[length] = text[length + 1] = '\0';
    return length;
}

bool nn_process_look(long process, nn_process *out) {
    char text[1024];
    nn_process_read(process, "stat", sizeof text, text);
    const char *end = strrchr(text, ')'); /* of its name, which may have anything in it */
    return end && sscanf(end + 1, " %c %ld %ld %*d %*d %ld", &out->state, &out->parent, &out->group,
                         &out->foreground) == 4;
}

bool nn_process_target(long process, const char *descriptor, char target[NN_PROCESS_TARGET]) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/%s", process, descriptor);
    ssize_t length = readlink(path, target, NN_PROCESS_TARGET - 1);
    target[length > 0 ? length : 0] = '\0';
    return length > 0;
}
