/* For tests of losses: a loss that is made from its text. */
#ifndef NN_TESTS_NN_LOSSES_LOSS_TRIAL_H
#define NN_TESTS_NN_LOSSES_LOSS_TRIAL_H

#include "check.h"
#include "io/yaml/yaml.h"
#include "nn/losses/loss.h"

#include <string.h>

typedef struct loss_trial {
    nn_pool pool;
    nn_loss *loss;
} loss_trial;

/* The code of nn_loss_new; loss_trial_release follows in any case. */
static int loss_trial_new(loss_trial *t, const char *yaml, const nn_loss_spec *spec) {
    nn_node *node;

    *t = (loss_trial){0};
    NN_TRY(nn_yaml_parse(&t->pool, "test", yaml, strlen(yaml), &node));
    return nn_loss_new(node, spec, &t->loss);
}

static void loss_trial_release(loss_trial *t) {
    nn_loss_free(t->loss);
    nn_pool_release(&t->pool);
}

#endif
