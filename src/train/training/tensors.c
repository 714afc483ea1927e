/* The tensors of a training, their gradients, and parameters from a checkpoint and to one. */
#include "base/options/names.h"
#include "math/kernels.h"
#include "train/checkpoint/checkpoint_folder.h"
#include "train/training/training.h"

#include <string.h>

size_t nn_training_tensors(const nn_training *t) {
    const nn_param *const *param;
    return !t ? 0 : nn_model_params(t->trainer.session.model, &param);
}

const char *nn_training_tensor(const nn_training *t, size_t i, nn_array *shape) {
    const nn_param *const *param;
    if (i >= nn_training_tensors(t))
        return NULL;
    nn_model_params(t->trainer.session.model, &param);
    *shape = (nn_array){.type = NN_F32, .rank = param[i]->rank};
    for (int k = 0; k < param[i]->rank; k++)
        shape->dim[k] = param[i]->dim[k];
    return t->tensor[i];
}

int nn_training_find(const nn_training *t, const char *tensor, size_t *i, const nn_param **out) {
    const nn_param *const *param;
    size_t count = nn_model_params(t->trainer.session.model, &param);
    if (!tensor)
        return nn_fail(NN_EUSAGE, "the name of the tensor is NULL");
    nn_names names = {.count = 0};
    for (*i = 0; *i < count; ++*i) {
        *out = param[*i];
        if (strcmp(t->tensor[*i], tensor) == 0)
            return 0;
        nn_names_add(&names, t->tensor[*i]);
    }
    return nn_fail(NN_EUSAGE, "the model has no tensor '%s'%s", tensor,
                   nn_names_advice(&names, tensor, "there are"));
}

/* From the vector of the parameters that are trained, or of those that the model is evaluated with.
 */
static int get(nn_training *t, const char *what, const char *tensor, bool trained, float *values) {
    const nn_param *param;
    size_t i;
    bool finished = nn_training_at(t) == NN_TRAINING_FINISHED;
    NN_TRY(nn_training_check_between_or_finished(t, what));
    NN_TRY(nn_training_find(t, tensor, &i, &param));
    if (!values)
        return nn_fail(NN_EUSAGE, "%s: values is NULL", what);
    const nn_session *session = &t->trainer.session; /* what the digest is of, after the end */
    const nn_real *from = trained && !finished ? session->params : nn_session_model_params(session);
    nn_param_export(param, from + param->offset, values);
    return 0;
}

int nn_training_get(nn_training *t, const char *tensor, float *values) {
    return get(t, "nn_training_get", tensor, true, values);
}

int nn_training_get_average(nn_training *t, const char *tensor, float *values) {
    return get(t, "nn_training_get_average", tensor, false, values);
}

/* Into the parameters, or into their average, which begins with those before the first step. */
static void take(const nn_trainer *t, const nn_param *param, bool trained, const float *values) {
    const nn_session *session = &t->session;
    if (!nn_reducer_writes(session->reducer))
        return;
    if (trained || !session->average)
        nn_param_import(param, values, session->params + param->offset);
    if (session->average && (!trained || t->state.step == 0))
        nn_param_import(param, values, session->average + param->offset);
}

static int set(nn_training *t, const char *what, const char *tensor, bool trained,
               const float *values) {
    nn_trainer *trainer = &t->trainer;
    const nn_param *param;
    size_t i;
    NN_TRY(nn_training_check_between(t, what));
    NN_TRY(nn_training_find(t, tensor, &i, &param));
    NN_TRY(nn_training_check(t, values, what, "values is NULL"));
    nn_training_enter(t);
    nn_training_drop(t);
    int rc = nn_staging_complete_all(&trainer->session);
    if (rc < 0)
        return nn_training_leave(t, rc);
    take(trainer, param, trained, values);
    trainer->saved_step = trainer->validated_step = -1; /* it is another state now */
    return nn_training_leave(t, nn_comm_agree(trainer->comm, 0));
}

int nn_training_set(nn_training *t, const char *tensor, const float *values) {
    return set(t, "nn_training_set", tensor, true, values);
}

int nn_training_set_average(nn_training *t, const char *tensor, const float *values) {
    return set(t, "nn_training_set_average", tensor, false, values);
}

/* ---- gradients ------------------------------------------------------------------------------- */

int nn_training_check_gradients(const nn_training *t, const char *what) {
    nn_training_phase at = nn_training_at(t);
    NN_TRY(nn_training_check(t, at == NN_TRAINING_BACKWARD || at == NN_TRAINING_SUMMED, what,
                             "nn_training_backward comes first"));
    return nn_training_check(t, at == NN_TRAINING_SUMMED || !t->trainer.session.micro, what,
                             "with train.reproducible nn_training_sum_gradients comes first: until "
                             "then this rank has parts of several sums");
}

nn_real *nn_training_gradient(const nn_training *t, const nn_param *param) {
    bool none = param->role == NN_PARAM_STATE || param->layer->frozen;
    return none ? NULL : nn_reducer_grads(t->trainer.session.reducer) + param->offset;
}

int nn_training_no_gradient(const char *what, const char *tensor) {
    return nn_fail(NN_EUSAGE, "%s: '%s' has no gradient: it is a statistic, or its layer is frozen",
                   what, tensor);
}

/* `values` are the caller's, which are only looked at whether they are there. */
static int find_gradient(nn_training *t, const char *what, const char *tensor, const float *values,
                         const nn_param **param, nn_real **gradient) {
    size_t i;
    NN_TRY(nn_training_check_gradients(t, what));
    NN_TRY(nn_training_find(t, tensor, &i, param));
    NN_TRY(nn_training_check(t, values, what, "values is NULL"));
    *gradient = nn_training_gradient(t, *param);
    return 0;
}

int nn_training_get_gradient(nn_training *t, const char *tensor, float *values) {
    const nn_param *param;
    nn_real *gradient;
    NN_TRY(find_gradient(t, "nn_training_get_gradient", tensor, values, &param, &gradient));
    double weight = t->trainer.step_parts.weight;
    memset(values, 0, param->count * sizeof *values);
    if (!gradient || !(weight > 0))
        return 0;
    nn_param_export(param, gradient, values);
    nn_kernels_get()->scale(param->count, (nn_real)(1 / weight), values);
    return 0;
}

int nn_training_set_gradient(nn_training *t, const char *tensor, const float *values) {
    const nn_param *param;
    nn_real *gradient;
    NN_TRY(find_gradient(t, "nn_training_set_gradient", tensor, values, &param, &gradient));
    if (!gradient)
        return nn_training_no_gradient("nn_training_set_gradient", tensor);
    nn_param_import(param, values, gradient);
    nn_kernels_get()->scale(param->count, (nn_real)t->trainer.step_parts.weight, gradient);
    return 0;
}

/* ---- from a checkpoint, to a checkpoint -------------------------------------------------------
 */

/* On rank 0. What is wrong with the file is found before any parameter changes. */
static int load(const nn_session *session, const char *path) {
    size_t n = nn_model_size(session->model);
    nn_snapshot snapshot = {.model = session->model};
    nn_pool pool = {0};
    const char *file;
    int rc = 0;
    NN_TRY_GOTO(nn_checkpoint_pick(&pool, path, &file));
    NN_TRY_GOTO(NN_NEW(&snapshot.params, n, "parameters of a checkpoint"));
    memcpy(snapshot.params, session->params, n * sizeof(nn_real)); /* what is between tensors */
    NN_TRY_GOTO(nn_checkpoint_read(file, &pool, &snapshot));
    memcpy(session->params, snapshot.params, n * sizeof(nn_real));
    if (session->average)
        memcpy(session->average, snapshot.params, n * sizeof(nn_real));
done:
    nn_free(snapshot.params);
    nn_pool_release(&pool);
    return rc;
}

int nn_training_load(nn_training *t, const char *checkpoint) {
    NN_TRY(nn_training_check_between(t, "nn_training_load"));
    NN_TRY(nn_training_check(t, checkpoint, "nn_training_load", "checkpoint is NULL"));
    nn_trainer *trainer = &t->trainer;
    nn_training_enter(t);
    nn_training_drop(t);
    int rc = nn_staging_complete_all(&trainer->session);
    if (rc == 0 && nn_comm_rank(trainer->comm) == 0)
        rc = load(&trainer->session, checkpoint);
    rc = nn_comm_agree(trainer->comm, rc);
    if (rc < 0)
        return nn_training_forgive(t, rc);
    trainer->saved_step = trainer->validated_step = -1; /* it is another state now */
    return nn_training_leave(t, nn_session_distribute(&trainer->session, NULL));
}

static int write_params(const nn_trainer *t, const char *path, nn_config *config) {
    if (config)
        NN_TRY(nn_config_check(config));
    nn_snapshot snapshot = nn_session_snapshot(&t->session);
    snapshot.slots = 0; /* of which this rank may have a share only */
    snapshot.residual = (nn_residual_state){.nodes = 0};
    snapshot.state = t->state;
    snapshot.config = nn_config_text(config ? config : t->config);
    snapshot.history = "";
    return nn_checkpoint_write(path, &snapshot);
}

int nn_training_write(nn_training *t, const char *path, nn_config *config) {
    static const char what[] = "nn_training_write";
    NN_TRY(nn_training_check_between_or_finished(t, what));
    if (!path || !*path)
        return nn_fail(NN_EUSAGE, "%s: there is no path", what);
    nn_training_phase phase = t->phase;
    const nn_trainer *trainer = &t->trainer;
    nn_training_enter(t);
    if (phase != NN_TRAINING_FINISHED)
        nn_training_drop(t);
    int rc = nn_comm_rank(trainer->comm) == 0 ? write_params(trainer, path, config) : 0;
    rc = nn_comm_agree(trainer->comm, rc);
    nn_training_leave(t, rc == NN_ERANK ? rc : 0);
    return rc;
}
