/* Which initialiser each parameter of a model has. */
#ifndef NN_NN_INIT_H
#define NN_NN_INIT_H

#include "nn/initializers/initializer.h"
#include "nn/model.h"

/* Binds the initialiser that `node` names (NULL: left alone); `options` is owned by `pool`. */
int nn_initializer_bind(nn_pool *pool, const nn_node *node, const nn_initializer_ops **ops,
                        void **options);

/* Gives every parameter without an initialiser its default and refuses those that would keep the
 * units of a hidden layer identical. */
int nn_model_choose_initializers(nn_model *model);

#endif
