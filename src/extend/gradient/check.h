/* The inside of nn_gradient_check: setup.c (the model and the numbers that it is tried with),
 * promises.c (what a custom layer has to keep to), check.c (its gradients and those by
 * differences). */
#ifndef NN_EXTEND_GRADIENT_CHECK_H
#define NN_EXTEND_GRADIENT_CHECK_H

#include "nn/losses/loss.h"
#include "nn/model.h"

#include <nnmpi/extend.h>

typedef struct gradient_check {
    nn_gradient_options options;
    nn_pool pool;
    nn_model *model;
    nn_loss *loss;          /* NULL: the sum of r z */
    size_t inputs, outputs; /* of all rows */
    const int32_t *indices; /* of nn_model_indices */
    nn_real *params, *grads, *x;
    nn_real *r, *z, *dz; /* [outputs]; z: a copy */
    nn_real *first;      /* gradients of params, then x: those of the first call */
    nn_target target;
    nn_pass pass;
    bool by_input; /* x is derived by */
    bool own;      /* a layer or the loss is the program's own ... */
    bool fixed;    /* ... and promises the same bits */
    nn_gradient_result found;
} gradient_check;

/* The model, the loss (NULL: the sum of r z) and their memory, for c->options; to be torn down
 * after a failure, too. NN_EUSAGE, NN_EMEMORY. Local. */
int gradient_set_up(gradient_check *c, const char *model, const char *loss);
void gradient_tear_down(gradient_check *c);

/* Forward, loss, back-propagation: z and dz, and the gradients, added to what is there where so
 * wanted. The code of a custom layer or loss that failed. Local. */
int gradient_run(gradient_check *c, bool accumulate);
int gradient_fault(const gradient_check *c);

/* After the first run, whose gradients are in c->first: a second call gives the same, and adds to
 * the gradients of parameters; rows do not depend on each other. NN_EUSAGE. Local. */
int gradient_check_promises(gradient_check *c);

/* Of `count` numbers. */
double gradient_root_mean_square(size_t count, const nn_real *x);

#endif
