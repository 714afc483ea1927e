/* What the figures of a trained model share. */
#ifndef NN_TRAIN_FIGURES_INNER_H
#define NN_TRAIN_FIGURES_INNER_H

#include "train/evaluate/evaluation.h"
#include "train/figures/figures.h"
#include "train/session/session.h"

/* A run's model, and what is drawn of it. */
typedef struct figures {
    nn_plot *plot;
    const nn_figures_wanted *wanted;
    nn_probe *probe;
    nn_session *session; /* of the probe */
} figures;

/* "roc-2" of the second run; owned by the plot, NULL with the error set. */
const char *figures_id(const figures *f, const char *id);
/* A new figure whose id and title tell its run; NULL with the error set. */
nn_figure *figures_add(const figures *f, nn_figure_kind kind, const char *id, const char *title,
                       const char *about);

/* What the class `class` is called; owned by the plot, NULL with the error set. */
const char *figures_class_name(const figures *f, size_t class);
/* Classes that outputs tell apart. */
static inline size_t figures_classes(const figures *f, const nn_target *target) {
    return target->label ? nn_loss_classes(f->session->outputs) : 0;
}

/* Is what the model says of a sample, y [outputs] after the activation of the loss, no probability?
 */
bool figures_are_scores(const nn_metric_spec *reading, size_t outputs, const nn_real *y);
/* The probability of a class, or its score. A lone output is that of class 1; class 0 has what is
 * as far on the other side of where it is decided. */
double figures_likeness(const nn_metric_spec *reading, size_t outputs, const nn_real *y,
                        size_t class);

/* Pixels [count] of numbers, the least as black and the largest as white; owned by the plot, NULL
 * with the error set. */
unsigned char *figures_pixels(nn_plot *plot, size_t count, const nn_real *x);

/* Room on both sides of the ends of an axis, `share` of what is between them. */
static inline void figures_widen(double ends[2], double share) {
    double room = ends[1] > ends[0] ? (ends[1] - ends[0]) * share : 0.5;
    ends[0] -= room;
    ends[1] += room;
}

/* Each adds its figures, or none where the model has nothing of the kind. */
int figures_of_samples(const figures *f);
int figures_of_table(const figures *f);
int figures_of_surface(const figures *f);
int figures_of_filters(const figures *f);
int figures_of_maps(const figures *f);

#endif
