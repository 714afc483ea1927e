/* What the drawers of SVG 1.1 share. Files have light colours of their own; within the page colours
 * are those of its style, which has the same classes: s0 to s7 for lines, f0 to f7 for areas. */
#ifndef NN_PLOT_SVG_SVG_H
#define NN_PLOT_SVG_SVG_H

#include "plot/writers.h"

/* Pixels of wide figures. */
#define WIDTH 760
#define LEFT 78
#define RIGHT 24
#define TOP 56
#define COLUMNS (WIDTH - LEFT - RIGHT)

/* Where a figure is drawn. */
typedef struct svg_sheet {
    FILE *out;
    const nn_figure *figure;
    bool within; /* the page, which has the title and the style itself */
    int width, height;
} svg_sheet;

void svg_begin(const svg_sheet *sheet);
void svg_end(const svg_sheet *sheet);

/* Escaped for XML. */
void svg_text(FILE *out, const char *text);
/* `anchor`: start, middle or end. */
void svg_label(FILE *out, double x, double y, const char *anchor, const char *class,
               const char *text);
/* The same, cut where it has more than `most` characters. */
void svg_short_label(FILE *out, double x, double y, const char *anchor, const char *class,
                     const char *text, size_t most);
/* Names of the series in rows of `across`, from (LEFT, y) on. */
void svg_legend(FILE *out, const nn_figure *figure, int left, int y, int across, int width);
#define SVG_LEGEND_ROW 20
/* Pixels that it takes. */
int svg_legend_height(const nn_figure *figure, int across);

/* ---- axes -------------------------------------------------------------------------------------
 */

/* From numbers to pixels. */
typedef struct svg_scale {
    double least, most; /* of what is drawn: logarithms where log */
    double from, to;    /* pixels */
    bool log;
} svg_scale;

double svg_place(const svg_scale *scale, double value);
/* It has a place: a number that is not absurdly large, and where the scale is logarithmic a
 * positive one. */
bool svg_is_shown(const svg_scale *scale, double value);
/* Over all points of the figure's series, with room on both sides, `share` of the whole. */
svg_scale svg_scale_of(const nn_figure *f, bool of_y, double from, double to, double share);
/* Lines at round numbers of y, the axis of x, and what both show; about so many numbers on each. */
void svg_axes(FILE *out, const nn_figure *figure, const svg_scale *x, const svg_scale *y,
              int x_ticks, int y_ticks);
void svg_mark(FILE *out, const nn_figure_mark *mark, const svg_scale *x, const svg_scale *y,
              size_t index);

/* ---- kinds ------------------------------------------------------------------------------------
 */

void svg_lines(FILE *out, const nn_figure *figure);
void svg_bars(FILE *out, const nn_figure *figure);
void svg_heat(FILE *out, const nn_figure *figure);
void svg_images(FILE *out, const nn_figure *figure);
void svg_plane(FILE *out, const nn_figure *figure, bool within);
void svg_graph(FILE *out, const nn_figure *figure, bool within);

#endif
