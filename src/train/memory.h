/* The memory that training takes, by kind. */
#ifndef NN_TRAIN_MEMORY_H
#define NN_TRAIN_MEMORY_H

#include "train/session/session.h"

/* Bytes of a rank; what the ranks of a node hold together counts for each of them in part. */
typedef struct nn_memory {
    double params, grads, optimizer, buffers;
    double staging; /* for checkpoints, on the first node */
    double metrics; /* what they add up in an evaluation */
} nn_memory;

static inline double nn_memory_total(const nn_memory *m) {
    return m->params + m->grads + m->optimizer + m->buffers + m->staging + m->metrics;
}

/* Of one rank alone, for shards of up to `batch` samples of `positions` targets each; of a model
 * that is not bound yet. NN_EUSAGE, NN_EMEMORY. Local. */
int nn_memory_of(nn_model *model, const nn_settings *settings, size_t positions, size_t batch,
                 nn_memory *memory);

/* Of a session that is planned and not allocated yet. NN_EUSAGE; NN_EMEMORY also where no node
 * could hold it. Local. */
int nn_memory_plan(const nn_session *session, nn_memory *memory);
/* NN_EMEMORY where the node or the process may not have what is planned. Local. */
int nn_memory_check(const nn_session *session, const nn_memory *memory);
/* The same as nn_memory_plan, once it is allocated for training: what its gradients, the
 * optimiser's state, and copies of it for checkpoints, really take. Local. */
void nn_memory_allocated(const nn_session *session, nn_memory *memory);

/* "12.3 MB a rank to train: parameters ..., gradients ..." in `text`, which is returned; metrics
 * where they take a hundredth of it. */
#define NN_MEMORY_TEXT 320
const char *nn_memory_text(const nn_memory *memory, char text[NN_MEMORY_TEXT]);

#endif
