/* Figures as SVG 1.1, in light colours: for documents, and for what makes other pictures of it. */
#include "base/numbers/elementary.h"
#include "base/text.h"
#include "plot/writers.h"

#include <math.h>
#include <string.h>

/* Pixels. */
#define WIDTH 760
#define HEIGHT 420
#define LEFT 78
#define RIGHT 24
#define TOP 56
#define BOTTOM 56
#define LEGEND 20
#define TICKS 12
#define COLUMNS (WIDTH - LEFT - RIGHT)

static const char *const palette[] = {"#1f6feb", "#d1570a", "#0b8a63", "#b5408f",
                                      "#8a6d00", "#2f9bd1", "#6b4fd8", "#5b6675"};

static const char *color_of(size_t i) {
    return palette[i % (sizeof palette / sizeof *palette)];
}

/* XML has no control characters but these, no U+FFFE and U+FFFF, and nothing that is no UTF-8. */
static bool is_xml(const char *text, size_t bytes) {
    if (bytes == 1)
        return (unsigned char)*text >= ' ' || strchr("\t\n\r", *text);
    return bytes > 0 && strncmp(text, "\xef\xbf\xbe", 3) != 0 &&
           strncmp(text, "\xef\xbf\xbf", 3) != 0;
}

static void put_text(FILE *out, const char *text) {
    while (text && *text) {
        size_t bytes = nn_text_utf8(text);
        if (!is_xml(text, bytes))
            fputs("\xef\xbf\xbd", out); /* U+FFFD */
        else if (strchr("<&>\"", *text))
            fprintf(out, "&#%d;", *text);
        else
            fwrite(text, 1, bytes, out);
        text += bytes ? bytes : 1;
    }
}

/* `anchor`: start, middle or end. */
static void put_label(FILE *out, double x, double y, const char *anchor, const char *class,
                      const char *text) {
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor,
            class);
    put_text(out, text);
    fputs("</text>\n", out);
}

static void begin(FILE *out, const nn_figure *f, int height) {
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" "
            "xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" role=\"img\" font-family=\"system-ui, 'DejaVu Sans', "
            "sans-serif\">\n<title>",
            WIDTH, height, WIDTH, height);
    put_text(out, f->title);
    fputs("</title>\n<style>text { font-size: 13px; fill: #1b2330 } .title { font-size: 17px; "
          "font-weight: 600 } .soft { fill: #5b6675 } .inside { font-size: 11px }</style>\n"
          "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
          out);
    put_label(out, LEFT, 26, "start", "title", f->title);
}

static void put_key(FILE *out, double x, double y, size_t color, bool dashed, const char *name) {
    fprintf(out,
            "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
            "stroke-width=\"3\"%s/>\n",
            x, x + 22, y - 4, y - 4, color_of(color), dashed ? " stroke-dasharray=\"7 4\"" : "");
    put_label(out, x + 28, y, "start", "soft", name);
}

/* Names in rows of at most three. */
static void put_legend(FILE *out, const nn_figure *f, int y) {
    if (f->series < 2)
        return;
    for (size_t i = 0; i < f->series; i++)
        put_key(out, LEFT + (double)(i % 3) * (COLUMNS / 3.0), y + (int)(i / 3) * LEGEND,
                f->serie[i].color, f->serie[i].style == NN_LINE_DASHED, f->serie[i].name);
}

/* ---- curves -----------------------------------------------------------------------------------
 */

/* From numbers to pixels. */
typedef struct scale {
    double least, most; /* of what is drawn: logarithms where log */
    double from, to;    /* pixels */
    bool log;
} scale;

static double log_10(double value) {
    return nn_logarithm(value) / 2.302585092994046; /* ln 10 */
}

static double place(const scale *s, double value) {
    double v = s->log ? log_10(value) : value;
    return s->from + (v - s->least) / (s->most - s->least) * (s->to - s->from);
}

static bool is_shown(const scale *s, double value) {
    return isfinite(value) && (!s->log || value > 0);
}

static void widen(scale *s, const double *value, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!is_shown(s, value[i]))
            continue;
        double v = s->log ? log_10(value[i]) : value[i];
        s->least = fmin(s->least, v);
        s->most = fmax(s->most, v);
    }
}

static scale scale_of(const nn_figure *f, bool of_y, double from, double to) {
    scale s = {INFINITY, -INFINITY, from, to, of_y && f->log_y};
    for (size_t i = 0; i < f->series; i++)
        widen(&s, of_y ? f->serie[i].y : f->serie[i].x, f->serie[i].count);
    if (s.least > s.most)
        s.least = s.most = 0;
    double room = (s.most - s.least) * (of_y ? 0.05 : 0);
    if (s.most == s.least)
        room = s.log ? 0.5 : fmax(fabs(s.most) * 0.1, 0.5);
    s.least -= room;
    s.most += room;
    return s;
}

/* Round numbers between the ends: 1, 2 or 5 times a power of ten apart; of logarithms powers of
 * ten, where there are at least two. None where the ends are too close or too far for numbers. */
static size_t ticks_of(const scale *s, int wanted, double tick[TICKS]) {
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
    scale linear = {.least = nn_power(10, s->least), .most = nn_power(10, s->most)};
    return ticks_of(&linear, wanted, tick);
}

static void put_axes(FILE *out, const nn_figure *f, const scale *x, const scale *y) {
    double tick[TICKS];
    char text[32];
    size_t count = ticks_of(y, 6, tick);
    for (size_t i = 0; i < count; i++) {
        double at = place(y, tick[i]);
        fprintf(out, "<path d=\"M%d %.1fH%d\" stroke=\"#e3e7ed\"/>\n", LEFT, at, WIDTH - RIGHT);
        snprintf(text, sizeof text, "%.6g", tick[i]);
        put_label(out, LEFT - 8, at + 4, "end", "soft", text);
    }
    count = ticks_of(x, 8, tick);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%.6g", tick[i]);
        put_label(out, place(x, tick[i]), y->from + 20, "middle", "soft", text);
    }
    fprintf(out, "<path d=\"M%d %.1fH%d\" stroke=\"#9aa6b5\"/>\n", LEFT, y->from, WIDTH - RIGHT);
    put_label(out, (x->from + x->to) / 2, y->from + 42, "middle", "soft", f->x);
    fprintf(out, "<g transform=\"translate(18 %.1f) rotate(-90)\">", (y->from + y->to) / 2);
    put_label(out, 0, 0, "middle", "soft", f->y);
    fputs("</g>\n", out);
}

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

static void put_curve(FILE *out, const nn_series *s, const scale *x, const scale *y) {
    pen p = {.out = out};
    bool thin = s->count > COLUMNS;
    fprintf(out,
            "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-linejoin=\"round\"%s "
            "d=\"",
            color_of(s->color), s->style == NN_LINE_DASHED ? " stroke-dasharray=\"7 4\"" : "");
    for (size_t i = 0; i < s->count; i++) {
        if (!is_shown(x, s->x[i]) || !is_shown(y, s->y[i]))
            continue;
        double px = place(x, s->x[i]), py = place(y, s->y[i]);
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

static void put_dots(FILE *out, const nn_series *s, const scale *x, const scale *y) {
    for (size_t i = 0; i < s->count; i++)
        if (is_shown(x, s->x[i]) && is_shown(y, s->y[i]))
            fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n",
                    place(x, s->x[i]), place(y, s->y[i]), color_of(s->color));
}

static void put_mark(FILE *out, const nn_figure_mark *m, const scale *x, const scale *y,
                     size_t index) {
    if (!is_shown(x, m->x) || !is_shown(y, m->y))
        return;
    double px = place(x, m->x), py = place(y, m->y);
    bool right = px > WIDTH - RIGHT - 130;
    bool above = index % 2 == 0 && py > TOP + 40;
    fprintf(out,
            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"#ffffff\" stroke=\"%s\" "
            "stroke-width=\"2\"/>\n",
            px, py, color_of(m->color));
    put_label(out, right ? px - 4 : px + 6, above ? py - 9 : py + 19, right ? "end" : "start",
              "inside", m->text);
}

static void put_lines(FILE *out, const nn_figure *f) {
    int legend = f->series > 1 ? (int)((f->series + 2) / 3) * LEGEND : 0, height = HEIGHT + legend;
    scale x = scale_of(f, false, LEFT, WIDTH - RIGHT);
    scale y = scale_of(f, true, height - BOTTOM, TOP + legend);
    begin(out, f, height);
    put_legend(out, f, TOP - 6);
    put_axes(out, f, &x, &y);
    for (size_t i = 0; i < f->series; i++) {
        if (f->serie[i].style == NN_LINE_POINTS || f->serie[i].count == 1)
            put_dots(out, &f->serie[i], &x, &y);
        else
            put_curve(out, &f->serie[i], &x, &y);
    }
    for (size_t i = 0; i < f->marks; i++)
        put_mark(out, &f->mark[i], &x, &y, i);
    fputs("</svg>\n", out);
}

/* ---- bars and matrices ------------------------------------------------------------------------
 */

static double sum_of(const nn_figure *f, size_t row) {
    double sum = 0;
    for (size_t s = 0; s < f->series; s++)
        sum += isnan(f->serie[s].y[row]) ? 0 : f->serie[s].y[row];
    return sum;
}

static void put_bars(FILE *out, const nn_figure *f) {
#define NAMES 150
#define NUMBERS 110
#define ROW 34
    int legend = f->series > 1 ? (int)((f->series + 2) / 3) * LEGEND : 0;
    double most = 0, width = WIDTH - NAMES - NUMBERS - RIGHT;
    char text[64];
    begin(out, f, TOP + legend + (int)f->rows * ROW + RIGHT);
    put_legend(out, f, TOP - 2);
    for (size_t r = 0; r < f->rows; r++)
        most = fmax(most, sum_of(f, r));
    for (size_t r = 0; r < f->rows; r++) {
        double x = NAMES, y = TOP + legend + (double)r * ROW;
        put_label(out, NAMES - 10, y + 17, "end", "", f->row[r]);
        for (size_t s = 0; s < f->series; s++) {
            double value = f->serie[s].y[r], w = most > 0 ? value / most * width : 0;
            if (!(w > 0))
                continue;
            fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"24\" fill=\"%s\"/>\n",
                    x, y, w, color_of(f->serie[s].color));
            x += w;
        }
        snprintf(text, sizeof text, "%.4g %s", sum_of(f, r), f->x);
        put_label(out, x + 8, y + 17, "start", "soft", text);
    }
    fputs("</svg>\n", out);
}

/* The darker, the more of its row. */
static void put_cell(FILE *out, double x, double y, double size, double value, double share) {
    char text[32];
    fprintf(out,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" fill=\"#144ea8\" "
            "fill-opacity=\"%.3f\"/>\n",
            x, y, size - 2, size - 2, share > 0 ? 0.06 + 0.94 * share : 0.03);
    if (size < 22 || !(value != 0))
        return;
    snprintf(text, sizeof text, "%.4g", value);
    fprintf(out,
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" class=\"inside\"%s>%s</text>\n",
            x + size / 2 - 1, y + size / 2 + 3, share > 0.5 ? " style=\"fill: #fff\"" : "", text);
}

static void put_heat(FILE *out, const nn_figure *f) {
    double size = fmin(52, (double)COLUMNS / (double)f->columns);
    double left = LEFT + 40, top = TOP + 24;
    begin(out, f, (int)(top + size * (double)f->rows + 44));
    for (size_t c = 0; c < f->columns && size >= 22; c++)
        put_label(out, left + ((double)c + 0.5) * size, top - 8, "middle", "soft", f->column[c]);
    for (size_t r = 0; r < f->rows; r++) {
        double y = top + (double)r * size, sum = 0;
        for (size_t c = 0; c < f->columns; c++)
            sum += f->value[r * f->columns + c];
        if (size >= 14)
            put_label(out, left - 8, y + size / 2 + 4, "end", "soft", f->row[r]);
        for (size_t c = 0; c < f->columns; c++) {
            double value = f->value[r * f->columns + c];
            put_cell(out, left + (double)c * size, y, size, value, sum > 0 ? value / sum : 0);
        }
    }
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"soft\">rows: ", left,
            top + size * (double)f->rows + 24);
    put_text(out, f->y);
    fputs(", columns: ", out);
    put_text(out, f->x);
    fputs("</text>\n</svg>\n", out);
}

static void put_images(FILE *out, const nn_figure *f) {
    enum { ACROSS = 6, SIZE = (WIDTH - 2 * RIGHT) / ACROSS, ROOM = 40 };
    begin(out, f, TOP + (int)(f->rows + ACROSS - 1) / ACROSS * (SIZE + ROOM) + RIGHT);
    for (size_t i = 0; i < f->rows; i++) {
        const char **cell = f->cell + i * f->columns;
        int x = RIGHT + (int)(i % ACROSS) * SIZE, y = TOP + (int)(i / ACROSS) * (SIZE + ROOM);
        fprintf(out,
                "<image x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                "style=\"image-rendering: pixelated\" xlink:href=\"",
                x, y, SIZE - 10, SIZE - 10);
        put_text(out, cell[f->columns - 1]);
        fputs("\"/>\n", out);
        put_label(out, x, y + SIZE + 6, "start", "inside", cell[0]);
        fprintf(out, "<text x=\"%d\" y=\"%d\" class=\"inside soft\">taken for ", x, y + SIZE + 20);
        put_text(out, cell[1]);
        fputs("</text>\n", out);
    }
    fputs("</svg>\n", out);
}

void nn_figure_svg(FILE *out, const nn_figure *figure) {
    if (figure->kind == NN_FIGURE_LINES)
        put_lines(out, figure);
    else if (figure->kind == NN_FIGURE_BARS)
        put_bars(out, figure);
    else if (figure->kind == NN_FIGURE_IMAGES)
        put_images(out, figure);
    else
        put_heat(out, figure);
}
