/* Augmentation: training samples changed at random, differently in each epoch. What happens to a
 * sample is a function of (seed, epoch, its index in the split) alone, and where it comes several
 * times in an epoch, of which time that is; so it is the same on any number of ranks and threads
 * and after a resume. */
#ifndef NN_DATA_AUGMENT_AUGMENT_H
#define NN_DATA_AUGMENT_AUGMENT_H

#include "base/numbers/rng.h"
#include "base/options/option.h"
#include "base/real.h"
#include "base/shape.h"
#include "data/augment/warp.h"
#include "math/compute.h"

/* An augmentation; one of its functions is NULL. Both draw from `rng` alone. */
typedef struct nn_augment_ops {
    nn_entry entry;
    /* Adds to `warp` what it does to an image of `high` rows and `wide` columns. */
    void (*move)(const void *options, const nn_rng *rng, int64_t high, int64_t wide, nn_warp *warp);
    /* Changes the numbers of a sample. */
    void (*change)(const void *options, const nn_rng *rng, size_t n, nn_real *x);
} nn_augment_ops;

extern const nn_family nn_augmentations; /* augmentations.c: one row each */

#define NN_MAX_AUGMENTS 16

/* What the list `augment:` says. */
typedef struct nn_augment {
    size_t count;
    bool moves; /* some augmentation moves pixels */
    struct {
        const nn_augment_ops *ops;
        const void *options;
    } step[NN_MAX_AUGMENTS];
} nn_augment;

/* Reads the list (NULL: nothing) for samples of shape `x` as the model sees them and completes it
 * with the defaults. Options live in `pool`. NN_EUSAGE with the place. Local. */
int nn_augment_parse(nn_node *list, const nn_shape *x, nn_pool *pool, nn_augment *out);

/* out[i] = sample i of `count`, changed: first all moves as one, pixels from beyond the edge being
 * those of `fill` (one sample), then the changes in their order. `sample` are indices in the split,
 * or any other numbers that are different for what shall be changed differently. `in` may be `out`
 * unless pixels move. Local. */
typedef struct nn_augment_batch {
    const nn_compute *compute;
    const nn_augment *augment;
    nn_shape x;
    uint64_t seed;
    int64_t epoch;
    const int64_t *sample; /* [count] */
    const nn_real *fill;
    const nn_real *in; /* [count][x] */
    nn_real *out;      /* [count][x] */
} nn_augment_batch;
void nn_augment_apply(const nn_augment_batch *batch, size_t count);

/* ---- for the augmentations ------------------------------------------------------------------- */

/* Number `element` of a stream, uniform in [0, 1). */
double nn_augment_draw(const nn_rng *rng, uint64_t element);
/* The same in [-most, most]. */
double nn_augment_spread(const nn_rng *rng, uint64_t element, double most);

#endif
