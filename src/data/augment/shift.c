/* Images shifted by whole pixels. */
#include "data/augment/augmentations.h"

#include <stddef.h>

typedef struct shift_options {
    int64_t pixels;
} shift_options;

/* A whole number in [-most, most]. */
static double draw_whole(const nn_rng *rng, uint64_t element, int64_t most) {
    return (double)((int64_t)(nn_augment_draw(rng, element) * (double)(2 * most + 1)) - most);
}

static void shift_move(const void *options, const nn_rng *rng, int64_t high, int64_t wide,
                       nn_warp *warp) {
    const shift_options *o = options;

    (void)high;
    (void)wide;
    nn_warp_then(warp, &(nn_warp){{{1, 0, draw_whole(rng, 0, o->pixels)},
                                   {0, 1, draw_whole(rng, 1, o->pixels)}}});
}

static const nn_option shift_table[] = {
    {"pixels", NN_OPT_INT, offsetof(shift_options, pixels), "2", "[0, 1e6]",
     "largest shift in either direction"},
    NN_OPTION_END,
};

const nn_augment_ops nn_augment_shift = {
    .entry = {"shift",
              "images moved by a random number of pixels, down or up and right or left; what comes "
              "in from outside is 0 as stored",
              shift_table, sizeof(shift_options)},
    .move = shift_move,
};

static const nn_option crop_table[] = {
    {"padding", NN_OPT_INT, offsetof(shift_options, pixels), "4", "[0, 1e6]",
     "pixels that are put around the image"},
    NN_OPTION_END,
};

/* A window of the padded image is the image shifted by up to the padding. */
const nn_augment_ops nn_augment_crop = {
    .entry = {"crop",
              "a window of the image's own size, at a random place of the image with a border of "
              "pixels that are 0 as stored",
              crop_table, sizeof(shift_options)},
    .move = shift_move,
};
