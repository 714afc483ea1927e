/* Bars, matrices and pictures. */
#include "plot/palette.h"
#include "plot/svg/svg.h"

#include <math.h>
#include <string.h>

/* NaN: none of its numbers is known. */
static double sum_of(const nn_figure *f, size_t row) {
    double sum = NAN;
    for (size_t s = 0; s < f->series; s++)
        if (!isnan(f->serie[s].y[row]))
            sum = isnan(sum) ? f->serie[s].y[row] : sum + f->serie[s].y[row];
    return sum;
}

void svg_bars(FILE *out, const nn_figure *f) {
#define NAMES 150
#define NUMBERS 110
#define ROW 34
#define LETTER 7.2 /* pixels of most letters */
    int legend = svg_legend_height(f, 3);
    svg_sheet sheet = {out, f, false, WIDTH, TOP + legend + (int)f->rows * ROW + RIGHT};
    double most = 0, width = WIDTH - NAMES - NUMBERS - RIGHT;
    char text[64];
    svg_begin(&sheet);
    svg_legend(out, f, LEFT, TOP - 2, 3, COLUMNS);
    for (size_t r = 0; r < f->rows; r++)
        most = fmax(most, sum_of(f, r));
    for (size_t r = 0; r < f->rows; r++) {
        double x = NAMES, y = TOP + legend + (double)r * ROW, sum = sum_of(f, r);
        svg_label(out, NAMES - 10, y + 17, "end", "", f->row[r]);
        for (size_t s = 0; s < f->series; s++) {
            double value = f->serie[s].y[r], w = most > 0 ? value / most * width : 0;
            if (!(w > 0))
                continue;
            fprintf(out,
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"24\" class=\"f%zu\"/>\n",
                    x, y, w, f->serie[s].color % NN_COLORS);
            x += w;
        }
        if (isnan(sum))
            strcpy(text, "\xe2\x80\x93"); /* a dash */
        else
            snprintf(text, sizeof text, "%.4g %s", sum, f->x);
        svg_label(out, x + 8, y + 17, "start", "soft", text);
    }
    svg_end(&sheet);
}

/* The darker, the more of its row. */
static void put_cell(FILE *out, double x, double y, double size, double value, double share) {
    char text[32];
    fprintf(out,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" fill=\"#144ea8\" "
            "fill-opacity=\"%.3f\"/>\n",
            x, y, size - 2, size - 2, share > 0 ? 0.06 + 0.94 * share : 0.03);
    if (size < 22 || isnan(value) || value == 0)
        return;
    snprintf(text, sizeof text, "%.4g", value);
    fprintf(out,
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" class=\"inside\"%s>%s</text>\n",
            x + size / 2 - 1, y + size / 2 + 3, share > 0.5 ? " style=\"fill: #fff\"" : "", text);
}

void svg_heat(FILE *out, const nn_figure *f) {
    double size = fmin(72, (double)COLUMNS / (double)f->columns);
    double left = LEFT + 40, top = TOP + 24;
    svg_sheet sheet = {out, f, false, WIDTH, (int)(top + size * (double)f->rows + 44)};
    svg_begin(&sheet);
    for (size_t c = 0; c < f->columns && size >= 22; c++)
        svg_short_label(out, left + ((double)c + 0.5) * size, top - 8, "middle", "soft",
                        f->column[c], (size_t)(size / LETTER));
    for (size_t r = 0; r < f->rows; r++) {
        double y = top + (double)r * size, sum = 0;
        for (size_t c = 0; c < f->columns; c++)
            sum += isnan(f->value[r * f->columns + c]) ? 0 : f->value[r * f->columns + c];
        if (size >= 14)
            svg_short_label(out, left - 8, y + size / 2 + 4, "end", "soft", f->row[r],
                            (size_t)((left - 8) / LETTER));
        for (size_t c = 0; c < f->columns; c++) {
            double value = f->value[r * f->columns + c];
            put_cell(out, left + (double)c * size, y, size, value, sum > 0 ? value / sum : 0);
        }
    }
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"soft\">rows: ", left,
            top + size * (double)f->rows + 24);
    svg_text(out, f->y);
    fputs(", columns: ", out);
    svg_text(out, f->x);
    fputs("</text>\n", out);
    svg_end(&sheet);
}

void svg_images(FILE *out, const nn_figure *f) {
    enum { ACROSS = 6, SIZE = (WIDTH - 2 * RIGHT) / ACROSS, ROOM = 40 };
    svg_sheet sheet = {out, f, false, WIDTH,
                       TOP + (int)(f->rows + ACROSS - 1) / ACROSS * (SIZE + ROOM) + RIGHT};
    svg_begin(&sheet);
    for (size_t i = 0; i < f->rows; i++) {
        const char **cell = f->cell + i * f->columns;
        int x = RIGHT + (int)(i % ACROSS) * SIZE, y = TOP + (int)(i / ACROSS) * (SIZE + ROOM);
        fprintf(out,
                "<image x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                "style=\"image-rendering: pixelated\" xlink:href=\"",
                x, y, SIZE - 10, SIZE - 10);
        svg_text(out, cell[f->columns - 1]);
        fputs("\"/>\n", out);
        svg_label(out, x, y + SIZE + 6, "start", "inside", cell[0]);
        if (f->columns <= 2)
            continue;
        fprintf(out, "<text x=\"%d\" y=\"%d\" class=\"inside soft\">taken for ", x, y + SIZE + 20);
        svg_text(out, cell[1]);
        fputs("</text>\n", out);
    }
    svg_end(&sheet);
}
