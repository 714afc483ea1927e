/* Completion for shells: the verbs, options, kinds and configuration keys of the tables. */
#ifndef NN_CLI_COMPLETION_H
#define NN_CLI_COMPLETION_H

#include <stdio.h>

/* The choices of an option; the place of a shell in it is what nn_completion_write takes. */
#define NN_COMPLETION_SHELLS "none|bash|zsh|fish"

/* Writes the script that this shell reads. */
void nn_completion_write(FILE *out, int shell);

#endif
