/* Tensors of a training where they lie. Where ranks share the parameters, all write to copies of
 * what they view, so that none views what another has written; those of one rank become the
 * parameters. */
#include "base/sized.h"
#include "train/training/training.h"

#include <string.h>

/* No rank reads parameters any more when it is back. */
static int begin_writing(nn_training *t) {
    nn_training_enter(t);
    nn_training_drop(t);
    return nn_training_leave(
        t, nn_comm_agree(t->trainer.comm, nn_staging_complete_all(&t->trainer.session)));
}

void nn_training_drop_views(nn_training *t) {
    for (size_t i = 0; i < nn_training_tensors(t); i++) {
        nn_free(t->view[i].copy);
        t->view[i] = (struct nn_viewed){.viewed = false};
    }
}

/* Copies of what was viewed become the parameters, and what is written before the first step
 * becomes the average. */
static void keep_written(const nn_training *t) {
    const nn_session *s = &t->trainer.session;
    const nn_param *const *param;
    size_t count = nn_model_params(s->model, &param);
    for (size_t i = 0; i < count; i++) {
        nn_real *values = s->params + param[i]->offset;
        size_t bytes = param[i]->count * sizeof *values;
        if (t->view[i].copy)
            memcpy(values, t->view[i].copy, bytes);
        if (t->view[i].viewed && s->average && t->trainer.state.step == 0)
            memcpy(s->average + param[i]->offset, values, bytes);
    }
}

static int end_writing(nn_training *t) {
    nn_trainer *trainer = &t->trainer;
    nn_training_enter(t);
    int rc = nn_comm_agree(trainer->comm, 0); /* none copies any more */
    if (rc == 0 && nn_reducer_writes(trainer->session.reducer))
        keep_written(t);
    nn_training_drop_views(t);
    trainer->saved_step = trainer->validated_step = -1; /* it is another state now */
    return nn_training_leave(t, rc < 0 ? rc : nn_comm_agree(trainer->comm, 0));
}

int nn_training_take(nn_training *t, nn_access access) {
    static const char what[] = "nn_training_take";
    if (access < NN_READ_PARAMETERS || access > NN_GRADIENTS)
        return nn_fail(NN_EUSAGE, "%s: %d is no nn_access", what, (int)access);
    if (access == NN_GRADIENTS)
        NN_TRY(nn_training_check_gradients(t, what));
    else if (access == NN_WRITE_PARAMETERS)
        NN_TRY(nn_training_check_between(t, what));
    else
        NN_TRY(nn_training_check_between_or_finished(t, what));
    if (access == NN_WRITE_PARAMETERS)
        NN_TRY(begin_writing(t));
    t->taken = access;
    return 0;
}

/* To be written here, or, where ranks share the parameters, in a copy. */
static int view_to_write(struct nn_viewed *view, const nn_session *s, const nn_param *param,
                         nn_real **out) {
    nn_real *values = s->params + param->offset;
    if (nn_reducer_shares(s->reducer) && !view->copy) {
        NN_TRY(NN_NEW(&view->copy, param->count, "a copy of a tensor to write to"));
        memcpy(view->copy, values, param->count * sizeof *values);
    }
    view->viewed = true;
    *out = view->copy ? view->copy : values;
    return 0;
}

/* After the end those that the digest is of, as nn_training_get has it. */
static int view_parameter(const nn_training *t, size_t i, const nn_param *param, nn_real **out) {
    const nn_session *s = &t->trainer.session;
    if (t->taken == NN_WRITE_PARAMETERS)
        return view_to_write(&t->view[i], s, param, out);
    *out =
        (t->phase == NN_TRAINING_FINISHED ? nn_session_model_params(s) : s->params) + param->offset;
    return 0;
}

int nn_training_view(const nn_training *t, const char *tensor, nn_view *view) {
    static const char what[] = "nn_training_view";
    const nn_param *param;
    size_t i, stride[NN_PARAM_RANK];
    nn_view found = {.weight = 1};
    if (!t || !t->taken)
        return nn_fail(NN_EUSAGE, "%s: nn_training_take comes first", what);
    if (!view)
        return nn_fail(NN_EUSAGE, "%s: view is NULL", what);
    NN_TRY(nn_sized_check("nn_view", view->size, sizeof found));
    NN_TRY(nn_training_find(t, tensor, &i, &param));
    if (t->taken != NN_GRADIENTS) {
        NN_TRY(view_parameter(t, i, param, &found.data));
    } else {
        found.data = nn_training_gradient(t, param);
        found.weight = t->trainer.step_parts.weight;
    }
    if (!found.data)
        return nn_training_no_gradient(what, tensor);
    found.size = view->size;
    found.rank = param->rank;
    nn_param_strides(param, stride);
    for (int k = 0; k < param->rank; k++) {
        found.dim[k] = param->dim[k];
        found.stride[k] = (int64_t)stride[k];
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
