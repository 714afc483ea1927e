/* Ranks of different speed: who waits for whom, and with train.balance: speed, who gets how many
 * rows. */
#ifndef NN_TRAIN_BALANCE_H
#define NN_TRAIN_BALANCE_H

#include "base/shards.h"
#include "comm/comm.h"

typedef struct nn_balance nn_balance;

/* What a rank has done since the last report: seconds with its rows (data, forward and backward),
 * in which it added gradients and took steps, and in which it waited for others or was in MPI. */
typedef struct nn_rank_work {
    double rows; /* that it has computed */
    double computing, updating, waiting;
} nn_rank_work;

/* The rank that worked longest, without what it waited. */
typedef struct nn_slowest {
    int rank; /* -1: there is only one */
    const char *host;
    double seconds; /* that it worked */
    double factor;  /* seconds over the median of the other ranks; infinite where that is 0 */
    double waited;  /* seconds that these waited longer than it, on average */
} nn_slowest;

/* `moving` are the shards whose borders follow the speeds of the ranks, and outlive it; NULL: they
 * stay. *out NULL: there is one rank. NN_EMEMORY. Collective. */
int nn_balance_new(nn_comm *comm, nn_shards *moving, nn_balance **out);
void nn_balance_free(nn_balance *balance);

/* Shows each other what has been done, and finds the slowest rank. Where the same rank has been by
 * a fifth slower than the others for some seconds of work, rank 0 warns, once. `balance` NULL:
 * there is one rank. Collective. */
int nn_balance_look(nn_balance *balance, const nn_rank_work *mine, nn_slowest *slowest);

/* What each rank had done, as they showed last, and how many these are; 0: there is one. */
const nn_rank_work *nn_balance_last(const nn_balance *balance, size_t *ranks);

/* Whether that has found that borders should move; the same on every rank, as are the borders. And
 * moves them, before the next step, when nobody uses them (nn_loader_forget). Local. */
bool nn_balance_wants_move(const nn_balance *balance);
void nn_balance_move(nn_balance *balance);

#endif
