/* What people see on standard error: messages, and progress, as a display that is redrawn or a line
 * at a time. */
#ifndef NN_CLI_SCREEN_H
#define NN_CLI_SCREEN_H

#include "base/log.h"
#include "cli/display.h"
#include "cli/guard.h"
#include "cli/terminal.h"

#include <nnmpi/train.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* The choices of --progress. */
typedef enum nn_screen_progress_mode {
    NN_SCREEN_AUTO, /* redrawn on a terminal, else lines */
    NN_SCREEN_ALWAYS,
    NN_SCREEN_NEVER,
    NN_SCREEN_LINES
} nn_screen_progress_mode;

typedef struct nn_screen {
    int rank; /* ranks other than 0 only warn */
    bool verbose, quiet;
    bool shows;           /* progress */
    atomic_bool stopping; /* a training is asked to stop: what it says last shall stay */
    nn_terminal terminal;
    nn_display display;
    pthread_mutex_t writing;    /* one draws at a time, or clears and writes what stays: the thread
                                   that trains, that of the saver, the guard's */
    double begin, drawn, lined; /* seconds of the start, the last redraw and the last whole line */
} nn_screen;

/* Looks at standard error. Messages of the library go to the screen from now on. */
void nn_screen_init(nn_screen *screen, const nn_launch *launch);
/* Which messages are wanted, and how progress is shown. */
void nn_screen_set(nn_screen *screen, bool verbose, bool quiet, nn_screen_progress_mode mode);
void nn_screen_release(nn_screen *screen);

/* The pending error as "nnmpi: message", with its trace when verbose; ranks other than 0 say who
 * they are. Waits so long at most for a slow reader of standard error, -1: endlessly. */
void nn_screen_error(nn_screen *screen, int milliseconds);

/* What is shown from now on is another training, which is a part of something. */
void nn_screen_begin(nn_screen *screen, const nn_display_part *part);
/* nn_train_options.progress and progress_every; ctx is the screen. */
void nn_screen_progress(void *ctx, const nn_status *status);
#define NN_SCREEN_SECONDS 0.1

/* nn_guard_hear, with the screen for ctx. Does not wait for who reads it. */
void nn_screen_stop(nn_screen *screen, nn_guard_word word);

/* Clears the display, so that other output starts on a line of its own. */
void nn_screen_end(nn_screen *screen);

#endif
