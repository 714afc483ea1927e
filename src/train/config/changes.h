/* What a configuration says otherwise than that of the checkpoint a run goes on from. */
#ifndef NN_TRAIN_CONFIG_CHANGES_H
#define NN_TRAIN_CONFIG_CHANGES_H

#include "base/options/node.h"

/* Tells each key that is not as it was in `before`, an effective configuration as YAML, in a line.
 * Left out is what only says how long or how often. Local. */
int nn_changes_say(const nn_node *now, const char *before);

#endif
