/* Staging: copies of the state of a training, from which checkpoints are written while training
 * goes on. They lie in memory that the ranks of the first node share, as one vector of the model
 * each.
 *
 * A thread of each rank copies what this rank takes the step on, while the next step computes: for
 * parameters and optimiser state do not change before its gradients are summed. There training
 * waits for the thread (nn_staging_complete), and nowhere else. Who writes checkpoints, rank 0,
 * waits for the copies of all.
 *
 *   nn_staging_copy(s, NN_STAGING_LAST);     every rank
 *   nn_staging_submit(s, NN_STAGING_LAST);   every rank: the buffer is the writer's from here ...
 *   nn_staging_wait(s, NN_STAGING_LAST);     the thread that writes
 *   nn_staging_release(s, NN_STAGING_LAST);  ... to here; the next copy into it waits for that
 *
 * The model, the optimiser's slots and their order are those of a snapshot (session.h).
 *
 * Residuals of sums between nodes change as soon as the next step's gradients go out, and those of
 * other nodes have to come here: they are copied while training stands still. That takes as long as
 * the sums of a step between two nodes where nothing hides them, and that again for each node
 * more. So is optimiser state that is divided between nodes, which the first node gets all of. */
#ifndef NN_TRAIN_SAVE_STAGING_H
#define NN_TRAIN_SAVE_STAGING_H

#include "train/session/session.h"

typedef enum nn_staging_buffer {
    NN_STAGING_LAST, /* the newest state */
    NN_STAGING_BEST, /* that of the best validation so far, until it is written */
    NN_STAGING_BUFFERS
} nn_staging_buffer;

/* Bytes that the buffers of a state of so many vectors of `n` elements, and of so many residuals of
 * all nodes, take on the first node. The best state has no buffer of its own where it would take
 * more than NN_STAGING_BEST_BYTES. Local. */
#define NN_STAGING_BEST_BYTES ((size_t)64 << 20)
size_t nn_staging_bytes(size_t n, size_t vectors, size_t residuals);
/* The same of a session that is allocated for training. Local. */
size_t nn_staging_bytes_of(const nn_session *session);

/* Memory and threads for a session that is allocated for training and outlives them. NN_EMEMORY.
 * Collective. */
int nn_staging_new(nn_session *session, nn_staging **out);
/* After a failure: some rank may never copy any more, and nobody here waits for it. NULL is fine.
 * Local. */
void nn_staging_give_up(nn_staging *staging);
/* Waits for the copy under way. NULL is fine. Local. */
void nn_staging_free(nn_staging *staging);
/* Whether the best state has a buffer of its own. Local. */
bool nn_staging_keeps_best(const nn_staging *staging);

/* Begins to copy the state into a buffer. The same calls in the same order on every rank; only
 * where something of other nodes has to come they wait for these. NN_ERANK. Collective. */
int nn_staging_copy(nn_staging *staging, nn_staging_buffer buffer);
/* Local. */
void nn_staging_submit(nn_staging *staging, nn_staging_buffer buffer);
/* Waits until parameters and state of this rank may change. Local; NULL is fine. */
void nn_staging_complete(nn_staging *staging);
/* Called before parameters change outside of a step: when it returns, no rank copies them any more;
 * also of a session without staging. NN_ERANK. Collective. */
int nn_staging_complete_all(const nn_session *session);
/* Seconds it has waited there since the last copy was begun. Local. */
double nn_staging_waited(const nn_staging *staging);

/* On rank 0. Waits for the copies of all ranks that were begun before the buffer was submitted;
 * false: one of them never comes. From any thread. Local. */
bool nn_staging_wait(nn_staging *staging, nn_staging_buffer buffer);
void nn_staging_release(nn_staging *staging, nn_staging_buffer buffer);
/* Points the vectors of a snapshot to a buffer. Local. */
void nn_staging_bind(const nn_staging *staging, nn_staging_buffer buffer, nn_snapshot *snapshot);

#endif
