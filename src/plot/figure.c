#include "plot/plot.h"

#include <string.h>

nn_figure *nn_plot_add(nn_plot *plot, nn_figure_kind kind, const char *id, const char *title,
                       const char *about) {
    if (NN_GROW(plot->pool, &plot->figure, plot->figures, &plot->capacity) < 0)
        return NULL;
    nn_figure *figure = &plot->figure[plot->figures++];
    *figure = (nn_figure){.kind = kind, .id = id, .title = title, .about = about};
    return figure;
}

nn_figure *nn_plot_find(const nn_plot *plot, const char *id) {
    for (size_t i = 0; i < plot->figures; i++)
        if (strcmp(plot->figure[i].id, id) == 0)
            return &plot->figure[i];
    return NULL;
}

const char *nn_plot_id(nn_plot *plot, const char *prefix, const char *name) {
    static const char fine[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    char *first = nn_pool_printf(plot->pool, "%s-%s", prefix, name);
    for (char *c = first ? first + strlen(prefix) + 1 : NULL; c && *c; c++)
        *c = *c != '\0' && strchr(fine, *c) ? *c : '-';
    const char *id = first;
    for (size_t n = 2; id && nn_plot_find(plot, id); n++)
        id = nn_pool_printf(plot->pool, "%s-%zu", first, n);
    return id;
}

void nn_plot_drop(nn_plot *plot) {
    plot->figures--;
}

int nn_figure_table(nn_plot *plot, nn_figure *figure, size_t rows, size_t columns) {
    size_t cells = rows * columns;
    double *value = nn_pool_alloc(plot->pool, cells * sizeof *value);
    figure->rows = rows;
    figure->columns = columns;
    figure->row = nn_pool_alloc(plot->pool, rows * sizeof *figure->row);
    figure->column = nn_pool_alloc(plot->pool, columns * sizeof *figure->column);
    figure->cell = nn_pool_alloc(plot->pool, cells * sizeof *figure->cell);
    figure->value = value;
    return value && figure->row && figure->column && figure->cell ? 0 : NN_EMEMORY;
}

int nn_figure_series(nn_plot *plot, nn_figure *figure, nn_series series) {
    NN_TRY(NN_GROW(plot->pool, &figure->serie, figure->series, &figure->series_capacity));
    figure->serie[figure->series++] = series;
    return 0;
}

int nn_figure_add_mark(nn_plot *plot, nn_figure *figure, nn_figure_mark mark) {
    NN_TRY(NN_GROW(plot->pool, &figure->mark, figure->marks, &figure->mark_capacity));
    figure->mark[figure->marks++] = mark;
    return 0;
}
