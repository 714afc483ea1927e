/* The display of progress: what a training or other long work has come to, as rows of a terminal
 * that are drawn over each other, or as one line that stays. Nothing is allocated, and only drawing
 * calls the system: steps are being timed. */
#ifndef NN_CLI_DISPLAY_H
#define NN_CLI_DISPLAY_H

#include "cli/terminal.h"

#include <nnmpi/train.h>

#define NN_DISPLAY_SPARKS 32  /* an even number */
#define NN_DISPLAY_VALUES 17  /* the loss, and the metrics of a validation */
#define NN_DISPLAY_LINE 1024  /* bytes of the longest line */
#define NN_DISPLAY_FRAME 4096 /* bytes of all rows */

/* What a validation has said. */
typedef struct nn_validated {
    const char *split; /* NULL: there was none */
    int64_t step;
    size_t count;
    struct {
        const char *name;
        double value;
    } of[NN_DISPLAY_VALUES];
} nn_validated;

/* Long work that has a beginning and an end, as base/system/work.h tells of it. */
typedef struct nn_display_work {
    const char *what, *of; /* what NULL: there is no work */
    int64_t done, total;
    double begin; /* seconds */
} nn_display_work;

/* Of what is a training a part: a trial of a sweep. */
typedef struct nn_display_part {
    char title[64], detail[192]; /* "trial 3/12"; what it is like, where there is room. "": it is
                                    a whole */
    double share, adds;  /* the part of the whole that was done before, and that this part adds */
    int64_t from, until; /* its epochs are those after `from`; until 0: to the last */
} nn_display_part;

typedef struct nn_display {
    nn_display_part part;
    nn_status status; /* the newest, without its validation and line */
    bool trains;      /* there is one */
    nn_validated validated;
    nn_display_work work;
    /* losses of the whole run: as many means as there is room for, of 2^doublings losses each */
    double spark[NN_DISPLAY_SPARKS], sum;
    size_t sparks;
    int64_t summed;
    int doublings;
    double loss; /* mean of those since the one before was drawn ... */
    double recent, recents;
    bool stands;                 /* on the terminal, from the row of its cursor on */
    char rest[NN_DISPLAY_FRAME]; /* of what the terminal has taken a part of */
    size_t rest_bytes;
} nn_display;

/* Takes note of where a training stands. Local. */
void nn_display_status(nn_display *display, const nn_status *status);
/* Takes note that another training begins, and of what it is a part. Local. */
void nn_display_begin(nn_display *display, const nn_display_part *part);
/* Takes note of work; true when it has lasted a second, so that people want to see it. Local. */
bool nn_display_work_at(nn_display *display, const nn_display_work *work, double now);

/* Draws everything over what stands there; the cursor stays in its first row. Local. */
void nn_display_draw(nn_display *display, const nn_terminal *terminal, double now);
/* Clears what stands there, unless the program was sent to the background meanwhile. By any thread
 * while no other one draws or clears. Local. */
void nn_display_clear(nn_display *display, const nn_terminal *terminal);

/* "epoch 1/3  step 9/27  loss 0.5": a status, or work where `status` is NULL, in a line that stays,
 * of at most so many columns (0: any number). Returns `line`. Local. */
const char *nn_display_line(const nn_display *display, const nn_status *status, double now,
                            int columns, char line[NN_DISPLAY_LINE]);

#endif
