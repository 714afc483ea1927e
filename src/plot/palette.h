/* Colours that people with any colour vision tell apart, after Okabe and Ito; those on white are
 * darker. */
#ifndef NN_PLOT_PALETTE_H
#define NN_PLOT_PALETTE_H

#include <stddef.h>

enum { NN_COLORS = 8 };

extern const char *const nn_palette_light[NN_COLORS], *const nn_palette_dark[NN_COLORS];

#endif
