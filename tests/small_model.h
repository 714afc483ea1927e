/* A model, its loss and its optimiser from YAML text, for tests that train by hand. */
#ifndef NN_TESTS_SMALL_MODEL_H
#define NN_TESTS_SMALL_MODEL_H

#include "check.h"
#include "io/yaml/yaml.h"
#include "nn/losses/loss.h"
#include "nn/model.h"

/* How the models of a test compute. */
static nn_compute small_model_compute;

struct small_model {
    nn_pool pool;
    nn_model *model;
    nn_loss *loss;
    nn_real *params, *grads;
};

static inline int small_model_set_up(struct small_model *s, const char *layers, nn_shape input,
                                     const char *loss, const nn_loss_spec *spec) {
    nn_node *node, *loss_node = NULL;
    const nn_loss_ops *ops = NULL;
    *s = (struct small_model){0};
    if (loss) {
        loss_node = nn_node_scalar(&s->pool, loss);
        NN_TRY(nn_loss_pick(loss_node, &ops));
        nn_loss_spec own = *spec;
        own.compute = &small_model_compute;
        NN_TRY(nn_loss_new(loss_node, &own, &s->loss));
    }
    NN_TRY(nn_yaml_parse(&s->pool, "model", layers, strlen(layers), &node));
    NN_TRY(nn_model_plan(node, input, ops ? ops->fuses : NULL, &s->model));
    nn_model_set_compute(s->model, &small_model_compute);
    NN_TRY(NN_NEW(&s->params, nn_model_size(s->model), "parameters"));
    NN_TRY(NN_NEW(&s->grads, nn_model_size(s->model), "gradients"));
    NN_TRY(nn_model_init(s->model, 1, s->params));
    return nn_model_bind(s->model, s->params, s->grads, spec ? spec->batch : 1);
}

/* The test cannot go on without its model: says why and counts as a failed check. */
static inline bool small_model_new(struct small_model *s, const char *layers, nn_shape input,
                                   const char *loss, const nn_loss_spec *spec) {
    int rc = small_model_set_up(s, layers, input, loss, spec);
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", layers, nn_error_message());
    return CHECK(rc == 0);
}

static inline void small_model_release(struct small_model *s) {
    nn_loss_free(s->loss);
    nn_model_free(s->model);
    nn_free(s->params);
    nn_free(s->grads);
    nn_pool_release(&s->pool);
}

/* The named parameter's values. */
static inline nn_real *small_model_param(struct small_model *s, size_t index) {
    const nn_param *const *param;
    nn_model_params(s->model, &param);
    return s->params + param[index]->offset;
}

/* The sum of losses over the batch; its gradient by the parameters goes to grads. */
static inline double small_model_gradient(struct small_model *s, size_t batch, const nn_real *x,
                                          const nn_target *target) {
    nn_pass pass = {.batch = batch, .training = true};
    nn_loss_sum sum = {0};
    const nn_real *z = nn_model_forward(s->model, &pass, x);
    nn_loss_eval(s->loss, batch, z, target, &sum, nn_model_output_grad(s->model));
    nn_model_backward(s->model, &pass, NULL, NULL);
    return sum.loss;
}

#endif
