/* Images turned and stretched about their centre. */
#include "base/numbers/elementary.h"
#include "data/augment/augmentations.h"

#include <stddef.h>

/* (row, column) = m (h, w) around the centre. */
static void about_centre(nn_warp *warp, int64_t high, int64_t wide, const double m[2][2]) {
    double h = 0.5 * (double)(high - 1), w = 0.5 * (double)(wide - 1);

    nn_warp_then(warp, &(nn_warp){{{m[0][0], m[0][1], h - m[0][0] * h - m[0][1] * w},
                                   {m[1][0], m[1][1], w - m[1][0] * h - m[1][1] * w}}});
}

typedef struct spread_options {
    double most;
} spread_options;

static void rotate_move(const void *options, const nn_rng *rng, int64_t high, int64_t wide,
                        nn_warp *warp) {
    const spread_options *o = options;
    nn_circle at = nn_circle_at(nn_augment_spread(rng, 0, o->most) / 360);

    about_centre(warp, high, wide,
                 (const double[2][2]){{at.cosine, at.sine}, {-at.sine, at.cosine}});
}

static void zoom_move(const void *options, const nn_rng *rng, int64_t high, int64_t wide,
                      nn_warp *warp) {
    const spread_options *o = options;
    double step = 1 / (1 + nn_augment_spread(rng, 0, o->most));

    about_centre(warp, high, wide, (const double[2][2]){{step, 0}, {0, step}});
}

static const nn_option rotate_table[] = {
    {"degrees", NN_OPT_REAL, offsetof(spread_options, most), "10", "[0, 180]",
     "largest angle in either direction"},
    NN_OPTION_END,
};

const nn_augment_ops nn_augment_rotate = {
    .entry = {"rotate",
              "images turned about their centre by a random angle, with bilinear interpolation",
              rotate_table, sizeof(spread_options)},
    .move = rotate_move,
};

static const nn_option zoom_table[] = {
    {"by", NN_OPT_REAL, offsetof(spread_options, most), "0.1", "[0, 1)",
     "largest change of size: 0.1 makes images 0.9 to 1.1 times as large"},
    NN_OPTION_END,
};

const nn_augment_ops nn_augment_zoom = {
    .entry = {"zoom",
              "images made larger or smaller about their centre by a random factor, with bilinear "
              "interpolation",
              zoom_table, sizeof(spread_options)},
    .move = zoom_move,
};
