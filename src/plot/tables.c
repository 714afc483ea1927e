/* What runs have come to, and how their configurations differ, as tables with a column a run. */
#include "plot/run.h"

#include <math.h>
#include <string.h>

/* ---- summary ----------------------------------------------------------------------------------
 */

static const char *number(nn_plot *plot, double value) {
    bool whole = fabs(value) < 1e15 && (value == floor(value) || fabs(value) >= 1e4);
    return isnan(value) ? "" : nn_pool_printf(plot->pool, whole ? "%.0f" : "%.4g", value);
}

static const char *duration(nn_plot *plot, double seconds) {
    long long s = (long long)seconds;
    if (isnan(seconds) || seconds < 0 || seconds > 1e12)
        return "";
    if (s < 60)
        return nn_pool_printf(plot->pool, "%.1f s", seconds);
    return nn_pool_printf(plot->pool, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
}

typedef struct row {
    const char *name, *event, *column;
} row;

/* NULL as event: what follows it is no number of a line. */
static const row rows[] = {{"steps", "train", "step"},
                           {"epochs", "train", "epoch"},
                           {"training loss", "train", "loss"},
                           {"validation loss", "validate", "loss"},
                           {"best validation at step", NULL, "best"},
                           {"test loss", "end", "loss"},
                           {"samples/s", NULL, "speed"},
                           {"time", NULL, "time"},
                           {"ranks", "end", "ranks"},
                           {"ended by", NULL, "why"},
                           {"digest", NULL, "digest"}};
enum { ROWS = sizeof rows / sizeof *rows, METRICS = 16 };

/* Of a run under way only the time of its steps is known. */
static const char *so_far(nn_plot *plot, const nn_plot_run *run) {
    const char *time =
        duration(plot, nn_plot_step_ms(run) / 1e3 * nn_event_last(run->train, "step"));
    return time && *time ? nn_pool_printf(plot->pool, "%s of steps", time) : time;
}

static const char *cell(nn_plot *plot, const nn_plot_run *run, const row *r) {
    const char *text;
    if (r->event)
        return number(plot, nn_event_last(nn_records_event(&run->records, r->event), r->column));
    if (strcmp(r->column, "best") == 0)
        return number(plot, run->best_step);
    if (strcmp(r->column, "speed") == 0)
        return number(plot, nn_event_last(run->end ? run->end : run->train, "samples_per_s"));
    if (strcmp(r->column, "time") == 0)
        return run->end ? duration(plot, nn_event_last(run->end, "seconds")) : so_far(plot, run);
    text = nn_event_text(plot->pool, run->end, r->column);
    return text ? text : strcmp(r->column, "why") == 0 ? "not ended" : "";
}

/* Adds the metrics that a run was tested by to those of the runs before it. */
static int find_metrics(nn_pool *pool, const nn_event_lines *end, row *metric, size_t *count) {
    for (size_t c = 0; end && c < end->columns && *count < METRICS; c++) {
        const char *name = end->column[c].name;
        size_t m = 0;
        while (m < *count && strcmp(metric[m].column, name) != 0)
            m++;
        if (m < *count || !nn_plot_is_metric(name))
            continue;
        metric[m] = (row){nn_pool_printf(pool, "test %s", name), "end", name};
        if (!metric[m].name)
            return NN_EMEMORY;
        ++*count;
    }
    return 0;
}

static int fill_row(nn_plot *plot, nn_figure *figure, const nn_plot_run *run, size_t runs,
                    const row *r) {
    const char **out = &figure->cell[figure->rows * runs];
    bool any = false;
    figure->row[figure->rows] = r->name;
    for (size_t i = 0; i < runs; i++) {
        out[i] = cell(plot, &run[i], r);
        if (!out[i])
            return NN_EMEMORY;
        any = any || *out[i];
    }
    figure->rows += any;
    return 0;
}

int nn_plot_summary(nn_plot *plot, const nn_plot_run *run, size_t runs) {
    row metric[METRICS];
    size_t metrics = 0;
    for (size_t i = 0; i < runs; i++)
        NN_TRY(find_metrics(plot->pool, run[i].end, metric, &metrics));
    nn_figure *figure = nn_plot_add(plot, NN_FIGURE_TABLE, "summary", "Summary", "");
    if (!figure || nn_figure_table(plot, figure, ROWS + metrics, runs) < 0)
        return NN_EMEMORY;
    figure->rows = 0;
    for (size_t i = 0; i < runs; i++)
        figure->column[i] = run[i].name;
    for (size_t m = 0; m < metrics; m++)
        NN_TRY(fill_row(plot, figure, run, runs, &metric[m]));
    for (size_t r = 0; r < ROWS; r++)
        NN_TRY(fill_row(plot, figure, run, runs, &rows[r]));
    return 0;
}

/* ---- configurations ---------------------------------------------------------------------------
 */

/* The keys of all configurations, in the order in which they are met. */
typedef struct keys {
    nn_plot *plot;
    size_t runs, count, capacity;
    struct {
        const char *name;
        const char **text; /* [runs], "" where a run does not have it */
    } * key;
} keys;

static int note(keys *k, size_t run, const char *name, const char *text) {
    size_t i = 0;
    if (!text)
        return NN_EMEMORY;
    while (i < k->count && strcmp(k->key[i].name, name) != 0)
        i++;
    if (i == k->count) {
        NN_TRY(NN_GROW(k->plot->pool, &k->key, k->count, &k->capacity));
        k->key[i].name = name;
        k->key[i].text = nn_pool_alloc(k->plot->pool, k->runs * sizeof *k->key[i].text);
        if (!k->key[i].text)
            return NN_EMEMORY;
        for (size_t r = 0; r < k->runs; r++)
            k->key[i].text[r] = "";
        k->count++;
    }
    k->key[i].text[run] = text;
    return 0;
}

/* Lists of numbers, as data that stand in the configuration, are told by their length. */
static int flatten(keys *k, size_t run, const char *path, const nn_node *node) {
    nn_pool *pool = k->plot->pool;
    if (node->kind == NN_NODE_SCALAR || node->count == 0)
        return note(k, run, path, node->kind == NN_NODE_SCALAR ? node->text : "{}");
    if (node->kind == NN_NODE_LIST && node->count > 16)
        return note(k, run, path, nn_pool_printf(pool, "%zu items", node->count));
    for (size_t i = 0; i < node->count; i++) {
        const nn_node *item = node->item[i];
        const char *dot = *path ? "." : "";
        const char *below = item->key ? nn_pool_printf(pool, "%s%s%s", path, dot, item->key)
                                      : nn_pool_printf(pool, "%s%s%zu", path, dot, i);
        if (!below)
            return NN_EMEMORY;
        NN_TRY(flatten(k, run, below, item));
    }
    return 0;
}

static bool is_same(const keys *k, size_t key) {
    for (size_t r = 1; r < k->runs; r++)
        if (strcmp(k->key[key].text[0], k->key[key].text[r]) != 0)
            return false;
    return true;
}

static int table_of(nn_plot *plot, const nn_plot_run *run, const keys *k, bool differences) {
    nn_figure *figure =
        differences ? nn_plot_add(plot, NN_FIGURE_TABLE, "differences", "How the runs differ",
                                  "Keys of the configuration that the runs do not have alike.")
                    : nn_plot_add(plot, NN_FIGURE_TABLE, "configuration",
                                  k->runs > 1 ? "What the runs have alike" : "Configuration",
                                  "config.yaml, with defaults and what the command line said.");
    size_t columns = differences ? k->runs : 1;
    if (!figure || nn_figure_table(plot, figure, k->count, columns) < 0)
        return NN_EMEMORY;
    figure->rows = 0;
    for (size_t c = 0; c < columns; c++)
        figure->column[c] = differences ? run[c].name : "value";
    for (size_t i = 0; i < k->count; i++) {
        if (is_same(k, i) == differences)
            continue;
        figure->row[figure->rows] = k->key[i].name;
        for (size_t c = 0; c < columns; c++)
            figure->cell[figure->rows * columns + c] = k->key[i].text[c];
        figure->rows++;
    }
    if (figure->rows == 0)
        nn_plot_drop(plot);
    return 0;
}

int nn_plot_configurations(nn_plot *plot, const nn_plot_run *run, size_t runs, bool differences) {
    keys k = {.plot = plot, .runs = runs};
    for (size_t i = 0; i < runs; i++)
        NN_TRY(flatten(&k, i, "", run[i].config));
    return table_of(plot, run, &k, differences);
}
