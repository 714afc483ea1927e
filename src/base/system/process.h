/* Processes of this machine, as /proc tells of them. */
#ifndef NN_BASE_SYSTEM_PROCESS_H
#define NN_BASE_SYSTEM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct nn_process {
    char state; /* 'R', 'S', 'T' (stopped), 'Z' (ended) ... */
    long parent, group;
    long foreground; /* the group in the foreground of its terminal; -1: it has no terminal */
} nn_process;

/* False where there is no such process. Local. */
bool nn_process_look(long process, nn_process *out);

/* A file of /proc/<process>, as far as it fits, ended by two NUL; the length, 0 where there is
 * none. Local. */
size_t nn_process_read(long process, const char *name, size_t size, char *text);

/* What a descriptor of the process leads to: "/dev/pts/0", "pipe:[4711]"; false where it has none,
 * or it is another user's. Local. */
#define NN_PROCESS_TARGET 256
bool nn_process_target(long process, const char *descriptor, char target[NN_PROCESS_TARGET]);

#endif
