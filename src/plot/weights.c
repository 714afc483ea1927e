/* log.weights: how the numbers of each tensor are distributed, as the run went on. */
#include "plot/run.h"

#include <math.h>
#include <string.h>

#define MOST_FIGURES 12
#define ROWS 60 /* of a grid */
#define MOST_COLUMNS 120

/* What a line says of one tensor: bins from `least` to `most`. */
typedef struct histogram {
    double step, least, most;
    const double *bin;
    size_t bins;
} histogram;

/* The tensors' names are those of the columns "tensors.fc1/weight.least", in their order. */
static const char *tensor_of(nn_pool *pool, const char *column) {
    static const char prefix[] = "tensors.", end[] = ".least";
    size_t length = strlen(column);
    if (strncmp(column, prefix, sizeof prefix - 1) != 0 || length < sizeof prefix + sizeof end ||
        strcmp(column + length - (sizeof end - 1), end) != 0)
        return NULL;
    char *name = nn_pool_strdup(pool, column + sizeof prefix - 1);
    if (name)
        name[strlen(name) - (sizeof end - 1)] = '\0';
    return name;
}

static double column_of(nn_pool *pool, const nn_event_lines *lines, const char *tensor,
                        const char *what, size_t row) {
    const char *name = nn_pool_printf(pool, "tensors.%s.%s", tensor, what);
    const double *value = name ? nn_event_column(lines, name) : NULL;
    return value ? value[row] : NAN;
}

/* Share of the numbers in [low, low + height), where those of a bin lie evenly. */
static double share_in(const histogram *h, double low, double height) {
    double width = (h->most - h->least) / (double)h->bins, sum = 0, all = 0;
    for (size_t b = 0; b < h->bins; b++) {
        double from = h->least + (double)b * width, to = from + width;
        double both = fmin(to, low + height) - fmax(from, low);
        all += h->bin[b];
        if (width > 0)
            sum += both > 0 ? h->bin[b] * both / width : 0;
        else if (h->least >= low && h->least < low + height)
            sum += h->bin[b];
    }
    return all > 0 ? sum / all : 0;
}

/* A column for each stretch of steps, of the histogram that is the nearest to its middle. */
static int fill_grid(nn_plot *plot, const histogram *h, size_t count, nn_figure_grid *g) {
    double *value = nn_pool_alloc(plot->pool, ROWS * g->columns * sizeof *value);
    size_t *color = nn_pool_alloc(plot->pool, ROWS * g->columns * sizeof *color), at = 0;
    double height = (g->y[1] - g->y[0]) / ROWS;
    if (!value || !color)
        return NN_EMEMORY;
    for (size_t c = 0; c < g->columns; c++) {
        double step = nn_figure_grid_place(g->x, g->columns, c), most = 0;
        while (at + 1 < count && fabs(h[at + 1].step - step) <= fabs(h[at].step - step))
            at++;
        for (size_t r = 0; r < ROWS; r++) {
            double share = share_in(&h[at], g->y[0] + (double)r * height, height);
            value[r * g->columns + c] = share;
            most = fmax(most, share);
        }
        for (size_t r = 0; r < ROWS && most > 0; r++) /* a root, so that tails are seen */
            value[r * g->columns + c] = sqrt(value[r * g->columns + c] / most);
    }
    g->value = value;
    g->color = color;
    return 0;
}

static int add_figure(nn_plot *plot, const char *tensor, const histogram *h, size_t count) {
    const char *id = nn_plot_id(plot, "weights", tensor);
    nn_figure_grid *g = nn_pool_alloc(plot->pool, sizeof *g);
    nn_figure *figure =
        id && g ? nn_plot_add(plot, NN_FIGURE_PLANE, id, tensor,
                              "Histograms of its numbers over the steps, the stronger, the more "
                              "of them there are; of each step its most frequent is strongest.")
                : NULL;
    if (!figure)
        return NN_EMEMORY;
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        least = fmin(least, h[i].least);
        most = fmax(most, h[i].most);
    }
    double room = most > least ? 0 : fmax(fabs(most) * 0.1, 0.5);
    double half = (h[count - 1].step - h[0].step) / (double)(count - 1) / 2;
    *g = (nn_figure_grid){.rows = ROWS,
                          .columns = count < MOST_COLUMNS ? count : MOST_COLUMNS,
                          .x = {h[0].step - half, h[count - 1].step + half},
                          .y = {least - room, most + room}};
    figure->x = "step";
    figure->y = "value";
    figure->grid = g;
    return fill_grid(plot, h, count, g);
}

/* It can be drawn, behind those before it. */
static bool is_drawn(const histogram *h, double before) {
    return h->bin && h->step > before && h->least <= h->most && h->least > -1e300 &&
           h->most < 1e300;
}

/* Those of the lines that say something about it. */
static int read_tensor(nn_plot *plot, const nn_event_lines *lines, const char *tensor, size_t index,
                       double *const *table, const size_t *rows, const size_t *bins) {
    const double *step = nn_event_column(lines, "step");
    histogram *h = nn_pool_alloc(plot->pool, lines->rows * sizeof *h);
    size_t count = 0;
    if (!h)
        return NN_EMEMORY;
    for (size_t r = 0; r < lines->rows; r++) {
        h[count] = (histogram){step[r], column_of(plot->pool, lines, tensor, "least", r),
                               column_of(plot->pool, lines, tensor, "most", r),
                               index < rows[r] ? table[r] + index * bins[r] : NULL, bins[r]};
        count += is_drawn(&h[count], count ? h[count - 1].step : -1);
    }
    return count > 1 ? add_figure(plot, tensor, h, count) : 0;
}

int nn_plot_weights(nn_plot *plot, const nn_plot_run *run) {
    const nn_event_lines *lines = nn_records_event(&run->records, "weights");
    size_t lined = lines ? lines->rows : 0, tensors = 0;
    double **table = nn_pool_alloc(plot->pool, lined * sizeof *table);
    size_t *rows = nn_pool_alloc(plot->pool, lined * sizeof *rows);
    size_t *bins = nn_pool_alloc(plot->pool, lined * sizeof *bins);
    if (!table || !rows || !bins)
        return NN_EMEMORY;
    for (size_t r = 0; r < lined; r++)
        NN_TRY(nn_event_table(plot->pool, lines, r, "counts", &rows[r], &bins[r], &table[r]));
    for (size_t c = 0; lines && c < lines->columns && tensors < MOST_FIGURES; c++) {
        const char *tensor = tensor_of(plot->pool, lines->column[c].name);
        if (tensor)
            NN_TRY(read_tensor(plot, lines, tensor, tensors++, table, rows, bins));
    }
    return 0;
}
