/* A session whose steps only sum gradients: they change nothing. */
#ifndef NN_TESTS_GRADIENT_TRIAL_H
#define NN_TESTS_GRADIENT_TRIAL_H

#include "train/session/session.h"

#include <math.h>
#include <string.h>

struct gradient_trial {
    nn_session session;
    nn_loader *loader;
    double weight;
    nn_real *sums; /* of this rank's slices */
};

static inline bool gradient_begin_step(void *ctx, const nn_step_sums *sums) {
    struct gradient_trial *t = ctx;
    t->weight = sums->weight;
    return true;
}

static inline void gradient_store(void *ctx, const nn_slice *slice, const nn_real *g) {
    struct gradient_trial *t = ctx;
    memcpy(t->sums + slice->begin, g, (slice->end - slice->begin) * sizeof *g);
}

/* threads 0: as the session plans it. */
static inline int gradient_trial_open(struct gradient_trial *t, nn_comm *comm, nn_config *config,
                                      int threads) {
    static const nn_reduce_ops ops = {.begin_step = gradient_begin_step, .step = gradient_store};
    nn_session *session = &t->session;
    NN_TRY(nn_session_plan(session, comm, config, NULL, false));
    if (threads)
        session->compute.threads = threads;
    NN_TRY(nn_session_loader(session, "train", session->batch_size, true, &t->loader));
    NN_TRY(nn_session_allocate(session, &ops, t));
    NN_TRY(NN_NEW(&t->sums, nn_model_size(session->model), "sums"));
    if (nn_reducer_writes(session->reducer))
        NN_TRY(nn_model_init(session->model, 1, session->params));
    return nn_session_distribute(session, NULL);
}

static inline void gradient_trial_close(struct gradient_trial *t) {
    nn_free(t->sums);
    nn_loader_free(t->loader);
    nn_session_release(&t->session);
}

/* How far the sums of `a` are from those of `b`, relative, over the elements that a's rank owns. */
static inline double gradient_trial_distance(const struct gradient_trial *a,
                                             const struct gradient_trial *b) {
    const nn_reducer *owned = a->session.reducer;
    double difference = 0, norm = 0;
    for (size_t k = 0; k < nn_reducer_slices(owned); k++) {
        nn_slice s = nn_reducer_slice(owned, k);
        for (size_t i = s.begin; i < s.end; i++) {
            difference += ((double)a->sums[i] - b->sums[i]) * ((double)a->sums[i] - b->sums[i]);
            norm += (double)b->sums[i] * b->sums[i];
        }
    }
    return difference > 0 ? sqrt(difference / norm) : 0;
}

/* Gradient sums of a minibatch into t->sums, as far as this rank owns them. */
static inline int gradient_trial_run(struct gradient_trial *t, int64_t index, int64_t *rows) {
    nn_session *session = &t->session;
    nn_batch batch;
    nn_loss_sum sum = {0};
    NN_TRY(nn_loader_batch(t->loader, 0, index, &batch));
    nn_pass pass = {.batch = batch.count,
                    .training = true,
                    .emit_rows = true,
                    .sample = batch.sample,
                    .length = batch.length,
                    .micro = nn_session_microbatches(session, &batch)};
    nn_reducer_open(session->reducer, (size_t)batch.global);
    const nn_real *z = nn_model_forward(session->model, &pass, batch.x);
    nn_loss_eval(session->loss, batch.count, z, &batch.target, &sum,
                 nn_model_output_grad(session->model));
    nn_session_clear_sums(session);
    session->sums->weight = sum.weight;
    nn_reducer_send_sums(session->reducer, session->sums);
    nn_model_backward(session->model, &pass, nn_reducer_ready, session->reducer);
    *rows = (int64_t)batch.count;
    return nn_reducer_finish(session->reducer);
}

#endif
