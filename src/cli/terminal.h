/* The terminal that people watch a program on, also where a launcher stands between: mpirun gives
 * its ranks pipes, and writes what comes out of them to its own standard error. */
#ifndef NN_CLI_TERMINAL_H
#define NN_CLI_TERMINAL_H

#include "comm/launch.h"

#include <stddef.h>

typedef struct nn_terminal {
    int fd;     /* for what is redrawn; a write that would have to wait fails instead; -1: there is
                   no terminal */
    int text;   /* for what stays: standard error, or the terminal, where it is a launcher's */
    long owner; /* process whose standard error it is: this one or a launcher */
    bool colour, utf8;
} nn_terminal;

/* Looks at standard error: a terminal, or a pipe that leads to a launcher whose standard error is
 * one. Local. */
void nn_terminal_init(nn_terminal *terminal, const nn_launch *launch);
/* Standard error takes what is redrawn, whatever it is. Local. */
void nn_terminal_force(nn_terminal *terminal);
void nn_terminal_release(nn_terminal *terminal);

/* Writes to one of its descriptors while who reads it is ready, or becomes so within that time (-1:
 * endless), without stdio, whose locks others may hold while they wait. Returns the number of bytes
 * that were written. By any thread. Local. */
size_t nn_terminal_write(int fd, int milliseconds, const char *text, size_t size);

/* As it is now; 80 and 24 where nobody knows, or COLUMNS. Local. */
void nn_terminal_size(const nn_terminal *terminal, int *columns, int *rows);
/* Whether the program is in the foreground, not sent to the background with &. Local. */
bool nn_terminal_in_front(const nn_terminal *terminal);

#endif
