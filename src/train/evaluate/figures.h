/* Figures of what a trained model says about samples. */
#ifndef NN_TRAIN_EVALUATE_FIGURES_H
#define NN_TRAIN_EVALUATE_FIGURES_H

#include "plot/plot.h"

#include <nnmpi/comm.h>

/* Adds those of the run's best or else last checkpoint on about `most` samples of its data: for
 * classes confusion, ROC, calibration and the worst mistakes, for a number what is predicted over
 * what is true. `name` of the run is put into titles, NULL: it is the only one; `index` tells ids
 * apart. One rank. NN_EFORMAT, NN_EIO, NN_EMEMORY. */
int nn_plot_predictions(nn_plot *plot, nn_comm *comm, const char *run, const char *name,
                        size_t index, int64_t most);

#endif
