/* Boxes below each other, and lines between them. */
#include "plot/svg/svg.h"

#include <math.h>
#include <string.h>

#define SIDE 16
#define MOST_NAME 27 /* characters that fit into a box */

/* The tooltip of the box has all of it. */
static void put_short(FILE *out, double x, double y, const char *class, const char *text) {
    svg_short_label(out, x, y, "middle", class, text, MOST_NAME);
}

/* The columns are those of nn_plot_graph. */
static void put_box(FILE *out, const nn_figure *f, size_t row) {
    const nn_figure_box *b = &f->box[row];
    const char *const *cell = f->cell + row * f->columns;
    double middle = b->x + b->width / 2;
    char text[256];
    fputs("<g><title>", out);
    svg_text(out, f->row[row]);
    for (size_t c = 0; c < f->columns; c++) {
        fprintf(out, ", %s ", f->column[c]);
        svg_text(out, cell[c]);
    }
    fprintf(out,
            "</title>\n<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"8\" "
            "class=\"card\"/>\n",
            b->x, b->y, b->width, b->height);
    bool same = strncmp(f->row[row], cell[0], strlen(cell[0])) == 0; /* "dense1" says what it is */
    snprintf(text, sizeof text, "%s%s%s", f->row[row], same ? "" : ": ", same ? "" : cell[0]);
    put_short(out, middle, b->y + 18, "", text);
    bool params = strcmp(cell[2], "0") != 0, work = strcmp(cell[3], "0") != 0;
    if (b->height > 40)
        put_short(out, middle, b->y + 35, "inside soft", cell[1]);
    if (b->height > 60) {
        snprintf(text, sizeof text, "%s%s%s%s%s", params ? cell[2] : "", params ? " param." : "",
                 params && work ? ", " : "", work ? cell[3] : "", work ? " mult." : "");
        put_short(out, middle, b->y + 52, "inside soft", text);
    }
    fputs("</g>\n", out);
}

/* Straight where it passes others, bent between. */
static void put_link(FILE *out, const nn_figure *f, const nn_figure_link *link) {
    const nn_figure_box *from = &f->box[link->from], *to = &f->box[link->to];
    double x = from->x + from->width / 2, y = from->y + from->height;
    fprintf(out, "<path class=\"axis\" fill=\"none\" stroke-width=\"1.5\" d=\"M%.1f %.1f", x, y);
    for (size_t i = 0; i <= link->points; i++) {
        bool last = i == link->points;
        double to_x = last ? to->x + to->width / 2 : link->x[i];
        double to_y = last ? to->y - 4 : link->y[i], half = (y + to_y) / 2;
        if (i % 2)
            fprintf(out, "L%.1f %.1f", to_x, to_y);
        else
            fprintf(out, "C%.1f %.1f %.1f %.1f %.1f %.1f", x, half, to_x, half, to_x, to_y);
        x = to_x;
        y = to_y;
    }
    fprintf(out, "l-4 -5m4 5l4 -5\"/>\n");
}

void svg_graph(FILE *out, const nn_figure *f, bool within) {
    double left = 0, right = 0, bottom = 0;
    for (size_t i = 0; i < f->rows; i++) {
        left = fmin(left, f->box[i].x);
        right = fmax(right, f->box[i].x + f->box[i].width);
        bottom = fmax(bottom, f->box[i].y + f->box[i].height);
    }
    for (size_t i = 0; i < f->links; i++)
        for (size_t p = 0; p < f->link[i].points; p++) {
            left = fmin(left, f->link[i].x[p]);
            right = fmax(right, f->link[i].x[p]);
        }
    svg_sheet sheet = {out, f, within, (int)(right - left) + 2 * SIDE, (int)bottom + TOP + SIDE};
    svg_begin(&sheet);
    fprintf(out, "<g transform=\"translate(%.1f %d)\">\n", SIDE - left, TOP - 10);
    for (size_t i = 0; i < f->links; i++)
        put_link(out, f, &f->link[i]);
    for (size_t i = 0; i < f->rows; i++)
        put_box(out, f, i);
    fputs("</g>\n", out);
    svg_end(&sheet);
}
