/* What people see on standard error: messages, and one line of progress that is redrawn. */
#ifndef NN_CLI_SCREEN_H
#define NN_CLI_SCREEN_H

#include "base/log.h"

#include <nnmpi/train.h>

#include <stdbool.h>

typedef struct nn_screen {
    int rank;      /* ranks other than 0 only warn */
    bool terminal; /* standard error is one that can redraw a line */
    bool live;     /* a line of progress stands there without its newline */
    bool verbose, quiet;
    double drawn, lined; /* seconds of the last redraw and of the last whole line */
} nn_screen;

/* Looks at standard error. Messages of the library go to the screen from now on. */
void nn_screen_init(nn_screen *screen, int rank);
/* Which messages are wanted. */
void nn_screen_set(nn_screen *screen, bool verbose, bool quiet);

/* The pending error as "nnmpi: message", with its trace when verbose; ranks other than 0 say who
 * they are. */
void nn_screen_error(nn_screen *screen);

/* nn_train_options.progress; ctx is the screen. */
void nn_screen_progress(void *ctx, const nn_status *status);

/* Ends the line of progress, so that other output starts on a line of its own. */
void nn_screen_end(nn_screen *screen);

#endif
