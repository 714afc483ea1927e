/* The terminal that people watch a program on, also where a launcher stands between: mpirun gives
 * its ranks pipes, and writes what comes out of them to its own standard error. */
#ifndef NN_CLI_TERMINAL_H
#define NN_CLI_TERMINAL_H

#include "comm/launch.h"

#include <stdio.h>

typedef struct nn_terminal {
    int fd;     /* for what is redrawn; a write that would have to wait fails instead; -1: there is
                   no terminal */
    FILE *text; /* for what stays: stderr, or the terminal, where it is a launcher's */
    long owner; /* process whose standard error it is: this one or a launcher */
    bool colour, utf8;
} nn_terminal;

/* Looks at standard error: a terminal, or a pipe that leads to a launcher whose standard error is
 * one. Local. */
void nn_terminal_init(nn_terminal *terminal, const nn_launch *launch);
/* Standard error takes what is redrawn, whatever it is. Local. */
void nn_terminal_force(nn_terminal *terminal);
void nn_terminal_release(nn_terminal *terminal);

/* As it is now; 80 and 24 where nobody knows, or COLUMNS. Local. */
void nn_terminal_size(const nn_terminal *terminal, int *columns, int *rows);
/* Whether the program is in the foreground, not sent to the background with &. Local. */
bool nn_terminal_in_front(const nn_terminal *terminal);

#endif
