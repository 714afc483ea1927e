/* Samples that several trainings have at the same time: one copy a node, for all its ranks. */
#ifndef NN_TRAIN_SESSION_SAMPLES_H
#define NN_TRAIN_SESSION_SAMPLES_H

#include "train/session/session.h"

typedef struct nn_samples nn_samples;

/* Reads the splits of the configuration's data, the ranks of a node a part each. Splits that do not
 * fit into memory, or cannot be shared, are left out: who trains reads them. The same code on every
 * rank. Collective. */
int nn_samples_new(nn_comm *comm, nn_config *config, nn_samples **out);
/* When no loader uses them any more. NULL is fine. Local. */
void nn_samples_free(nn_samples *samples);

/* What nn_loader_attach takes for a split of that name and size; NULL: nothing. `samples` may be
 * NULL. Local. */
const void *nn_samples_rows(const nn_samples *samples, const char *split, size_t bytes);

#endif
