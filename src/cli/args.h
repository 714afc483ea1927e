/* From the words of a command line to a verb and its options. */
#ifndef NN_CLI_ARGS_H
#define NN_CLI_ARGS_H

#include "cli/cli.h"

/* Chooses the verb that the words name (none, or a flag first: train) and binds its options:
 * --key value, --key=value, --flag, the short forms, and words without a flag. Everything is owned
 * by call->pool. NN_EUSAGE with the nearest right word. Local. */
int nn_args_read(int argc, char **argv, nn_call *call, nn_common *common);

/* The short form of an option's key, or 0. */
char nn_short_flag(const char *key);

#endif
