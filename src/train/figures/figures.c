#include "base/log.h"
#include "train/figures/inner.h"
#include "train/filters.h"

#include <string.h>

const char *figures_id(const figures *f, const char *id) {
    size_t index = f->wanted->index;
    return index ? nn_pool_printf(f->plot->pool, "%s-%zu", id, index + 1) : id;
}

/* With the run's name, where there are several. */
static const char *title_of(const figures *f, const char *title) {
    const nn_figures_wanted *w = f->wanted;
    return w->runs > 1 ? nn_pool_printf(f->plot->pool, "%s: %s", title, w->run[w->index]) : title;
}

nn_figure *figures_add(const figures *f, nn_figure_kind kind, const char *id, const char *title,
                       const char *about) {
    const char *own = figures_id(f, id), *full = title_of(f, title);
    return own && full ? nn_plot_add(f->plot, kind, own, full, about) : NULL;
}

const char *figures_class_name(const figures *f, size_t class) {
    const nn_dataset *data = f->session->data;
    if (data->class_names && class < (size_t)data->classes)
        return nn_pool_strdup(f->plot->pool, data->class_names[class]);
    return nn_pool_printf(f->plot->pool, "%lld", (long long)class + data->first_class);
}

bool figures_are_scores(const nn_metric_spec *reading, size_t outputs, const nn_real *y) {
    if (outputs == 1 && !reading->fuses && reading->threshold == 0)
        return true;
    for (size_t i = 0; i < outputs; i++)
        if (!(y[i] >= 0 && y[i] <= 1))
            return true;
    return false;
}

double figures_likeness(const nn_metric_spec *reading, size_t outputs, const nn_real *y,
                        size_t class) {
    double both = reading->fuses ? 1 : 2 * reading->threshold;
    return outputs > 1 ? (double)y[class] : class ? (double)y[0] : both - (double)y[0];
}

unsigned char *figures_pixels(nn_plot *plot, size_t count, const nn_real *x) {
    unsigned char *pixels = nn_pool_alloc(plot->pool, count);
    if (pixels)
        nn_picture_pixels(count, x, pixels);
    return pixels;
}

static int add_graph(const figures *f) {
    const char *id = figures_id(f, "model"), *title = title_of(f, "Model");
    return id && title ? nn_plot_graph(f->plot, f->session->model, id, title) : NN_EMEMORY;
}

int nn_plot_predictions(nn_plot *plot, nn_comm *comm, const nn_figures_wanted *wanted) {
    const char *run = wanted->run[wanted->index];
    figures f = {.plot = plot, .wanted = wanted};
    if (nn_probe_open(comm, run, &f.probe) < 0) {
        nn_warn("%s: no figures of its predictions and its model: %s", run, nn_error_message());
        nn_error_clear();
        return 0;
    }
    f.session = nn_probe_session(f.probe);
    bool samples = wanted->samples > 0;
    int rc = add_graph(&f);
    if (rc == 0 && samples)
        rc = figures_of_samples(&f);
    if (rc == 0)
        rc = figures_of_filters(&f);
    if (rc == 0)
        rc = figures_of_maps(&f);
    if (rc == 0 && samples)
        rc = figures_of_table(&f);
    if (rc == 0)
        rc = figures_of_surface(&f);
    nn_probe_close(f.probe);
    return rc;
}
