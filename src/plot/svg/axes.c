#include "base/numbers/elementary.h"
#include "plot/palette.h"
#include "plot/svg/svg.h"

#include <math.h>

#define TICKS 12

static double log_10(double value) {
    return nn_logarithm(value) / 2.302585092994046; /* ln 10 */
}

double svg_place(const svg_scale *s, double value) {
    double v = s->log ? log_10(value) : value;
    return s->from + (v - s->least) / (s->most - s->least) * (s->to - s->from);
}

bool svg_is_shown(const svg_scale *s, double value) {
    return fabs(value) < 1e300 && (!s->log || value > 0); /* the width of all is finite */
}

static void widen(svg_scale *s, const double *value, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!svg_is_shown(s, value[i]))
            continue;
        double v = s->log ? log_10(value[i]) : value[i];
        s->least = fmin(s->least, v);
        s->most = fmax(s->most, v);
    }
}

svg_scale svg_scale_of(const nn_figure *f, bool of_y, double from, double to, double share) {
    svg_scale s = {INFINITY, -INFINITY, from, to, of_y && f->log_y};
    for (size_t i = 0; i < f->series; i++)
        widen(&s, of_y ? f->serie[i].y : f->serie[i].x, f->serie[i].count);
    if (s.least > s.most)
        s.least = s.most = 0;
    double room = (s.most - s.least) * share;
    if (s.most == s.least)
        room = s.log ? 0.5 : fmax(fabs(s.most) * 0.1, 0.5);
    s.least -= room;
    s.most += room;
    return s;
}

/* Round numbers between the ends: 1, 2 or 5 times a power of ten apart; of logarithms powers of
 * ten, where there are at least two. None where the ends are too close or too far for numbers. */
static size_t ticks_of(const svg_scale *s, int wanted, double tick[TICKS]) {
    double span = s->most - s->least, step = nn_power(10, floor(log_10(span / wanted)));
    size_t count = 0;
    if (!(step > 0) || !isfinite(step))
        return 0;
    while (span / step > wanted)
        step *= span / step > 5 * wanted ? 10 : span / step > 2 * wanted ? 5 : 2;
    if (s->log && step < 1)
        step = 1;
    for (double v = ceil(s->least / step) * step; v <= s->most && count < TICKS; v += step)
        tick[count++] = s->log ? nn_power(10, v) : fabs(v) < step / 1e6 ? 0 : v;
    if (!s->log || count >= 2)
        return count;
    svg_scale linear = {.least = nn_power(10, s->least), .most = nn_power(10, s->most)};
    return ticks_of(&linear, wanted, tick);
}

void svg_axes(FILE *out, const nn_figure *f, const svg_scale *x, const svg_scale *y, int x_ticks,
              int y_ticks) {
    double tick[TICKS], middle = (y->from + y->to) / 2;
    char text[32];
    size_t count = ticks_of(y, y_ticks, tick);
    for (size_t i = 0; i < count; i++) {
        double at = svg_place(y, tick[i]);
        fprintf(out, "<path d=\"M%.1f %.1fH%.1f\" class=\"grid\"/>\n", x->from, at, x->to);
        snprintf(text, sizeof text, "%.6g", tick[i]);
        svg_label(out, x->from - 8, at + 4, "end", "soft", text);
    }
    count = ticks_of(x, x_ticks, tick);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%.6g", tick[i]);
        svg_label(out, svg_place(x, tick[i]), y->from + 20, "middle", "soft", text);
    }
    fprintf(out, "<path d=\"M%.1f %.1fH%.1f\" class=\"axis\"/>\n", x->from, y->from, x->to);
    svg_label(out, (x->from + x->to) / 2, y->from + 42, "middle", "soft", f->x);
    fprintf(out, "<g transform=\"translate(18 %.1f) rotate(-90)\">", middle);
    svg_label(out, 0, 0, "middle", "soft", f->y);
    fputs("</g>\n", out);
}

void svg_mark(FILE *out, const nn_figure_mark *m, const svg_scale *x, const svg_scale *y,
              size_t index) {
    if (!svg_is_shown(x, m->x) || !svg_is_shown(y, m->y))
        return;
    double px = svg_place(x, m->x), py = svg_place(y, m->y);
    bool right = px > x->to - 130;
    bool above = index % 2 == 0 && py > y->to + 20;
    fprintf(out,
            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" class=\"paper s%zu\" "
            "stroke-width=\"2\"/>\n",
            px, py, m->color % NN_COLORS);
    svg_label(out, right ? px - 4 : px + 6, above ? py - 9 : py + 19, right ? "end" : "start",
              "inside", m->text);
}
