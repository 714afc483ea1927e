/* Numbers made to have mean 0 and standard deviation 1 over the training samples. */
#ifndef NN_DATA_VALUES_NORMALIZE_H
#define NN_DATA_VALUES_NORMALIZE_H

#include "data/dataset.h"
#include "data/values/convert.h"

/* Computes what `data.normalize` asks for from the split train, reading it once, and uses it from
 * now on; nothing when it does not ask. `images`: rows [H, W] are images of one channel and no
 * sequences [T, F], of which lengths would say the same. The numbers do not depend on ranks and
 * threads. Local. */
int nn_dataset_normalize(nn_dataset *ds, bool images);

/* Uses these means and deviations (count 0: none), which are copied. NN_EMEMORY. */
int nn_dataset_set_normal(nn_dataset *ds, const nn_normal *normal);

/* Both as one affine map of rows of this shape; numbers of a new one are memory of `pool`.
 * NN_EMEMORY. */
int nn_affine_join(const nn_affine *affine, const nn_normal *normal, const nn_shape *shape,
                   nn_pool *pool, nn_affine *out);

/* Stored x as the model sees it: `affine`, then `normal`, images channels-last. Memory comes from
 * `pool`. NN_EMEMORY. */
int nn_converter_init_x(nn_converter *converter, const nn_field *x, const nn_affine *affine,
                        const nn_normal *normal, nn_pool *pool);

#endif
