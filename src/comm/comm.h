/* Ranks: who they are and how they agree. mpi.h is for the files of this folder alone. */
#ifndef NN_COMM_COMM_H
#define NN_COMM_COMM_H

#include "base/real.h"

#include <nnmpi/comm.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int nn_comm_node_rank(const nn_comm *comm); /* among the ranks of this node */
int nn_comm_node_size(const nn_comm *comm);
int nn_comm_nodes(const nn_comm *comm);
bool nn_comm_on_first_node(const nn_comm *comm); /* that of rank 0 */
const char *nn_comm_host(const nn_comm *comm);

/* MPI has failed on this rank, or through it on another one (NN_ERANK is pending): the others may
 * be in a call that this rank has left, for ever. From now on all that waits for them fails at
 * once, nn_comm_check among it, with the message that is pending now, and nothing that is freed
 * waits for them. Local. */
void nn_comm_give_up(nn_comm *comm);
/* Whether a thread of its own may send messages while others of the program call MPI. Local. */
bool nn_comm_has_threads(const nn_comm *comm);
/* 0, or NN_ERANK after nn_comm_give_up. Local. */
int nn_comm_check(const nn_comm *comm);

/* Who has failed where this rank has. */
typedef enum nn_failed {
    NN_FAILED_ALL,  /* every rank, and knows it: nn_comm_agree has said so */
    NN_FAILED_THIS, /* this rank, maybe alone: others may wait for it for ever */
    NN_FAILED_OTHER /* another rank of the node, which ends all; the message speaks of it */
} nn_failed;
/* Of the failure `rc` with which this rank is about to end. Local. */
nn_failed nn_comm_failed(const nn_comm *comm, int rc);

/* The ranks of `comm` in groups: those that give the same number (from 0) get a communicator of
 * their own, in their order, of which they are the ranks 0, 1 ... A rank has as many threads there
 * as it has in `comm`, whose ranks compute at the same time. To be freed before `comm`. NN_ERANK,
 * NN_EMEMORY. Collective. */
int nn_comm_split(nn_comm *comm, int group, nn_comm **out);

/* nn_comm_init, which after a failure leaves *out (NULL or not) for nn_comm_failed, nn_comm_abort
 * and nn_comm_end. Collective. */
int nn_comm_start(nn_comm **out);

/* The MPI library's name and version, also before MPI has started: "Open MPI v4.1.4". Static.
 * Local. */
const char *nn_comm_library(void);
/* nn_comm_free, which also says whether MPI has ended well: NN_ERANK. Collective. */
int nn_comm_end(nn_comm *comm);

/* Every rank gets rank 0's bytes. Collective. */
int nn_comm_bcast(nn_comm *comm, void *bytes, size_t count);
/* In place: the sum over the ranks. Collective. */
int nn_comm_sum(nn_comm *comm, double *values, size_t count);
/* The same of reals, any number of them. Collective. */
int nn_comm_sum_reals(nn_comm *comm, nn_real *values, size_t count);
/* Every rank gets `count` bytes of each rank, in the order of the ranks: all[size * count].
 * Collective. */
int nn_comm_gather(nn_comm *comm, const void *mine, size_t count, void *all);

/* Bytes from one rank to another, which calls the other function. NN_ERANK. Both ranks. */
int nn_comm_send(nn_comm *comm, int to, const void *bytes, size_t count);
int nn_comm_receive(nn_comm *comm, int from, void *bytes, size_t count);

/* Threads a rank should use: OMP_NUM_THREADS where the user has set it, else the cores of its CPU
 * set divided among the ranks of the node that share them, at least 1; warns about oversubscription
 * and about ranks bound to the same cores, with the flag that mends it. Never fails. Collective. */
int nn_comm_threads(nn_comm *comm);

#endif
