/* Tensors of a training where they lie. Parameters that ranks share are written by one of them; the
 * others have a copy to write to, so that all may do the same. */
#include "base/sized.h"
#include "train/training/training.h"

#include <string.h>

/* No rank reads parameters any more when it is back, and copies are there. */
static int begin_writing(nn_training *t) {
    const nn_session *s = &t->trainer.session;
    nn_training_enter(t);
    nn_training_drop(t);
    int rc = nn_staging_settle(&t->trainer.session);
    if (rc < 0)
        return nn_training_leave(t, rc);
    if (!nn_reducer_writes(s->reducer)) {
        size_t n = nn_model_size(s->model);
        rc = NN_NEW(&t->copy, n, "a copy of the parameters to write to");
        if (rc == 0)
            memcpy(t->copy, s->params, n * sizeof *t->copy);
    }
    return nn_training_leave(t, nn_comm_agree(t->trainer.comm, rc));
}

static int end_writing(nn_training *t) {
    nn_trainer *trainer = &t->trainer;
    const nn_session *s = &trainer->session;
    nn_training_enter(t);
    nn_free(t->copy);
    t->copy = NULL;
    if (s->average && trainer->state.step == 0 && nn_reducer_writes(s->reducer))
        memcpy(s->average, s->params, nn_model_size(s->model) * sizeof *s->average);
    trainer->saved_step = trainer->validated_step = -1; /* it is another state now */
    return nn_training_leave(t, nn_comm_agree(trainer->comm, 0));
}

int nn_training_take(nn_training *t, nn_access access) {
    static const char what[] = "nn_training_take";
    if (access < NN_READ_PARAMETERS || access > NN_GRADIENTS)
        return nn_fail(NN_EUSAGE, "%s: %d is no nn_access", what, (int)access);
    if (access == NN_GRADIENTS)
        NN_TRY(nn_training_check_gradients(t, what));
    else if (access == NN_WRITE_PARAMETERS || nn_training_at(t) != NN_TRAINING_FINISHED)
        NN_TRY(nn_training_check_between(t, what));
    else if (t->taken)
        return nn_fail(NN_EUSAGE, "%s: " NN_TRAINING_TAKEN, what);
    if (access == NN_WRITE_PARAMETERS)
        NN_TRY(begin_writing(t));
    t->taken = access;
    return 0;
}

/* Those that the digest is of after the end, as nn_training_get has it. */
static nn_real *parameters(const nn_training *t) {
    const nn_session *s = &t->trainer.session;
    if (t->copy)
        return t->copy;
    return t->phase == NN_TRAINING_FINISHED ? nn_session_model_params(s) : s->params;
}

int nn_training_view(const nn_training *t, const char *tensor, nn_view *view) {
    static const char what[] = "nn_training_view";
    const nn_param *param;
    size_t stride[NN_PARAM_RANK];
    nn_view found = {.weight = 1};
    if (!t || !t->taken)
        return nn_fail(NN_EUSAGE, "%s: nn_training_take comes first", what);
    if (!view)
        return nn_fail(NN_EUSAGE, "%s: view is NULL", what);
    NN_TRY(nn_sized_check("nn_view", view->size, sizeof found));
    NN_TRY(nn_training_find(t, tensor, &param));
    if (t->taken != NN_GRADIENTS) {
        found.data = parameters(t) + param->offset;
    } else {
        found.data = nn_training_gradient(t, param);
        found.weight = t->trainer.step_parts.weight;
    }
    if (!found.data)
        return nn_training_no_gradient(what, tensor);
    found.size = view->size;
    found.rank = param->rank;
    nn_param_strides(param, stride);
    for (int i = 0; i < param->rank; i++) {
        found.dim[i] = param->dim[i];
        found.stride[i] = (int64_t)stride[i];
    }
    memcpy(view, &found, view->size);
    return 0;
}

int nn_training_restore(nn_training *t) {
    if (!t || !t->taken)
        return nn_fail(NN_EUSAGE, "nn_training_restore: nn_training_take comes first");
    nn_access access = t->taken;
    t->taken = 0;
    return access == NN_WRITE_PARAMETERS ? end_writing(t) : 0;
}
