/* Lists of names in messages. */
#ifndef NN_BASE_OPTIONS_NAMES_H
#define NN_BASE_OPTIONS_NAMES_H

#include <stddef.h>

enum { NN_NAMES_MAX = 96, NN_NAMES_TEXT = 640 };

/* Up to NN_NAMES_MAX names, ended by NULL as nn_nearest wants them. Zero-initialise. */
typedef struct nn_names {
    const char *name[NN_NAMES_MAX + 1];
    size_t count;
    char text[NN_NAMES_TEXT];
} nn_names;

void nn_names_add(nn_names *names, const char *name);

/* What to say after "unknown ... 'word'": ", did you mean 'x'?" or "; `valid`: a, b, c". Owned by
 * `names`. */
const char *nn_names_advice(nn_names *names, const char *word, const char *valid);

#endif
