/* Who has a run folder: the one line of its file `lock`. */
#ifndef NN_TRAIN_RUN_OWNER_H
#define NN_TRAIN_RUN_OWNER_H

#include <stdbool.h>
#include <stddef.h>

#define NN_OWNER_LINE 384 /* bytes of the longest line */

typedef struct nn_owner {
    char host[72];
    char since[24];        /* of its lock, UTC */
    long process;          /* 0: nobody is named */
    long long start;       /* of the process, in clock ticks after the start of its machine */
    char boot[40];         /* the machine's start: no two have the same one */
    unsigned long long ns; /* the process namespace: what the number of the process counts in */
} nn_owner;

/* What can be known about an owner from here. */
typedef enum nn_owner_state {
    NN_OWNER_NONE,
    NN_OWNER_ALIVE,
    NN_OWNER_ENDED,
    NN_OWNER_ELSEWHERE /* on another machine, before this one started, or in a container */
} nn_owner_state;

/* This process, now. */
void nn_owner_self(nn_owner *owner);
/* Looks for the process. Where /proc does not show it, its number alone counts. */
nn_owner_state nn_owner_look(const nn_owner *owner);

/* The line, with its newline; returns its length. */
size_t nn_owner_format(const nn_owner *owner, char line[NN_OWNER_LINE]);
/* A line that is not of this form names nobody. */
void nn_owner_parse(const char *line, nn_owner *owner);

/* "process 12 on node3, since 2026-11-29T04:20:36Z"; "an unknown process" for nobody. */
const char *nn_owner_text(const nn_owner *owner, char text[NN_OWNER_LINE]);

#endif
