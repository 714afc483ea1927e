/* What a file or folder that nobody has described is taken for: the `data:` section by which a
 * model can be trained on it, and why, for `nnmpi init`. */
#ifndef NN_DATA_GUESS_GUESS_H
#define NN_DATA_GUESS_GUESS_H

#include "base/mem.h"

/* A key of the section. */
typedef struct nn_guess_line {
    const char *key, *value; /* as YAML */
    const char *why;         /* what was seen, and how to have it otherwise */
} nn_guess_line;

#define NN_GUESS_LINES 16
typedef struct nn_guess {
    nn_pool *pool; /* the caller's, who owns all texts */
    size_t count;
    nn_guess_line line[NN_GUESS_LINES];
} nn_guess;

/* Of the answer in a table. */
typedef enum nn_guess_task { NN_TASK_AUTO, NN_TASK_CLASSES, NN_TASK_NUMBERS } nn_guess_task;

typedef struct nn_guess_options {
    const char *path;
    const char *target; /* the column of a table that is to be learned; NULL: a guess */
    int task;           /* nn_guess_task */
} nn_guess_options;

/* Looks at what stands at the path: at a table as a whole, at the sizes of pictures, else at names.
 * NN_EFORMAT, NN_EUSAGE, NN_EIO. Local. */
int nn_guess_data(nn_guess *guess, const nn_guess_options *options);

/* Adds a line. NN_EMEMORY where `value` or `why` is NULL. */
int nn_guess_add(nn_guess *guess, const char *key, const char *value, const char *why);

/* For files by their kind: a table (csv.c), and a folder of pictures (images.c). */
int nn_guess_csv(nn_guess *guess, const nn_guess_options *options);
int nn_guess_images(nn_guess *guess, const nn_guess_options *options);

#endif
