#include "plot/run.h"

#include "base/options/option.h"
#include "io/files/file.h"
#include "io/files/folder.h"
#include "io/yaml/yaml.h"
#include "nn/metrics/metric.h"

#include <math.h>
#include <string.h>

/* Numbers of all runs together: curves of them have less than 2 MB. */
#define MOST_NUMBERS 80000
#define MOST_LINES 2000 /* of an event, more than a screen has columns of pixels */
#define LEAST_LINES 60

static int thin(nn_records *records, size_t runs, double best_step) {
    for (size_t i = 0; i < records->events; i++) {
        nn_event_lines *lines = &records->event[i];
        size_t most = MOST_NUMBERS / (runs * (lines->columns + 1));
        most = most > MOST_LINES ? MOST_LINES : most < LEAST_LINES ? LEAST_LINES : most;
        NN_TRY(nn_event_thin(lines, most, best_step));
    }
    return 0;
}

/* What early stopping looks at, as the configuration says. */
static const char *watched(const nn_node *config) {
    const nn_node *stopping = nn_node_get(nn_node_get(config, "validate"), "early_stopping");
    const char *metric = nn_node_text(stopping, "metric");
    return *metric ? metric : "loss";
}

/* The run says it itself at its end. */
static double find_best(const nn_plot_run *run) {
    const char *name = watched(run->config);
    const double *value = nn_event_column(run->validate, name),
                 *step = nn_event_column(run->validate, "step");
    const nn_metric_ops *ops = (const nn_metric_ops *)nn_family_find(&nn_metrics, name);
    double said = nn_event_last(run->end, "best_step"), best = NAN, at = NAN;
    if (said >= 0)
        return said;
    for (size_t i = 0; value && step && i < run->validate->rows; i++) {
        double v = ops && ops->larger_is_better ? -value[i] : value[i];
        if (isnan(best) || v < best) {
            best = v;
            at = step[i];
        }
    }
    return at;
}

/* The last part of the path; "." and what ends in a slash, too. */
static const char *name_of(nn_pool *pool, const char *folder) {
    char *name = nn_pool_strdup(pool, folder);
    size_t length = strlen(folder);
    if (!name)
        return NULL;
    while (length > 1 && name[length - 1] == '/')
        name[--length] = '\0';
    const char *slash = strrchr(name, '/');
    return slash && slash[1] ? slash + 1 : name;
}

int nn_plot_run_read(nn_pool *pool, const char *folder, size_t runs, nn_plot_run *run) {
    const char *metrics = nn_pool_printf(pool, "%s/metrics.jsonl", folder);
    const char *config = nn_pool_printf(pool, "%s/config.yaml", folder);
    *run = (nn_plot_run){.name = name_of(pool, folder)};
    if (!metrics || !config || !run->name)
        return NN_EMEMORY;
    if (!nn_file_exists(metrics) || !nn_file_exists(config))
        return nn_fail(NN_EUSAGE,
                       nn_is_folder(folder)
                           ? "'%s' is no run folder: it has no metrics.jsonl and config.yaml"
                           : "'%s' is no folder; a run folder is wanted, as `nnmpi train --run` "
                             "makes it",
                       folder);
    NN_TRY(nn_yaml_load(pool, config, &run->config));
    NN_TRY(nn_records_read(pool, metrics, &run->records));
    run->train = nn_records_event(&run->records, "train");
    run->validate = nn_records_event(&run->records, "validate");
    run->checkpoint = nn_records_event(&run->records, "checkpoint");
    run->end = nn_records_event(&run->records, "end");
    run->best_step = find_best(run);
    NN_TRY(nn_plot_read_times(pool, run));
    return thin(&run->records, runs, run->best_step);
}

const char *nn_plot_label(nn_plot *plot, const nn_plot_run *run, size_t runs, const char *what) {
    if (runs == 1)
        return what;
    return *what ? nn_pool_printf(plot->pool, "%s %s", run->name, what) : run->name;
}

static int add_curve(nn_plot *plot, nn_figure *figure, const nn_plot_run *run, size_t runs,
                     const nn_curve *curve, const char *label, size_t color) {
    const nn_event_lines *lines = nn_records_event(&run->records, curve->event);
    nn_series s = {.name = nn_plot_label(plot, run, runs, label),
                   .color = color,
                   .style = curve->style,
                   .count = lines ? lines->rows : 0,
                   .x = nn_event_column(lines, "step"),
                   .y = nn_event_column(lines, curve->column)};
    if (!s.name)
        return NN_EMEMORY;
    return s.x && s.y ? nn_figure_series(plot, figure, s) : 0;
}

int nn_plot_chart(nn_plot *plot, const nn_plot_run *run, size_t runs, const nn_chart *chart,
                  nn_figure **out) {
    bool single = !chart->curve[1].event;
    *out = NULL;
    if (chart->alone && runs > 1)
        return 0;
    nn_figure *figure = nn_plot_add(plot, NN_FIGURE_LINES, chart->id, chart->title, chart->about);
    if (!figure)
        return NN_EMEMORY;
    figure->x = "step";
    figure->y = chart->y;
    figure->log_y = chart->log_y;
    for (size_t i = 0; i < runs; i++)
        for (size_t c = 0; chart->curve[c].event; c++)
            NN_TRY(add_curve(plot, figure, &run[i], runs, &chart->curve[c],
                             runs > 1 && single ? "" : chart->curve[c].label, runs > 1 ? i : c));
    if (figure->series == 0)
        nn_plot_drop(plot);
    else
        *out = figure;
    return 0;
}

/* Folders whose last names are the same are told apart by their paths. */
static int tell_apart(nn_pool *pool, nn_plot_run *run, const char *const *folder, size_t runs) {
    bool *shared = nn_pool_alloc(pool, runs * sizeof *shared);
    if (!shared)
        return NN_EMEMORY;
    for (size_t i = 0; i < runs; i++)
        for (size_t j = 0; j < runs; j++)
            shared[i] = shared[i] || (j != i && strcmp(run[i].name, run[j].name) == 0);
    for (size_t i = 0; i < runs; i++)
        run[i].name = shared[i] ? folder[i] : run[i].name;
    return 0;
}

int nn_plot_runs(nn_plot *plot, const char *const *folder, size_t runs) {
    nn_plot_run *run = nn_pool_alloc(plot->pool, runs * sizeof *run);
    if (!run)
        return NN_EMEMORY;
    for (size_t i = 0; i < runs; i++)
        NN_TRY(nn_plot_run_read(plot->pool, folder[i], runs, &run[i]));
    NN_TRY(tell_apart(plot->pool, run, folder, runs));
    plot->run = run;
    if (!plot->title)
        plot->title = runs == 1 ? run->name : nn_pool_printf(plot->pool, "%zu runs", runs);
    if (!plot->title)
        return NN_EMEMORY;
    NN_TRY(nn_plot_summary(plot, run, runs));
    if (runs > 1)
        NN_TRY(nn_plot_configurations(plot, run, runs, true));
    NN_TRY(nn_plot_learning(plot, run, runs));
    NN_TRY(nn_plot_speed(plot, run, runs));
    return nn_plot_configurations(plot, run, runs, false);
}
