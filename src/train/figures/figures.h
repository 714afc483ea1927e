/* Figures of trained models: what they say about samples, and what they are made of. */
#ifndef NN_TRAIN_FIGURES_FIGURES_H
#define NN_TRAIN_FIGURES_FIGURES_H

#include "plot/plot.h"

#include <nnmpi/comm.h>

typedef struct nn_figures_wanted {
    const char *const *run; /* [runs] folders of all that are drawn; of several, titles have them */
    size_t runs, index;     /* which of them this one is */
    int64_t samples;        /* that the model says something about, about so many; 0: no figures
                               of them */
    const char *boundary;   /* "width,length" or "0,3": columns of x that are axes; NULL: those of a
                               table that has no others */
    int64_t sample;         /* whose feature maps are drawn; -1: none */
} nn_figures_wanted;

/* Adds figures of the run's best or else last checkpoint and of its data: for classes confusion,
 * ROC, calibration and the worst mistakes; for a number what is predicted over what is true; of a
 * table the decision boundary over two of its columns, or what is predicted over its only one; of
 * a model with two parameters, with the first run, the paths of all over the loss.
 * After nn_plot_runs of these folders.
 * Where data or checkpoint are not to be had, a warning says so and none are added. One rank.
 * NN_EUSAGE for wishes that cannot be fulfilled, NN_EFORMAT, NN_EIO, NN_EMEMORY. */
int nn_plot_predictions(nn_plot *plot, nn_comm *comm, const nn_figures_wanted *wanted);

#endif
