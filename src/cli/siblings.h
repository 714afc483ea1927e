/* The ranks of this machine as the system sees them: for what MPI cannot be asked, while it starts
 * and after a rank has failed. */
#ifndef NN_CLI_SIBLINGS_H
#define NN_CLI_SIBLINGS_H

#include "comm/launch.h"

/* True when a rank that the launcher has started on this machine is no longer there. False where
 * that cannot be told: ranks started by hand, or each by a script of its own. Local. */
bool nn_siblings_missing(const nn_launch *launch);

/* " (rank 2, process 1234, is stopped)" of the ranks of this machine whose process is stopped; ""
 * where none is known to be. Returns `text`. Local. */
#define NN_SIBLINGS_TEXT 256
const char *nn_siblings_stopped(const nn_launch *launch, char text[NN_SIBLINGS_TEXT]);

#endif
