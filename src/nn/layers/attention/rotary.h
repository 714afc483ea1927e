/* Rotary positions (Su et al. 2021): at step t elements i and i + d/2 of the d of a head are a
 * point of a plane that turns by the angle t base^(-2i/d), so that products of q and k see how far
 * apart their steps are. */
#ifndef NN_NN_LAYERS_ATTENTION_ROTARY_H
#define NN_NN_LAYERS_ATTENTION_ROTARY_H

#include "base/mem.h"
#include "nn/layers/attention/attention.h"

typedef struct nn_rotary nn_rotary;
typedef enum nn_rotary_way { NN_ROTARY_ON, NN_ROTARY_BACK } nn_rotary_way;

/* For up to `steps`, and heads of `dim` elements, which is even; in `pool`. NN_EMEMORY. */
int nn_rotary_new(nn_pool *pool, double base, size_t steps, size_t dim, nn_rotary **out);

/* Turns the rows of `batch` samples of `steps`, heads side by side in `width` elements. */
void nn_rotary_turn(const nn_compute *compute, const nn_rotary *rotary, size_t batch, size_t steps,
                    nn_attention_rows rows, size_t width, nn_rotary_way way);

#endif
