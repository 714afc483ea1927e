/* Images are cut into bands of rows, whose input is copied where there is something to pad. */
#ifndef NN_MATH_CONV_BAND_H
#define NN_MATH_CONV_BAND_H

#include "math/conv/view.h"

/* Output rows [row, row + rows) of one plane of an image. */
typedef struct conv_band {
    size_t image, plane, row, rows;
    bool single; /* with NN_CONV_IMAGE_PAIRS: there is no image beside it */
} conv_band;

/* Most rows of a band: what it reads and writes fits well into a level-2 cache. */
size_t conv_band_rows(const conv_view *v);
/* Elements of the copy of a band's input. */
size_t conv_band_size(const conv_view *v);
/* Elements from one plane of taps to the next in the input of a band. */
size_t conv_tap_plane(const conv_view *v);
/* Where the output of a band begins. */
size_t conv_band_output(const conv_view *v, const conv_band *band);
/* The band that begins with row `at` of all rows of all images, and is followed by no more than
 * `left` of them. */
conv_band conv_band_at(const conv_view *v, size_t at, size_t left);
/* The input of a band, with zeros around it, as conv->operand has it; `copy` is used where there is
 * something to pad or to round. */
const nn_real *conv_band_input(const conv_view *v, const conv_band *band, const nn_real *x,
                               nn_real *copy);

#endif
