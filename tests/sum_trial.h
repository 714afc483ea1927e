/* A reducer whose steps are the sums themselves, and the sums of all its steps. */
#ifndef NN_TESTS_SUM_TRIAL_H
#define NN_TESTS_SUM_TRIAL_H

#include "check.h"
#include "comm/reduce/reduce.h"

enum { SUM_TRIAL_N = 1000 };

struct sum_trial {
    nn_comm *comm;
    nn_reducer *reducer;
    double total[SUM_TRIAL_N]; /* of all steps */
};

static inline bool sum_trial_begin_step(void *ctx, const nn_step_sums *sums) {
    (void)ctx, (void)sums;
    return true;
}

static inline void sum_trial_take_step(void *ctx, const nn_slice *slice, const nn_real *g) {
    const struct sum_trial *t = ctx;
    nn_real *w = nn_reducer_vector(t->reducer, 0);
    memcpy(w + slice->begin, g, (slice->end - slice->begin) * sizeof *g);
}

static const nn_reduce_ops sum_trial_ops = {.begin_step = sum_trial_begin_step,
                                            .step = sum_trial_take_step};

/* What a rank adds to element i in a step. */
typedef nn_real sum_trial_part(int rank, int step, size_t i);

static inline void sum_trial_step(struct sum_trial *t, sum_trial_part *part, int step) {
    nn_step_sums sums = {0};
    nn_real *g = nn_reducer_grads(t->reducer);
    nn_reducer_open(t->reducer, 0);
    for (size_t i = 0; i < SUM_TRIAL_N; i++)
        g[i] = part(nn_comm_rank(t->comm), step, i);
    nn_reducer_send_sums(t->reducer, &sums);
    CHECK_EQ_INT(nn_reducer_finish(t->reducer), 0);
    for (size_t i = 0; i < SUM_TRIAL_N; i++)
        t->total[i] += (double)nn_reducer_vector(t->reducer, 0)[i];
    CHECK_EQ_INT(nn_comm_agree(t->comm, 0), 0); /* all have read */
}

#endif
