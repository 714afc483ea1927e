/* The names of classes and columns on every rank. */
#ifndef NN_TRAIN_SESSION_SHARE_NAMING_H
#define NN_TRAIN_SESSION_SHARE_NAMING_H

#include "data/naming.h"

#include <nnmpi/comm.h>

/* Gives every rank rank 0's names; those of others are in `pool`. Collective. NN_EMEMORY. */
int nn_naming_bcast(nn_comm *comm, nn_pool *pool, nn_naming *naming);

#endif
