/* Which token comes next, by what a model says of all. */
#ifndef NN_TRAIN_GENERATE_SAMPLE_H
#define NN_TRAIN_GENERATE_SAMPLE_H

#include "base/real.h"

#include <stddef.h>
#include <stdint.h>

/* How a token is drawn from probabilities softmax(z / temperature). */
typedef struct nn_sampling {
    double temperature; /* 0: always the most likely one */
    int64_t top_k;      /* only of so many most likely ones; 0: of all */
    double top_p;       /* then only of the fewest most likely ones with this probability together,
                           in (0, 1] (Holtzman et al. 2020) */
} nn_sampling;

typedef struct nn_candidate {
    double z, weight;
    int32_t token;
} nn_candidate;

/* The token for `u` in [0, 1), by z[count], of which -INFINITY are never drawn, but one is finite;
 * of equal ones the first counts as more likely. `room` [count]. -1 where some z is NaN or +Inf. */
int32_t nn_sample(const nn_sampling *how, size_t count, const nn_real *z, double u,
                  nn_candidate *room);

#endif
