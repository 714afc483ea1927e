/* Images are cut into bands of rows, whose input is copied where there is something to pad. */
#ifndef NN_MATH_CONV_BAND_H
#define NN_MATH_CONV_BAND_H

#include "math/conv/view.h"

/* Output rows [row, row + rows) of one image. */
typedef struct conv_band {
    size_t image, row, rows;
    bool single; /* with NN_CONV_IMAGE_PAIRS: there is no image beside it */
} conv_band;

/* Most rows of a band: what it reads and writes fits well into a level-2 cache. */
size_t conv_band_rows(const conv_view *v);
/* Elements of the copy of a band's input. */
size_t conv_band_size(const conv_view *v);
/* The input of a band, with zeros around it, as conv->operand has it; `copy` is used where there is
 * something to pad or to round. */
const nn_real *conv_band_input(const conv_view *v, const conv_band *band, const nn_real *x,
                               nn_real *copy);

#endif
