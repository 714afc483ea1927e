/* What a model makes of the rows of a table: the decision boundary over two columns, or the curve
 * that it has fitted to one. */
#include "data/values/normalize.h"
#include "nn/metrics/metrics.h"
#include "train/figures/inner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN 0.08 /* of the range of the samples, on each side */
#define CELLS 100   /* of the grid, across and down */
#define CURVE 241   /* points */
#define MOST_POINTS 1500
#define SCORE 0.8 /* how regions look whose outputs are no probabilities */

/* The samples, as the model sees them, and what is to be predicted. */
typedef struct table {
    const figures *f;
    nn_shape shape;
    size_t columns, count, capacity, classes;
    nn_real *x;    /* [count][columns] */
    double *y;     /* [count] class or number */
    double *mean;  /* [columns] */
    nn_real *said; /* [outputs] of one row */
    nn_affine affine;
    size_t axis[2];
} table;

/* ---- the samples ------------------------------------------------------------------------------
 */

static int keep_rows(void *ctx, const nn_session *session, const char *split, const nn_batch *batch,
                     const nn_real *z) {
    table *t = ctx;
    const nn_target *target = &batch->target;
    (void)session;
    (void)split;
    (void)z;
    t->classes = figures_classes(t->f, target);
    for (size_t i = 0; i < batch->count && t->count < t->capacity; i++) {
        if (target->label && target->label[i] < 0)
            continue;
        memcpy(t->x + t->count * t->columns, batch->x + i * t->columns, t->columns * sizeof *t->x);
        t->y[t->count++] =
            target->label ? target->label[i] : (double)target->value[i * target->width];
    }
    return 0;
}

static int read_rows(table *t) {
    nn_pool *pool = t->f->plot->pool;
    int64_t all = nn_probe_samples(t->f->probe), wanted = t->f->wanted->samples;
    t->capacity = (size_t)(wanted < all ? wanted : all);
    t->x = nn_pool_alloc(pool, t->capacity * t->columns * sizeof *t->x);
    t->y = nn_pool_alloc(pool, t->capacity * sizeof *t->y);
    t->mean = nn_pool_alloc(pool, t->columns * sizeof *t->mean);
    t->said = nn_pool_alloc(pool, t->f->session->outputs * sizeof *t->said);
    if (!t->x || !t->y || !t->mean || !t->said)
        return NN_EMEMORY;
    NN_TRY(nn_probe_rows(t->f->probe, wanted, keep_rows, t));
    for (size_t i = 0; i < t->count; i++)
        for (size_t c = 0; c < t->columns; c++)
            t->mean[c] += (double)t->x[i * t->columns + c] / (double)t->count;
    return 0;
}

/* Numbers of a column as they stand in the data set, and as the model sees them. */
static double stored(const table *t, size_t column, double seen) {
    const nn_affine *a = &t->affine;
    size_t i = a->count ? nn_affine_index(a->count, &t->shape, column) : 0;
    return a->count ? (seen - a->offset[i]) / a->scale[i] : seen;
}

static double as_seen(const table *t, size_t column, double number) {
    const nn_affine *a = &t->affine;
    size_t i = a->count ? nn_affine_index(a->count, &t->shape, column) : 0;
    return a->count ? number * a->scale[i] + a->offset[i] : number;
}

static void find_range(const table *t, size_t column, double ends[2]) {
    ends[0] = INFINITY;
    ends[1] = -INFINITY;
    for (size_t i = 0; i < t->count; i++) {
        double value = stored(t, column, (double)t->x[i * t->columns + column]);
        ends[0] = fmin(ends[0], value);
        ends[1] = fmax(ends[1], value);
    }
    figures_widen(ends, MARGIN);
}

/* ---- the columns ------------------------------------------------------------------------------
 */

static const char *column_name(const table *t, size_t column) {
    const nn_dataset *data = t->f->session->data;
    return data->features == t->columns
               ? nn_pool_strdup(t->f->plot->pool, data->feature_names[column])
               : nn_pool_printf(t->f->plot->pool, "x[%zu]", column);
}

/* By its name, else by its number. */
static int find_column(const table *t, const char *name, size_t *out) {
    const nn_dataset *data = t->f->session->data;
    char *end;
    for (size_t c = 0; c < t->columns && data->features == t->columns; c++)
        if (strcmp(data->feature_names[c], name) == 0) {
            *out = c;
            return 0;
        }
    unsigned long long number = strtoull(name, &end, 10);
    if (*name < '0' || *name > '9' || *end || number >= t->columns)
        return nn_fail(NN_EUSAGE,
                       "--boundary: there is no column '%s'; name two columns of x, or give their "
                       "numbers from 0 to %zu: --boundary 0,1",
                       name, t->columns - 1);
    *out = (size_t)number;
    return 0;
}

/* Samples are rows of any numbers, between which the model can be asked, too. */
static bool is_table(const table *t) {
    const nn_session *s = t->f->session;
    return t->shape.rank == 1 && s->positions <= 1 && !s->indices;
}

static int find_axes(table *t) {
    const char *wanted = t->f->wanted->boundary;
    char *first = nn_pool_strdup(t->f->plot->pool, wanted);
    char *second = first ? strchr(first, ',') : NULL;
    if (!first)
        return NN_EMEMORY;
    if (t->f->session->indices)
        return nn_fail(NN_EUSAGE, "--boundary: the model reads indices, as of words, and says "
                                  "nothing between two of them");
    if (!is_table(t) || t->columns < 2)
        return nn_fail(NN_EUSAGE, "--boundary is for tables, whose samples are rows of at least "
                                  "two numbers with one prediction each");
    if (!second)
        return nn_fail(NN_EUSAGE,
                       "--boundary %s: name two columns with a comma between them: "
                       "--boundary 0,1",
                       wanted);
    *second++ = '\0';
    NN_TRY(find_column(t, first, &t->axis[0]));
    NN_TRY(find_column(t, second, &t->axis[1]));
    if (t->axis[0] == t->axis[1])
        return nn_fail(NN_EUSAGE, "--boundary %s: these are the same column twice", wanted);
    return 0;
}

/* ---- what the model says ----------------------------------------------------------------------
 */

/* What value[i] is of a row with such outputs: the number that the model predicts, or how sure it
 * is of a class; NaN where it says nothing. */
static double value_of(const table *t, const nn_metric_spec *reading, size_t class) {
    size_t outputs = t->f->session->outputs;
    for (size_t i = 0; i < outputs; i++)
        if (!isfinite(t->said[i]))
            return NAN;
    if (!t->classes)
        return (double)t->said[0];
    return figures_are_scores(reading, outputs, t->said)
               ? SCORE
               : figures_likeness(reading, outputs, t->said, class);
}

/* Asked about rows x [count][columns], in minibatches that it has room for: value[i] is that of the
 * class color[i], if there are classes. */
static void ask(const table *t, const nn_real *x, size_t count, double *value, size_t *color) {
    nn_session *s = t->f->session;
    nn_metric_spec reading = nn_metric_spec_of(s->loss);
    size_t most = nn_session_most_at_once(s);
    for (size_t begin = 0, rows; begin < count; begin += rows) {
        rows = count - begin < most ? count - begin : most;
        nn_pass pass = {.batch = rows};
        const nn_real *z = nn_model_forward(s->model, &pass, x + begin * t->columns);
        for (size_t i = 0; i < rows; i++) {
            const nn_real *row = z + i * s->outputs;
            nn_loss_activation(s->loss, 1, row, t->said);
            size_t class = t->classes ? nn_metric_predicted(&reading, reading.threshold, row) : 0;
            if (t->classes)
                color[begin + i] = class;
            value[begin + i] = value_of(t, &reading, class);
        }
    }
}

/* ---- figures ----------------------------------------------------------------------------------
 */

/* Samples of a class, or with SIZE_MAX all: numbers of the column `axis[0]` over `y`, which is one
 * of another column, or NULL: what is to be predicted. Of very many, every n-th. */
static int add_samples(const table *t, nn_figure *figure, size_t class, const size_t *over,
                       const char *name) {
    size_t step = (t->count + MOST_POINTS - 1) / MOST_POINTS, count = 0;
    double *x = nn_pool_alloc(t->f->plot->pool, t->count * sizeof *x);
    double *y = nn_pool_alloc(t->f->plot->pool, t->count * sizeof *y);
    if (!x || !y || !name)
        return NN_EMEMORY;
    for (size_t i = 0; i < t->count; i += step) {
        const nn_real *row = t->x + i * t->columns;
        if (class != SIZE_MAX && (size_t)t->y[i] != class)
            continue;
        x[count] = stored(t, t->axis[0], (double)row[t->axis[0]]);
        y[count++] = over ? stored(t, *over, (double)row[*over]) : t->y[i];
    }
    size_t color = class == SIZE_MAX ? 7 : class;
    nn_series s = {name, color, NN_LINE_POINTS, count, x, y};
    return count ? nn_figure_series(t->f->plot, figure, s) : 0;
}

/* A row for each cell: the means, but for the two axes. */
static int make_grid(const table *t, nn_figure_grid **out) {
    nn_pool *pool = t->f->plot->pool;
    size_t cells = (size_t)CELLS * CELLS;
    nn_figure_grid *g = nn_pool_alloc(pool, sizeof *g);
    nn_real *x = nn_pool_alloc(pool, cells * t->columns * sizeof *x);
    double *value = nn_pool_alloc(pool, cells * sizeof *value);
    size_t *color = nn_pool_alloc(pool, cells * sizeof *color);
    if (!g || !x || !value || !color)
        return NN_EMEMORY;
    *g = (nn_figure_grid){
        .rows = CELLS, .columns = CELLS, .value = value, .color = t->classes ? color : NULL};
    find_range(t, t->axis[0], g->x);
    find_range(t, t->axis[1], g->y);
    for (size_t i = 0; i < cells; i++) {
        nn_real *row = x + i * t->columns;
        for (size_t c = 0; c < t->columns; c++)
            row[c] = (nn_real)t->mean[c];
        row[t->axis[0]] =
            (nn_real)as_seen(t, t->axis[0], nn_figure_grid_place(g->x, CELLS, i % CELLS));
        row[t->axis[1]] =
            (nn_real)as_seen(t, t->axis[1], nn_figure_grid_place(g->y, CELLS, i / CELLS));
    }
    ask(t, x, cells, value, color);
    *out = g;
    return 0;
}

static int plot_boundary(const table *t) {
    nn_pool *pool = t->f->plot->pool;
    const char *about = nn_pool_printf(
        pool, "%s%s",
        t->classes ? "The class that the model says, the stronger the surer it is, and samples in "
                     "the colour of their own class."
                   : "What the model predicts, the darker the larger, with lines of equal value, "
                     "and where the samples are.",
        t->columns > 2 ? " The other columns are held at their means." : "");
    nn_figure *figure = about ? figures_add(t->f, NN_FIGURE_PLANE, "boundary",
                                            t->classes ? "Decision boundary" : "Prediction", about)
                              : NULL;
    nn_figure_grid *grid;
    if (!figure)
        return NN_EMEMORY;
    figure->x = column_name(t, t->axis[0]);
    figure->y = column_name(t, t->axis[1]);
    if (!figure->x || !figure->y)
        return NN_EMEMORY;
    NN_TRY(make_grid(t, &grid));
    figure->grid = grid;
    for (size_t c = 0; c < t->classes; c++)
        NN_TRY(add_samples(t, figure, c, &t->axis[1], figures_class_name(t->f, c)));
    return t->classes ? 0 : add_samples(t, figure, SIZE_MAX, &t->axis[1], "samples");
}

/* The curve over the only column, and what it was fitted to. */
static int plot_fit(const table *t) {
    nn_pool *pool = t->f->plot->pool;
    nn_real seen[CURVE];
    double ends[2], *x = nn_pool_alloc(pool, CURVE * sizeof *x);
    double *value = nn_pool_alloc(pool, CURVE * sizeof *value);
    nn_figure *figure = figures_add(t->f, NN_FIGURE_PLANE, "fit", "Fit",
                                    "What the model predicts, and the samples with their targets.");
    if (!figure || !x || !value)
        return NN_EMEMORY;
    figure->x = column_name(t, 0);
    figure->y = "y";
    if (!figure->x)
        return NN_EMEMORY;
    find_range(t, 0, ends);
    for (size_t i = 0; i < CURVE; i++) {
        x[i] = nn_figure_grid_place(ends, CURVE, i);
        seen[i] = (nn_real)as_seen(t, 0, x[i]);
    }
    ask(t, seen, CURVE, value, NULL);
    NN_TRY(add_samples(t, figure, SIZE_MAX, NULL, "samples"));
    return nn_figure_series(t->f->plot, figure,
                            (nn_series){"model", 0, NN_LINE_SOLID, CURVE, x, value});
}

int figures_of_table(const figures *f) {
    const nn_dataset *data = f->session->data;
    table t = {.f = f, .shape = nn_model_input_shape(f->session->model), .axis = {0, 1}};
    bool wanted = f->wanted->boundary != NULL;
    t.columns = nn_shape_count(&t.shape);
    if (wanted)
        NN_TRY(find_axes(&t));
    if (!is_table(&t) || (!wanted && t.columns > 2))
        return 0;
    NN_TRY(nn_affine_join(&data->affine, &data->normal, &t.shape, f->plot->pool, &t.affine));
    NN_TRY(read_rows(&t));
    if (t.count == 0)
        return 0;
    if (!t.classes && f->session->outputs > 1)
        return wanted ? nn_fail(NN_EUSAGE,
                                "--boundary: the model predicts %zu numbers; classes or "
                                "one number can be drawn",
                                f->session->outputs)
                      : 0;
    return t.columns > 1 ? plot_boundary(&t) : t.classes ? 0 : plot_fit(&t);
}
