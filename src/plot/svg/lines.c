/* Curves over steps, and other numbers that grow to the right. */
#include "plot/palette.h"
#include "plot/svg/svg.h"

#include <math.h>

/* Pixels; names in a row of the legend. */
enum { HEIGHT = 420, BOTTOM = 56, ACROSS = 3 };

/* At most four points for each column of pixels: the first, the least, the greatest, the last. */
typedef struct pen {
    FILE *out;
    bool down;
    double column, y[4]; /* pixels */
    bool any;
} pen;

static void draw_to(pen *p, double x, double y) {
    fprintf(p->out, "%c%.1f %.1f", p->down ? 'L' : 'M', x, y);
    p->down = true;
}

static void flush(pen *p) {
    static const double shift[4] = {-0.3, -0.1, 0.1, 0.3};
    for (int i = 0; i < 4 && p->any; i++)
        if (i == 0 || p->y[i] != p->y[i - 1])
            draw_to(p, p->column + shift[i], p->y[i]);
    p->any = false;
}

static void put_curve(FILE *out, const nn_series *s, const svg_scale *x, const svg_scale *y) {
    pen p = {.out = out};
    bool thin = s->count > COLUMNS;
    fprintf(out,
            "<path fill=\"none\" class=\"s%zu\" stroke-width=\"2\" stroke-linejoin=\"round\"%s "
            "d=\"",
            s->color % NN_COLORS, s->style == NN_LINE_DASHED ? " stroke-dasharray=\"7 4\"" : "");
    for (size_t i = 0; i < s->count; i++) {
        if (!svg_is_shown(x, s->x[i]) || !svg_is_shown(y, s->y[i]))
            continue;
        double px = svg_place(x, s->x[i]), py = svg_place(y, s->y[i]);
        if (!thin) {
            draw_to(&p, px, py);
            continue;
        }
        if (p.any && floor(px + 0.5) != p.column)
            flush(&p);
        if (!p.any)
            p = (pen){out, p.down, floor(px + 0.5), {py, py, py, py}, true};
        p.y[1] = fmin(p.y[1], py);
        p.y[2] = fmax(p.y[2], py);
        p.y[3] = py;
    }
    flush(&p);
    fputs("\"/>\n", out);
}

static void put_dots(FILE *out, const nn_series *s, const svg_scale *x, const svg_scale *y) {
    for (size_t i = 0; i < s->count; i++)
        if (svg_is_shown(x, s->x[i]) && svg_is_shown(y, s->y[i]))
            fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" class=\"f%zu\"/>\n",
                    svg_place(x, s->x[i]), svg_place(y, s->y[i]), s->color % NN_COLORS);
}

/* A lone point is no curve. */
static bool is_point(const nn_series *s, const svg_scale *y) {
    size_t count = 0;
    for (size_t i = 0; i < s->count && count < 2; i++)
        count += svg_is_shown(y, s->y[i]);
    return count < 2;
}

void svg_lines(FILE *out, const nn_figure *f) {
    int legend = svg_legend_height(f, ACROSS);
    svg_sheet sheet = {out, f, false, WIDTH, HEIGHT + legend};
    svg_scale x = svg_scale_of(f, false, LEFT, WIDTH - RIGHT, 0);
    svg_scale y = svg_scale_of(f, true, sheet.height - BOTTOM, TOP + legend, 0.05);
    svg_begin(&sheet);
    svg_legend(out, f, LEFT, TOP - 6, ACROSS, COLUMNS);
    svg_axes(out, f, &x, &y, 8, 6);
    for (size_t i = 0; i < f->series; i++) {
        if (f->serie[i].style == NN_LINE_POINTS || is_point(&f->serie[i], &y))
            put_dots(out, &f->serie[i], &x, &y);
        else
            put_curve(out, &f->serie[i], &x, &y);
    }
    for (size_t i = 0; i < f->marks; i++)
        svg_mark(out, &f->mark[i], &x, &y, i);
    svg_end(&sheet);
}
