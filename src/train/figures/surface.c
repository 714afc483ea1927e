/* The paths of runs over the loss, as a function of a model's two parameters. */
#include "base/numbers/compare.h"
#include "plot/run.h"
#include "train/figures/inner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CELLS 48
#define MOST_SAMPLES 2000
#define MARGIN 0.15 /* of the range of the paths, on each side */
#define TAIL 0.02   /* of their points on each side may lie outside: of runs that fly off */

/* What log.weights has recorded of a run. */
typedef struct path {
    size_t count;
    const double *at[2]; /* [count] */
} path;

typedef struct surface {
    const figures *f;
    const nn_param *const *tensor; /* of the model */
    const char *name[2];           /* "dense1/weight/0", */
    nn_real *place[2];             /* which stands here among the parameters */
    path *path;                    /* [runs] */
} surface;

/* Where both parameters are. */
static int find_parameters(surface *s) {
    const nn_session *session = s->f->session;
    size_t tensors = nn_model_params(session->model, &s->tensor), found = 0;
    for (size_t i = 0; i < tensors; i++)
        for (size_t e = 0; s->tensor[i]->role != NN_PARAM_STATE && e < s->tensor[i]->count; e++) {
            s->name[found] = nn_pool_printf(s->f->plot->pool, "%s/%s/%zu",
                                            s->tensor[i]->layer->name, s->tensor[i]->name, e);
            if (!s->name[found])
                return NN_EMEMORY;
            s->place[found++] = nn_session_model_params(session) + s->tensor[i]->offset + e;
        }
    return 0;
}

/* No points where the run has recorded none of these parameters. */
static int find_path(const surface *s, const nn_plot_run *run, path *p) {
    const nn_event_lines *lines = nn_records_event(&run->records, "weights");
    for (int axis = 0; axis < 2; axis++) {
        const char *column = nn_pool_printf(s->f->plot->pool, "values.%s", s->name[axis]);
        if (!column)
            return NN_EMEMORY;
        p->at[axis] = nn_event_column(lines, column);
    }
    p->count = p->at[0] && p->at[1] ? lines->rows : 0;
    return 0;
}

/* Of the axis, over the paths; their beginnings are within. */
static int find_range(const surface *s, int axis, double ends[2]) {
    size_t all = 0, count = 0, runs = s->f->wanted->runs;
    for (size_t i = 0; i < runs; i++)
        all += s->path[i].count;
    double *value = nn_pool_alloc(s->f->plot->pool, (all + 1) * sizeof *value);
    if (!value)
        return NN_EMEMORY;
    for (size_t i = 0; i < runs; i++)
        for (size_t k = 0; k < s->path[i].count; k++)
            if (isfinite(s->path[i].at[axis][k]))
                value[count++] = s->path[i].at[axis][k];
    qsort(value, count, sizeof *value, nn_compare_reals);
    size_t tail = (size_t)(TAIL * (double)count);
    ends[0] = value[tail];
    ends[1] = value[count ? count - 1 - tail : 0];
    for (size_t i = 0; i < runs; i++)
        if (s->path[i].count) {
            ends[0] = fmin(ends[0], s->path[i].at[axis][0]);
            ends[1] = fmax(ends[1], s->path[i].at[axis][0]);
        }
    figures_widen(ends, MARGIN);
    return 0;
}

/* Adds the loss of a minibatch to that of every cell. */
static void add_batch(const surface *s, const nn_batch *batch, const nn_figure_grid *g,
                      double *loss, double *weight) {
    nn_session *session = s->f->session;
    nn_pass pass = {.batch = batch->count,
                    .sample = batch->sample,
                    .length = batch->length,
                    .micro = nn_session_microbatches(session, batch)};
    for (size_t i = 0; i < g->rows * g->columns; i++) {
        nn_loss_sum sum = {0};
        *s->place[0] = (nn_real)nn_figure_grid_place(g->x, g->columns, i % g->columns);
        *s->place[1] = (nn_real)nn_figure_grid_place(g->y, g->rows, i / g->columns);
        const nn_real *z = nn_model_forward(session->model, &pass, batch->x);
        nn_loss_eval(session->loss, nn_batch_targets(batch), z, &batch->target, &sum, NULL);
        loss[i] += sum.loss;
        *weight = i ? *weight : *weight + sum.weight;
    }
}

/* The mean loss of training samples over the grid, whose ends are set. The model keeps the
 * parameters that it had. */
static int evaluate(const surface *s, nn_figure_grid *g, double *loss) {
    nn_session *session = s->f->session;
    nn_real kept[2] = {*s->place[0], *s->place[1]};
    nn_loader *loader;
    double weight = 0;
    int rc = 0;
    NN_TRY(nn_session_loader(session, "train", session->eval_batch_size, false, &loader));
    for (int64_t i = 0, seen = 0; i < nn_loader_batches(loader) && seen < MOST_SAMPLES; i++) {
        nn_batch batch;
        NN_TRY_GOTO(nn_loader_batch(loader, 0, i, &batch));
        add_batch(s, &batch, g, loss, &weight);
        seen += batch.global;
    }
    for (size_t i = 0; i < g->rows * g->columns; i++)
        loss[i] /= weight;
    g->value = loss;
done:
    *s->place[0] = kept[0];
    *s->place[1] = kept[1];
    nn_loader_free(loader);
    return rc;
}

static int add_paths(const surface *s, nn_figure *figure) {
    const nn_figures_wanted *wanted = s->f->wanted;
    for (size_t i = 0; i < wanted->runs; i++) {
        const path *p = &s->path[i];
        if (p->count == 0)
            continue;
        nn_series line = {wanted->run[i], i, NN_LINE_SOLID, p->count, p->at[0], p->at[1]};
        nn_figure_mark end = {"end", i, p->at[0][p->count - 1], p->at[1][p->count - 1]};
        NN_TRY(nn_figure_series(s->f->plot, figure, line));
        NN_TRY(nn_figure_add_mark(s->f->plot, figure, end));
    }
    return 0;
}

static int plot(surface *s) {
    nn_pool *pool = s->f->plot->pool;
    nn_figure_grid *g = nn_pool_alloc(pool, sizeof *g);
    double *loss = nn_pool_alloc(pool, (size_t)CELLS * CELLS * sizeof *loss);
    if (!g || !loss)
        return NN_EMEMORY;
    g->rows = g->columns = CELLS;
    NN_TRY(find_range(s, 0, g->x));
    NN_TRY(find_range(s, 1, g->y));
    NN_TRY(evaluate(s, g, loss));
    nn_figure *figure =
        nn_plot_add(s->f->plot, NN_FIGURE_PLANE, "surface", "Paths over the loss",
                    "The loss of training samples over both parameters, the darker the larger, "
                    "with lines of equal loss, and the parameters of each run from its first step "
                    "to its end.");
    if (!figure)
        return NN_EMEMORY;
    figure->x = s->name[0];
    figure->y = s->name[1];
    figure->grid = g;
    return add_paths(s, figure);
}

int figures_of_surface(const figures *f) {
    const nn_figures_wanted *wanted = f->wanted;
    surface s = {.f = f};
    size_t points = 0;
    if (wanted->index > 0 || nn_model_param_count(f->session->model) != 2)
        return 0;
    s.path = nn_pool_alloc(f->plot->pool, wanted->runs * sizeof *s.path);
    if (!s.path)
        return NN_EMEMORY;
    NN_TRY(find_parameters(&s));
    for (size_t i = 0; i < wanted->runs; i++) {
        NN_TRY(find_path(&s, &f->plot->run[i], &s.path[i]));
        points += s.path[i].count;
    }
    return points ? plot(&s) : 0;
}
