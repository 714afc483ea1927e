/* Rotary positions (Su et al. 2021): at step t elements i and i + d/2 of the d of a head are a
 * point of a plane that turns by the angle t base^(-2i/d), so that products of q and k see how far
 * apart their steps are. */
#ifndef NN_NN_LAYERS_ATTENTION_ROTARY_H
#define NN_NN_LAYERS_ATTENTION_ROTARY_H

#include "nn/layers/attention/attention.h"

typedef enum nn_rotary_direction { NN_ROTARY_FORWARD, NN_ROTARY_BACKWARD } nn_rotary_direction;

/* turns[steps][cosine, sine][dim / 2] of heads of `dim` elements, which is even. */
void nn_rotary_fill(double base, size_t steps, size_t dim, nn_real *turns);

/* Turns the rows of `batch` samples of up to as many steps, heads of `dim` elements side by side in
 * `width`. */
void nn_rotary_turn(const nn_compute *compute, const nn_real *turns, size_t dim, size_t batch,
                    size_t steps, nn_attention_rows rows, size_t width,
                    nn_rotary_direction direction);

#endif
