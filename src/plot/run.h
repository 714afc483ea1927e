/* A run folder as it is drawn, and the figures of one or several. */
#ifndef NN_PLOT_RUN_H
#define NN_PLOT_RUN_H

#include "base/options/node.h"
#include "plot/plot.h"
#include "plot/records.h"

enum { NN_PHASES = 5 };

struct nn_plot_run {
    const char *name; /* of its folder */
    nn_records records;
    const nn_event_lines *train, *validate, *checkpoint, *end; /* NULL: no such lines */
    nn_node *config;
    double best_step; /* of the best validation; NaN: none */
    /* of all lines, as the folder has them: */
    double phase_ms[NN_PHASES]; /* mean of a step of rank 0; NaN: none */
    size_t ranks;               /* whose working time is known, */
    double *rank_ms;            /* [ranks] and how long, as a mean of a step */
    size_t stragglers;          /* ranks that were ever the slowest, */
    double *straggler, *behind; /* [stragglers] which, rising, and in how many lines */
};

/* Reads the folder; of its lines about as many stay as are drawn when there are `runs` of them. */
int nn_plot_run_read(nn_pool *pool, const char *folder, size_t runs, nn_plot_run *run);

/* Takes what bars show from all lines of the run, before they are thinned. NN_EMEMORY. */
int nn_plot_read_times(nn_pool *pool, nn_plot_run *run);
/* Milliseconds of all phases of a step together; NaN: none was measured. */
double nn_plot_step_ms(const nn_plot_run *run);

/* Columns of `validate` and `end` that metrics have. */
bool nn_plot_is_metric(const char *name);

/* Each adds its figures, or none where no run has the numbers. The first are tables. */
int nn_plot_summary(nn_plot *plot, const nn_plot_run *run, size_t runs);
int nn_plot_configurations(nn_plot *plot, const nn_plot_run *run, size_t runs, bool differences);
int nn_plot_learning(nn_plot *plot, const nn_plot_run *run, size_t runs);
/* log.weights: histograms over the steps, of the only run. */
int nn_plot_weights(nn_plot *plot, const nn_plot_run *run);
int nn_plot_speed(nn_plot *plot, const nn_plot_run *run, size_t runs);

/* "train" for the only run, "run-3 train" for one of several; owned by the plot. */
const char *nn_plot_label(nn_plot *plot, const nn_plot_run *run, size_t runs, const char *what);

/* A column of an event, over the steps. */
typedef struct nn_curve {
    const char *event, *column, *label;
    nn_line_style style;
} nn_curve;

typedef struct nn_chart {
    const char *id, *title, *about, *y; /* y: what the axis shows */
    bool log_y, alone;                  /* alone: for a single run only */
    nn_curve curve[6];                  /* up to the first without an event */
} nn_chart;

/* A curve of train lines for each member of an object, of each run: the chart's first column is
 * "delta.". */
int nn_plot_members(nn_plot *plot, const nn_plot_run *run, size_t runs, const nn_chart *chart);

/* Draws the curves of all runs; *out NULL: none has such numbers. */
int nn_plot_chart(nn_plot *plot, const nn_plot_run *run, size_t runs, const nn_chart *chart,
                  nn_figure **out);

#endif
