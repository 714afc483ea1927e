/* A step in parts, and predictions and texts of a training. */
#include "base/numbers/compare.h"
#include "train/generate/generate.h"
#include "train/training/training.h"

#include <string.h>

/* ---- a step in parts ------------------------------------------------------------------------- */

int nn_training_forward(nn_training *t, const nn_minibatch *batch) {
    NN_TRY(nn_training_check_step(t, "nn_training_forward", batch));
    NN_TRY(nn_training_check(t, t->trainer.session.in_parts, "nn_training_forward",
                             "open the training with nn_train_options.in_parts"));
    nn_training_enter(t);
    int rc = nn_training_choose(t, batch);
    if (rc < 0)
        return nn_training_forgive(t, rc);
    t->phase = NN_TRAINING_FORWARD;
    return nn_training_leave(t, nn_trainer_forward(&t->trainer));
}

int nn_training_outputs(const nn_training *t, nn_array *outputs) {
    nn_training_phase at = nn_training_at(t);
    NN_TRY(nn_training_check(t, at == NN_TRAINING_FORWARD || at == NN_TRAINING_LOSS,
                             "nn_training_outputs",
                             at > NN_TRAINING_LOSS && at < NN_TRAINING_STEPPED
                                 ? "nn_training_backward has overwritten them"
                                 : "nn_training_forward comes first"));
    NN_TRY(nn_training_check(t, outputs, "nn_training_outputs", "outputs is NULL"));
    const nn_session *s = &t->trainer.session;
    int64_t rows = (int64_t)t->trainer.step_parts.rows.count;
    int64_t positions = (int64_t)s->positions, width = (int64_t)s->outputs;
    *outputs = positions > 1 ? (nn_array){NN_F32, 3, {rows, positions, width}, NULL}
                             : (nn_array){NN_F32, 2, {rows, width}, NULL};
    outputs->data = t->trainer.step_parts.output;
    return 0;
}

/* The part that follows `after`. */
static int begin_phase(nn_training *t, nn_training_phase after, const char *what,
                       const char *instead) {
    NN_TRY(nn_training_check(t, nn_training_at(t) == after, what, instead));
    nn_training_enter(t);
    t->phase = after + 1;
    return 0;
}

int nn_training_take_loss(nn_training *t, double *loss) {
    NN_TRY(nn_training_check(t, loss, "nn_training_take_loss", "loss is NULL"));
    NN_TRY(begin_phase(t, NN_TRAINING_FORWARD, "nn_training_take_loss",
                       "nn_training_forward comes first"));
    return nn_training_leave(t, nn_trainer_take_loss(&t->trainer, loss));
}

int nn_training_backward(nn_training *t) {
    NN_TRY(begin_phase(t, NN_TRAINING_LOSS, "nn_training_backward",
                       "nn_training_take_loss comes first"));
    nn_trainer_backward(&t->trainer);
    return nn_training_leave(t, 0);
}

int nn_training_sum_gradients(nn_training *t) {
    NN_TRY(begin_phase(t, NN_TRAINING_BACKWARD, "nn_training_sum_gradients",
                       "nn_training_backward comes first"));
    return nn_training_leave(t, nn_trainer_sum_gradients(&t->trainer));
}

int nn_training_update(nn_training *t) {
    NN_TRY(begin_phase(t, NN_TRAINING_SUMMED, "nn_training_update",
                       "nn_training_sum_gradients comes first"));
    return nn_training_leave(t, nn_trainer_update(&t->trainer));
}

/* ---- predictions ----------------------------------------------------------------------------- */

size_t nn_training_most_rows(const nn_training *t) {
    return t ? t->trainer.session.capacity : 0;
}

size_t nn_training_prediction_size(const nn_training *t) {
    return t ? t->trainer.session.positions * t->trainer.session.outputs : 0;
}

struct prediction {
    const nn_session *session;
    float *y;
};

static void put_prediction(void *ctx, const nn_output_part *part) {
    const struct prediction *p = ctx;
    nn_loss_activation(p->session->loss, part->count, part->z,
                       p->y + part->begin * p->session->outputs);
}

/* Rows of x and len, at most as many as there is room for. */
static int predict_some(nn_training *t, const nn_array array[NN_DATA_FIELDS], int64_t first,
                        int64_t rows, float *y) {
    nn_session *s = &t->trainer.session;
    nn_array part[NN_DATA_FIELDS] = {{.rank = 0}};
    size_t count;
    for (size_t i = 0; i < NN_DATA_FIELDS; i++) {
        part[i] = array[i];
        part[i].dim[0] = rows;
        if (array[i].data)
            part[i].data =
                (const char *)array[i].data + (size_t)first * nn_array_row_bytes(&array[i]);
    }
    NN_TRY(nn_loader_supply(t->inputs, part, &count));
    nn_batch batch = nn_loader_make_supplied(t->inputs, 0, 0, rows);
    nn_pass pass = {.batch = count, .sample = batch.sample, .length = batch.length};
    struct prediction prediction = {s, y};
    nn_model_forward(s->model, &pass, batch.x);
    nn_session_output(s, &pass, &batch, put_prediction, &prediction);
    return nn_session_fault(s);
}

static int predict(nn_training *t, const nn_minibatch *batch, float *y) {
    nn_session *s = &t->trainer.session;
    const nn_array array[NN_DATA_FIELDS] = {[NN_DATA_X] = batch->x, [NN_DATA_LENGTH] = batch->len};
    int64_t total = batch->x.rank > 0 ? batch->x.dim[0] : 0,
            most = (int64_t)nn_session_most_at_once(s);
    size_t width = nn_training_prediction_size(t);
    int rc = 0;
    for (size_t i = 0; i < NN_DATA_FIELDS; i++)
        if (array[i].rank != 0)
            NN_TRY(nn_array_check(&array[i], "an array to predict from"));
    if (array[NN_DATA_LENGTH].rank != 0 && array[NN_DATA_LENGTH].dim[0] != total)
        return nn_fail(NN_EUSAGE, "there are %lld rows of x to predict from, and %lld of len",
                       (long long)total, (long long)array[NN_DATA_LENGTH].dim[0]);
    if (!y && total > 0)
        return nn_fail(NN_EUSAGE, "nn_training_predict: y is NULL");
    if (!t->inputs)
        NN_TRY(nn_session_loader_supplied(s, true, &t->inputs));
    nn_model_use(s->model, nn_session_model_params(s));
    for (int64_t first = 0; rc == 0 && first < total; first += most)
        rc = predict_some(t, array, first, total - first < most ? total - first : most,
                          y + (size_t)first * width);
    nn_model_use(s->model, s->params);
    return rc;
}

/* One rank alone can neither drop a step, whose memory or parameters this takes, nor end the
 * training. */
static int check_whole(const nn_training *t, const char *what) {
    nn_training_phase at = nn_training_at(t);
    NN_TRY(nn_training_check_between_or_finished(t, what));
    if (at == NN_TRAINING_FINISHED || at == NN_TRAINING_READY)
        return 0;
    return nn_fail(NN_EUSAGE, "%s: a step in parts is under way: nn_training_update ends it", what);
}

int nn_training_predict(nn_training *t, const nn_minibatch *batch, float *y) {
    nn_minibatch mine;
    NN_TRY(check_whole(t, "nn_training_predict"));
    if (!batch)
        return nn_fail(NN_EUSAGE, "nn_training_predict: batch is NULL");
    NN_TRY(nn_training_read_minibatch(batch, &mine));
    nn_training_enter(t);
    int rc = predict(t, &mine, y);
    nn_training_leave(t, 0);
    return rc;
}

/* What the program does with tokens is no training, and no stall. */
int nn_training_generate(nn_training *t, const nn_generation *how, size_t count,
                         const nn_prompt *prompt, nn_token_fn *told, void *ctx) {
    nn_generator *g;
    NN_TRY(check_whole(t, "nn_training_generate"));
    const nn_session *s = &t->trainer.session;
    const nn_text_model model = {.name = "nn_training_generate",
                                 .data = nn_data_traits_of(s->data),
                                 .loss = nn_loss_ops_of(s->loss),
                                 .layers = s->settings->model,
                                 .model = s->model,
                                 .params = nn_session_model_params(s)};
    NN_TRY(nn_generator_new(&model, nn_smaller(count > 0 ? count : 1, NN_TEXTS),
                            nn_compute_threads(&s->compute), &g));
    int rc = nn_generate(g, how, count, prompt, told, ctx);
    nn_generator_free(g);
    return rc;
}
