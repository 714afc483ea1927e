/* Points and paths in a plane, over regions or lines of equal value. */
#include "base/numbers/compare.h"
#include "plot/palette.h"
#include "plot/svg/svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pixels; narrow, so that words can be read on a phone. */
enum { PLANE_WIDTH = 410, PLANE_LEFT = 62, PLANE_RIGHT = 18, SQUARE = 330, AXIS = 56, ACROSS = 2 };

#define SHADES 6 /* of a region */
#define LEVELS 15

/* ---- what lies behind -------------------------------------------------------------------------
 */

/* Draws the cells of the grid that `kind` says are `wanted`: neighbours of a row as one line, which
 * is as thick as the row. */
typedef int kind_fn(const nn_figure_grid *grid, const void *ctx, size_t at);

static void put_cells(FILE *out, const nn_figure_grid *g, const svg_scale *x, const svg_scale *y,
                      kind_fn *kind, const void *ctx, int wanted, size_t color, double opacity) {
    double width = (x->to - x->from) / (double)g->columns;
    double height = (y->from - y->to) / (double)g->rows;
    bool any = false;
    for (size_t r = 0; r < g->rows; r++)
        for (size_t c = 0, end; c < g->columns; c = end + 1) {
            for (end = c; end < g->columns && kind(g, ctx, r * g->columns + end) == wanted;)
                end++;
            if (end == c)
                continue;
            if (!any)
                fprintf(out,
                        "<path class=\"s%zu\" fill=\"none\" stroke-opacity=\"%.2f\" "
                        "stroke-width=\"%.2f\" shape-rendering=\"crispEdges\" d=\"",
                        color % NN_COLORS, opacity, height);
            any = true;
            fprintf(out, "M%.1f %.2fH%.1f", x->from + (double)c * width,
                    y->from - ((double)r + 0.5) * height, x->from + (double)end * width);
        }
    if (any)
        fputs("\"/>\n", out);
}

/* Squared, so that halves of two classes are much lighter than what is sure. */
static int shade_of(double value) {
    return isnan(value) ? 0 : (int)fmin(fmax(value * value * SHADES, 0), SHADES - 1);
}

/* The kind of a cell is its color and its shade. */
static int region_of(const nn_figure_grid *g, const void *ctx, size_t at) {
    (void)ctx;
    if (!(g->value[at] > 0))
        return -1; /* nothing is there */
    return (int)(g->color[at] * SHADES) + shade_of(g->value[at]);
}

static void put_regions(FILE *out, const nn_figure_grid *g, const svg_scale *x,
                        const svg_scale *y) {
    size_t colors = 0;
    for (size_t i = 0; i < g->rows * g->columns; i++)
        colors = g->color[i] >= colors ? g->color[i] + 1 : colors;
    for (size_t c = 0; c < colors; c++)
        for (int s = 0; s < SHADES; s++)
            put_cells(out, g, x, y, region_of, NULL, (int)c * SHADES + s, c,
                      0.08 + 0.4 * (s + 1) / SHADES);
}

/* Values that divide the grid into equal parts, and some more near the least one, *levels of them;
 * none where all are the same, or without memory to sort them. */
static void find_levels(const nn_figure_grid *g, double level[LEVELS], size_t *levels) {
    static const double share[LEVELS] = {0.004, 0.015, 0.035, 0.07, 0.12, 0.19, 0.27, 0.36,
                                         0.45,  0.54,  0.63,  0.72, 0.81, 0.9,  0.97};
    size_t count = 0, cells = g->rows * g->columns;
    double *sorted = malloc(cells * sizeof *sorted);
    *levels = 0;
    for (size_t i = 0; sorted && i < cells; i++)
        if (isfinite(g->value[i]))
            sorted[count++] = g->value[i];
    if (count) {
        qsort(sorted, count, sizeof *sorted, nn_compare_reals);
        for (size_t i = 0; i < LEVELS; i++) {
            double value = sorted[(size_t)(share[i] * (double)(count - 1))];
            if (value > sorted[0] && (*levels == 0 || value > level[*levels - 1]))
                level[(*levels)++] = value;
        }
    }
    free(sorted);
}

typedef struct levels {
    size_t count;
    double value[LEVELS];
} levels;

/* How many levels are below the cell's value. */
static int band_of(const nn_figure_grid *g, const void *ctx, size_t at) {
    const levels *l = ctx;
    size_t band = 0;
    while (band < l->count && !(g->value[at] <= l->value[band]))
        band++;
    return (int)band;
}

/* Where the line of `level` crosses the edge between two points of the grid. */
static bool cross(double a, double b, double level, double *at) {
    if (!isfinite(a) || !isfinite(b) || (a <= level) == (b <= level))
        return false;
    *at = (level - a) / (b - a);
    return true;
}

/* Where a line has been drawn to; NaN: none has. */
typedef struct pen {
    FILE *out;
    double x, y;
} pen;

static bool is_at(const pen *p, double x, double y) {
    return fabs(p->x - x) < 0.05 && fabs(p->y - y) < 0.05;
}

/* From either end to the other one, where possible from where the pen is. */
static void put_segment(pen *p, const double x[2], const double y[2]) {
    int first = is_at(p, x[1], y[1]);
    if (!is_at(p, x[first], y[first]))
        fprintf(p->out, "M%.1f %.1f", x[first], y[first]);
    fprintf(p->out, "L%.1f %.1f", x[!first], y[!first]);
    p->x = x[!first];
    p->y = y[!first];
}

/* Within four neighbouring points the line goes from edge to edge. */
static void put_square(pen *p, const nn_figure_grid *g, const svg_scale *x, const svg_scale *y,
                       size_t r, size_t c, double level) {
    const double *v = g->value + r * g->columns + c;
    double low[] = {v[0], v[1]}, high[] = {v[g->columns], v[g->columns + 1]}, t;
    double px[4], py[4], width = (x->to - x->from) / (double)g->columns;
    double height = (y->from - y->to) / (double)g->rows;
    double left = x->from + ((double)c + 0.5) * width,
           bottom = y->from - ((double)r + 0.5) * height;
    int count = 0;
#define POINT(from, to, dx, dy)                                                                    \
    if (cross(from, to, level, &t)) {                                                              \
        px[count] = left + (dx)*width;                                                             \
        py[count++] = bottom - (dy)*height;                                                        \
    }
    POINT(low[0], low[1], t, 0)
    POINT(low[1], high[1], 1, t)
    POINT(high[0], high[1], t, 1)
    POINT(low[0], high[0], 0, t)
#undef POINT
    for (int i = 0; i + 1 < count; i += 2)
        put_segment(p, px + i, py + i);
}

static void put_contours(FILE *out, const nn_figure_grid *g, const svg_scale *x,
                         const svg_scale *y) {
    levels l;
    find_levels(g, l.value, &l.count);
    for (size_t i = 0; i <= l.count; i++)
        put_cells(out, g, x, y, band_of, &l, (int)i, 7, 0.03 + 0.3 * (double)i / LEVELS);
    for (size_t i = 0; i < l.count; i++) {
        pen p = {out, NAN, NAN};
        fputs("<path class=\"axis\" fill=\"none\" stroke-width=\"0.8\" d=\"", out);
        for (size_t r = 0; r + 1 < g->rows; r++)
            for (size_t c = 0; c + 1 < g->columns; c++)
                put_square(&p, g, x, y, r, c, l.value[i]);
        fputs("\"/>\n", out);
    }
}

/* ---- what lies in front -----------------------------------------------------------------------
 */

static void put_points(FILE *out, const nn_series *s, const svg_scale *x, const svg_scale *y,
                       char first, char next, const char *end) {
    bool down = false;
    for (size_t i = 0; i < s->count; i++) {
        bool shown = svg_is_shown(x, s->x[i]) && svg_is_shown(y, s->y[i]);
        if (shown)
            fprintf(out, "%c%.1f %.1f%s", down ? next : first, svg_place(x, s->x[i]),
                    svg_place(y, s->y[i]), end);
        down = shown;
    }
}

/* Points have a border, so that they are seen on a region of their color. */
static void put_series(FILE *out, const nn_series *s, const svg_scale *x, const svg_scale *y) {
    static const char dots[] = "<path class=\"%s\" fill=\"none\" stroke-linecap=\"round\" "
                               "stroke-width=\"%.1f\" d=\"";
    char class[8];
    snprintf(class, sizeof class, "s%zu", s->color % NN_COLORS);
    if (s->style != NN_LINE_POINTS) {
        fprintf(out,
                "<path class=\"%s\" fill=\"none\" stroke-width=\"2\" stroke-linejoin=\"round\"%s "
                "d=\"",
                class, s->style == NN_LINE_DASHED ? " stroke-dasharray=\"7 4\"" : "");
        put_points(out, s, x, y, 'M', 'L', "");
    } else {
        double size = s->count > 500 ? 4 : 6;
        fprintf(out, dots, "halo", size + 2);
        put_points(out, s, x, y, 'M', 'M', "h0");
        fputs("\"/>\n", out);
        fprintf(out, dots, class, size);
        put_points(out, s, x, y, 'M', 'M', "h0");
    }
    fputs("\"/>\n", out);
}

void svg_plane(FILE *out, const nn_figure *f, bool within) {
    const nn_figure_grid *g = f->grid;
    int legend = svg_legend_height(f, ACROSS), top = TOP + legend;
    svg_sheet sheet = {out, f, within, PLANE_WIDTH, top + SQUARE + AXIS};
    svg_scale x = svg_scale_of(f, false, PLANE_LEFT, PLANE_WIDTH - PLANE_RIGHT, 0.04);
    svg_scale y = svg_scale_of(f, true, top + SQUARE, top, 0.05);
    if (g) {
        x.least = g->x[0], x.most = g->x[1];
        y.least = g->y[0], y.most = g->y[1];
    }
    svg_begin(&sheet);
    svg_legend(out, f, PLANE_LEFT, TOP - 6, ACROSS, PLANE_WIDTH - PLANE_LEFT);
    svg_axes(out, f, &x, &y, 5, 6);
    if (g && g->color)
        put_regions(out, g, &x, &y);
    else if (g)
        put_contours(out, g, &x, &y);
    fprintf(out, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" viewBox=\"%d %d %d %d\">\n",
            PLANE_LEFT, top, PLANE_WIDTH - PLANE_LEFT - PLANE_RIGHT, SQUARE, PLANE_LEFT, top,
            PLANE_WIDTH - PLANE_LEFT - PLANE_RIGHT, SQUARE); /* cuts off what is outside */
    for (size_t i = 0; i < f->series; i++)
        put_series(out, &f->serie[i], &x, &y);
    fputs("</svg>\n", out);
    for (size_t i = 0; i < f->marks; i++)
        svg_mark(out, &f->mark[i], &x, &y, i);
    svg_end(&sheet);
}
