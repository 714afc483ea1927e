/* What a run has learned: loss, metrics, learning rate, gradients. */
#include "base/options/option.h"
#include "nn/metrics/metric.h"
#include "plot/run.h"

#include <math.h>
#include <string.h>

/* The number of an event's column at a step; NaN where there is none. */
static double value_at(const nn_event_lines *lines, const char *column, double step) {
    const double *x = nn_event_column(lines, "step"), *y = nn_event_column(lines, column);
    for (size_t i = 0; x && y && i < lines->rows; i++)
        if (x[i] == step)
            return y[i];
    return NAN;
}

/* The best validation, and where the run ended; one mark where that is the same step. */
static int mark_run(nn_plot *plot, nn_figure *figure, const nn_plot_run *run, size_t color,
                    const char *column) {
    const char *why = nn_event_text(plot->pool, run->end, "why");
    double best = run->best_step, end = nn_event_last(run->end, "step");
    nn_figure_mark mark = {"best", color, best, value_at(run->validate, column, best)};
    if (!isnan(mark.y) && best != end)
        NN_TRY(nn_figure_add_mark(plot, figure, mark));
    if (!why)
        return 0;
    mark.x = end;
    mark.y = value_at(run->validate, column, end);
    mark.text = nn_pool_printf(plot->pool, "%send: %s", best == end ? "best, " : "", why);
    if (!mark.text)
        return NN_EMEMORY;
    return isnan(mark.y) ? 0 : nn_figure_add_mark(plot, figure, mark);
}

/* The chart with its marks, which are on the last of its curves. */
static int plot_validated(nn_plot *plot, const nn_plot_run *run, size_t runs,
                          const nn_chart *chart) {
    nn_figure *figure;
    size_t last = 0;
    NN_TRY(nn_plot_chart(plot, run, runs, chart, &figure));
    while (chart->curve[last + 1].event)
        last++;
    for (size_t i = 0; figure && i < runs; i++)
        NN_TRY(mark_run(plot, figure, &run[i], runs > 1 ? i : last, chart->curve[last].column));
    return 0;
}

bool nn_plot_is_metric(const char *name) {
    static const char *const others[] = {"step",  "epoch",     "samples", "ignored",       "loss",
                                         "ranks", "best_step", "seconds", "samples_per_s", NULL};
    for (const char *const *o = others; *o; o++)
        if (strcmp(*o, name) == 0)
            return false;
    return true;
}

static bool seen_before(const nn_plot_run *run, size_t runs, const char *name) {
    for (size_t i = 0; i < runs; i++)
        if (nn_event_column(run[i].validate, name))
            return true;
    return false;
}

/* "top_k" becomes "Top k"; owned by `pool`, NULL with the error set. */
static char *title_of(nn_pool *pool, const char *name) {
    char *title = nn_pool_strdup(pool, name);
    for (char *c = title; c && *c; c++)
        *c = *c == '_' ? ' ' : *c;
    if (title && *title >= 'a' && *title <= 'z')
        *title = (char)(*title - 'a' + 'A');
    return title;
}

/* Only a built-in metric has its own name, as names of other figures are to be kept out. */
static const char *id_of(nn_plot *plot, const char *name) {
    const nn_metric_ops *ops = (const nn_metric_ops *)nn_family_find(&nn_metrics, name);
    return ops && !ops->table_only ? name : nn_plot_id(plot, "metric", name);
}

static int plot_metric(nn_plot *plot, const nn_plot_run *run, size_t runs, const char *name) {
    const nn_chart chart = {.id = id_of(plot, name),
                            .title = title_of(plot->pool, name),
                            .about = "On the samples of the validation.",
                            .y = name,
                            .curve = {{"validate", name, "validation", NN_LINE_SOLID}}};
    return chart.id && chart.title ? plot_validated(plot, run, runs, &chart) : NN_EMEMORY;
}

static int plot_metrics(nn_plot *plot, const nn_plot_run *run, size_t runs) {
    for (size_t i = 0; i < runs; i++)
        for (size_t c = 0; run[i].validate && c < run[i].validate->columns; c++) {
            const char *name = run[i].validate->column[c].name;
            if (nn_plot_is_metric(name) && !seen_before(run, i, name))
                NN_TRY(plot_metric(plot, run, runs, name));
        }
    return 0;
}

int nn_plot_members(nn_plot *plot, const nn_plot_run *run, size_t runs, const nn_chart *chart) {
    const char *prefix = chart->curve[0].column;
    size_t length = strlen(prefix);
    nn_figure *figure = nn_plot_add(plot, NN_FIGURE_LINES, chart->id, chart->title, chart->about);
    if (!figure)
        return NN_EMEMORY;
    figure->x = "step";
    figure->y = chart->y;
    figure->log_y = chart->log_y;
    for (size_t i = 0; i < runs; i++)
        for (size_t c = 0; run[i].train && c < run[i].train->columns; c++) {
            const char *name = run[i].train->column[c].name;
            if (strncmp(name, prefix, length) != 0)
                continue;
            nn_series s = {.name = nn_plot_label(plot, &run[i], runs, name + length),
                           .color = figure->series,
                           .style = i % 2 ? NN_LINE_DASHED : NN_LINE_SOLID,
                           .count = run[i].train->rows,
                           .x = nn_event_column(run[i].train, "step"),
                           .y = run[i].train->column[c].value};
            if (!s.name)
                return NN_EMEMORY;
            NN_TRY(nn_figure_series(plot, figure, s));
        }
    if (figure->series == 0)
        nn_plot_drop(plot);
    return 0;
}

/* Rows and columns are classes, which the line may name. */
static int name_classes(nn_pool *pool, const nn_event_lines *lines, nn_figure *figure) {
    size_t names;
    char **name;
    NN_TRY(nn_event_texts(pool, lines, "classes", &names, &name));
    for (size_t i = 0; i < figure->rows || i < figure->columns; i++) {
        const char *class = i < names ? name[i] : nn_pool_printf(pool, "%zu", i);
        if (!class)
            return NN_EMEMORY;
        if (i < figure->rows)
            figure->row[i] = class;
        if (i < figure->columns)
            figure->column[i] = class;
    }
    return 0;
}

/* The confusion matrix of the newest validation, or of the test at the end. */
static int plot_confusion(nn_plot *plot, const nn_plot_run *run, size_t runs) {
    for (size_t i = 0; i < runs; i++) {
        size_t rows = 0, columns;
        double *value;
        const nn_event_lines *lines = NULL, *order[] = {run[i].end, run[i].validate};
        for (int o = 0; o < 2 && rows == 0; o++) {
            lines = order[o];
            if (lines)
                NN_TRY(nn_event_table(plot->pool, lines, lines->rows - 1, "confusion", &rows,
                                      &columns, &value));
        }
        if (rows == 0)
            continue;
        const char *split = nn_event_text(plot->pool, lines, "split");
        const char *id = i ? nn_pool_printf(plot->pool, "confusion-%zu", i + 1) : "confusion";
        const char *title = nn_pool_printf(plot->pool, "Confusion matrix%s%s",
                                           runs > 1 ? " of " : "", runs > 1 ? run[i].name : "");
        const char *about =
            nn_pool_printf(plot->pool, "Samples of '%s': what is on the diagonal is right.",
                           split ? split : "validation");
        nn_figure *figure =
            id && title && about ? nn_plot_add(plot, NN_FIGURE_HEAT, id, title, about) : NULL;
        if (!figure || nn_figure_table(plot, figure, rows, columns) < 0)
            return NN_EMEMORY;
        figure->x = "predicted";
        figure->y = "class";
        figure->value = value;
        NN_TRY(name_classes(plot->pool, lines, figure));
    }
    return 0;
}

int nn_plot_learning(nn_plot *plot, const nn_plot_run *run, size_t runs) {
    static const nn_chart loss = {
        .id = "loss",
        .title = "Loss",
        .about = "The training loss is the mean since the point before. Where that of validation "
                 "rises while that of training falls, the model learns its samples by heart.",
        .y = "loss",
        .curve = {{"train", "loss", "train", NN_LINE_SOLID},
                  {"validate", "loss", "validation", NN_LINE_DASHED}}};
    static const nn_chart rate = {.id = "lr",
                                  .title = "Learning rate",
                                  .about =
                                      "As schedule and warm-up made it, at the step of each line.",
                                  .y = "learning rate",
                                  .curve = {{"train", "lr", "learning rate", NN_LINE_SOLID}}};
    static const nn_chart gradients = {
        .id = "gradients",
        .title = "Gradient that reaches each layer",
        .about = "Root of the mean square norm of dC/dy over the samples of a step. Where the "
                 "first layers get far less than the last ones, gradients vanish.",
        .y = "norm of dC/dy",
        .log_y = true,
        .curve = {{"train", "delta.", "", NN_LINE_SOLID}}};
    static const nn_chart updates = {
        .id = "updates",
        .title = "How much a step changes each layer",
        .about = "Norm of the change over that of the parameters. About 0.001 is usual: far more "
                 "is unstable, far less learns slowly.",
        .y = "relative change",
        .log_y = true,
        .curve = {{"train", "update.", "", NN_LINE_SOLID}}};
    nn_figure *figure;
    NN_TRY(plot_validated(plot, run, runs, &loss));
    NN_TRY(plot_metrics(plot, run, runs));
    NN_TRY(nn_plot_chart(plot, run, runs, &rate, &figure));
    NN_TRY(nn_plot_members(plot, run, runs, &gradients));
    NN_TRY(nn_plot_members(plot, run, runs, &updates));
    if (runs == 1)
        NN_TRY(nn_plot_weights(plot, run));
    return plot_confusion(plot, run, runs);
}
