/* Metrics of the minibatches that training takes, as they come (nn_training_measure). */
#include "train/evaluate/evaluation.h"
#include "train/training/training.h"

#include <string.h>

struct nn_measured {
    double loss, weight; /* sums over all ranks, which every rank has from its steps */
    int64_t samples;
    int rc; /* what a metric of the program's own has failed with in this step, of this rank */
    double state[]; /* [session.metric_state], then [session.metric_exact] of this rank's rows */
};

static size_t state_count(const nn_trainer *t) {
    return t->session.metric_state + t->session.metric_exact;
}

static size_t state_bytes(const nn_trainer *t) {
    return state_count(t) * sizeof(double);
}

int nn_trainer_open_measured(nn_trainer *t) {
    if (!t->options->measures)
        return 0;
    if (t->session.in_parts)
        return nn_fail(NN_EUSAGE, "nn_train_options.measures: metrics are taken of whole steps on "
                                  "the data set, and in_parts or a data set without rows asks for "
                                  "others");
    return nn_alloc((void **)&t->measured, 1, sizeof *t->measured + state_bytes(t), "metrics");
}

void nn_trainer_measure_rows(const nn_trainer *t, const nn_output_part *rows) {
    struct nn_measured *m = t->measured;
    if (m && m->rc == 0)
        m->rc =
            nn_session_add_metrics(&t->session, rows, m->state, m->state + t->session.metric_state);
}

static bool can_fault(const nn_session *s) {
    for (size_t i = 0; i < s->metrics; i++)
        if (((const nn_metric_ops *)s->metric[i].row)->fault)
            return true;
    return false;
}

int nn_trainer_measure_step(const nn_trainer *t, const nn_batch *shard) {
    const nn_step_sums *sums = nn_reducer_sums(t->session.reducer);
    struct nn_measured *m = t->measured;
    if (!m)
        return 0;
    m->loss += sums->loss;
    m->weight += sums->weight;
    m->samples += shard->global;
    if (!can_fault(&t->session))
        return 0;
    int rc = m->rc;
    m->rc = 0;
    if (rc < 0)
        nn_error_prefix(rc, "step %lld", (long long)t->state.step + 1);
    return nn_comm_agree(t->comm, rc);
}

/* From the sums of all ranks. */
static int sum(const nn_trainer *t, nn_evaluation *result) {
    const nn_session *s = &t->session;
    struct nn_measured *m = t->measured;
    NN_TRY(nn_comm_sum(t->comm, m->state, state_count(t)));
    result->split = "train";
    result->samples = m->samples;
    result->loss = m->loss / m->weight;
    result->metrics = s->metrics;
    return nn_comm_agree(t->comm,
                         nn_session_read_metrics(s, m->state, m->state + s->metric_state, result));
}

int nn_training_measure(nn_training *t, nn_evaluation **out) {
    static const char what[] = "nn_training_measure";
    nn_evaluation *found = NULL;
    if (!out)
        return nn_fail(NN_EUSAGE, "%s: out is NULL", what);
    *out = NULL;
    NN_TRY(nn_training_check_between(t, what));
    nn_trainer *trainer = &t->trainer;
    struct nn_measured *m = trainer->measured;
    NN_TRY(nn_training_check(t, m, what, "open the training with nn_train_options.measures"));
    NN_TRY(nn_training_check(t, m->samples > 0, what, "no step has been taken since"));
    nn_training_enter(t);
    int rc = nn_comm_agree(trainer->comm, nn_session_evaluation_new(&trainer->session, &found));
    if (rc == 0)
        rc = sum(trainer, found);
    memset(m, 0, sizeof *m + state_bytes(trainer));
    if (rc == 0)
        *out = found;
    else
        nn_evaluation_free(found);
    return nn_training_forgive(t, rc);
}
