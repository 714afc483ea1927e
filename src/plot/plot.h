/* Figures of runs and models. They are made once, as numbers and words, and written as one HTML
 * page, as files of SVG, or as tables. */
#ifndef NN_PLOT_PLOT_H
#define NN_PLOT_PLOT_H

#include "base/mem.h"
#include "base/shape.h"

typedef enum nn_line_style { NN_LINE_SOLID, NN_LINE_DASHED, NN_LINE_POINTS } nn_line_style;

/* y over x; NaN is a gap. Of a plane, points in any order. */
typedef struct nn_series {
    const char *name;
    size_t color; /* of the palette; series that belong together have the same */
    nn_line_style style;
    size_t count;
    const double *x, *y; /* [count] */
} nn_series;

/* A point that is pointed out. */
typedef struct nn_figure_mark {
    const char *text;
    size_t color;
    double x, y;
} nn_figure_mark;

typedef enum nn_figure_kind {
    NN_FIGURE_LINES,  /* series */
    NN_FIGURE_BARS,   /* a bar for each row name, of the series, whose x is not used */
    NN_FIGURE_TABLE,  /* cells */
    NN_FIGURE_HEAT,   /* values, rows downwards */
    NN_FIGURE_IMAGES, /* cells; the last of a row is a picture, as a URI of its data */
    NN_FIGURE_PLANE,  /* series over the values of a grid, if there is one */
    NN_FIGURE_GRAPH   /* a box for each row, of the words in its cells, and links between them */
} nn_figure_kind;

/* Values at the middles of cells that divide x and y evenly, those next to y[0] first. */
typedef struct nn_figure_grid {
    size_t rows, columns;
    double x[2], y[2];
    const double *value; /* [rows][columns] */
    const size_t *color; /* [rows][columns] of the palette; regions, which are the stronger, the
                            nearer their value is to 1; NULL: lines of equal value */
} nn_figure_grid;

/* The middle of cell `i` of `count` along an axis. */
static inline double nn_figure_grid_place(const double ends[2], size_t count, size_t i) {
    return ends[0] + (ends[1] - ends[0]) * ((double)i + 0.5) / (double)count;
}

/* Of a graph: where it stands, and how large it is; pixels. */
typedef struct nn_figure_box {
    double x, y, width, height; /* of its upper left corner */
} nn_figure_box;

/* From one box of a graph to a lower one, past those between them. */
typedef struct nn_figure_link {
    size_t from, to; /* rows */
    size_t points;
    const double *x, *y; /* [points] where it passes */
} nn_figure_link;

/* Texts and arrays are owned by the pool, or live as long. */
typedef struct nn_figure {
    nn_figure_kind kind;
    const char *id;       /* "loss": of files, and of links into the page */
    const char *title;    /* "Loss" */
    const char *about;    /* one or two sentences: what is to be seen */
    const char *x, *y;    /* what the axes show; heat: rows are y */
    bool log_y;           /* as it begins */
    size_t series, marks; /* how many */
    nn_series *serie;
    nn_figure_mark *mark;
    size_t rows, columns;       /* of a table or heat; rows of bars */
    const char **row, **column; /* their names */
    const char **cell;          /* [rows][columns] */
    const double *value;        /* [rows][columns] */
    const nn_figure_grid *grid; /* of a plane; NULL: none */
    const nn_figure_box *box;   /* [rows] of a graph, */
    size_t links;               /* and what leads from one to another */
    const nn_figure_link *link;
    size_t series_capacity, mark_capacity;
} nn_figure;

typedef struct nn_plot_run nn_plot_run; /* plot/run.h */

typedef struct nn_plot {
    nn_pool *pool;
    const nn_plot_run *run; /* what nn_plot_runs has read of each folder; NULL: it was not called */
    const char *title;
    double refresh; /* seconds after which the page loads itself again; 0: never */
    size_t figures, capacity;
    nn_figure *figure;
} nn_plot;

/* A new figure at the end; NULL with the error set. What is not given is 0. */
nn_figure *nn_plot_add(nn_plot *plot, nn_figure_kind kind, const char *id, const char *title,
                       const char *about);
/* That of this id; NULL: there is none. */
nn_figure *nn_plot_find(const nn_plot *plot, const char *id);
/* "metric-f1-macro" of "metric" and "f1/macro", an id that no figure has yet: of files and of parts
 * of the page, so without what no file name may have. Owned by the plot, NULL with the error set.
 */
const char *nn_plot_id(nn_plot *plot, const char *prefix, const char *name);
/* Takes the last figure back, as nothing was put into it. */
void nn_plot_drop(nn_plot *plot);
/* Makes room for its table, of `rows` times `columns` cells or values, and their names. */
int nn_figure_table(nn_plot *plot, nn_figure *figure, size_t rows, size_t columns);
int nn_figure_series(nn_plot *plot, nn_figure *figure, nn_series series);
int nn_figure_add_mark(nn_plot *plot, nn_figure *figure, nn_figure_mark mark);

/* "data:image/png;base64,..." of pixels [H][W][C], as a cell of NN_FIGURE_IMAGES; owned by the
 * plot. NULL: no memory. */
const char *nn_plot_picture(nn_plot *plot, const nn_shape *image, const unsigned char *pixels);

/* Adds the figures of run folders: what metrics.jsonl and config.yaml hold, one run or several over
 * each other. NN_EUSAGE where a folder is no run, NN_EFORMAT, NN_EIO. Local. */
int nn_plot_runs(nn_plot *plot, const char *const *folder, size_t runs);

/* Adds the model as a graph: its layers with shapes, parameters and multiplications; as a table
 * where it is too large to be looked at. `id` and `title` are the figure's. NN_EMEMORY. Local. */
struct nn_model;
int nn_plot_graph(nn_plot *plot, const struct nn_model *model, const char *id, const char *title);

/* Adds curves of activations and of their derivatives, as the product computes them: of those in
 * `names`, "relu, leaky_relu: {gamma: 0.1}", or of "all" that have a value for each number.
 * NN_EUSAGE. Local. */
int nn_plot_activations(nn_plot *plot, const char *names);

/* Writes the page in the place of what stands at `path`, at once. It wants no other file and no
 * network. NN_EIO. Local. */
int nn_plot_page(const nn_plot *plot, const char *path);

typedef enum nn_plot_format { NN_PLOT_SVG, NN_PLOT_CSV } nn_plot_format;

/* Writes each figure that the format can show as "<stem>-<id>.svg" or "<stem>-<id>.csv", and tells
 * `written` of each file, whose failure ends it. NN_EIO. Local. */
typedef int nn_plot_written_fn(void *ctx, const char *path);
int nn_plot_files(const nn_plot *plot, nn_plot_format format, const char *stem,
                  nn_plot_written_fn *written, void *ctx);

#endif
