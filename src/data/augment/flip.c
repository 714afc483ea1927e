#include "data/augment/augmentations.h"

#include <stddef.h>

enum { HORIZONTAL, VERTICAL, BOTH };

typedef struct flip_options {
    int direction;
    double probability;
} flip_options;

static void flip_move(const void *options, const nn_rng *rng, int64_t high, int64_t wide,
                      nn_warp *warp) {
    const flip_options *o = options;
    bool across = o->direction != VERTICAL && nn_augment_draw(rng, 0) < o->probability;
    bool over = o->direction != HORIZONTAL && nn_augment_draw(rng, 1) < o->probability;

    nn_warp_then(warp, &(nn_warp){{{over ? -1 : 1, 0, over ? (double)(high - 1) : 0},
                                   {0, across ? -1 : 1, across ? (double)(wide - 1) : 0}}});
}

static const nn_option flip_table[] = {
    {"direction", NN_OPT_CHOICE, offsetof(flip_options, direction), "horizontal",
     "horizontal|vertical|both", "horizontal: left and right change places; both: each by itself"},
    {"probability", NN_OPT_REAL, offsetof(flip_options, probability), "0.5", "[0, 1]", "how often"},
    NN_OPTION_END,
};

const nn_augment_ops nn_augment_flip = {
    .entry = {"flip", "images mirrored at random", flip_table, sizeof(flip_options)},
    .move = flip_move,
};
