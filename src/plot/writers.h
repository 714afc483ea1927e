/* What writes one figure. */
#ifndef NN_PLOT_WRITERS_H
#define NN_PLOT_WRITERS_H

#include "plot/plot.h"

#include <stdio.h>

typedef void nn_figure_writer(FILE *out, const nn_figure *figure);
nn_figure_writer nn_figure_csv; /* any kind */
nn_figure_writer nn_figure_svg; /* but tables */
/* A plane or a graph as an element of the page, in its colours. */
nn_figure_writer nn_figure_svg_within;

#endif
