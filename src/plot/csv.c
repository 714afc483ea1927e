/* Figures as tables: RFC 4180, numbers with all their digits. */
#include "base/text.h"
#include "plot/writers.h"

#include <string.h>

/* NaN is an empty cell. */
static void put_number(FILE *out, double value) {
    char text[NN_TEXT_REAL];
    if (isnan(value))
        return;
    nn_text_from_real(text, value);
    fputs(text, out);
}

static void put_point(FILE *out, const char *series, double x, double y) {
    nn_text_put_field(out, series);
    fputc(',', out);
    put_number(out, x);
    fputc(',', out);
    put_number(out, y);
}

/* A line for each point of a grid, with its value and, of regions, the number of its class. */
static void put_grid(FILE *out, const nn_figure_grid *g) {
    for (size_t r = 0; r < g->rows; r++)
        for (size_t c = 0; c < g->columns; c++) {
            size_t at = r * g->columns + c;
            put_point(out, "grid", nn_figure_grid_place(g->x, g->columns, c),
                      nn_figure_grid_place(g->y, g->rows, r));
            fputc(',', out);
            put_number(out, g->value[at]);
            if (g->color)
                fprintf(out, ",%zu", g->color[at]);
            fputc('\n', out);
        }
}

/* A line for each point of a curve. */
static void put_lines(FILE *out, const nn_figure *f) {
    const char *end = f->grid ? f->grid->color ? ",,\n" : ",\n" : "\n";
    nn_text_put_field(out, "series");
    fputc(',', out);
    nn_text_put_field(out, f->x);
    fputc(',', out);
    nn_text_put_field(out, f->y);
    fputs(f->grid ? f->grid->color ? ",value,class\n" : ",value\n" : "\n", out);
    for (size_t s = 0; s < f->series; s++)
        for (size_t i = 0; i < f->serie[s].count; i++) {
            put_point(out, f->serie[s].name, f->serie[s].x[i], f->serie[s].y[i]);
            fputs(end, out);
        }
    if (f->grid)
        put_grid(out, f->grid);
}

static void put_cell(FILE *out, const nn_figure *f, size_t row, size_t column) {
    if (f->kind == NN_FIGURE_BARS)
        put_number(out, f->serie[column].y[row]);
    else if (f->kind == NN_FIGURE_HEAT)
        put_number(out, f->value[row * f->columns + column]);
    else
        nn_text_put_field(out, f->cell[row * f->columns + column]);
}

/* A line for each row, with its name. */
static void put_table(FILE *out, const nn_figure *f) {
    size_t columns = f->kind == NN_FIGURE_BARS ? f->series : f->columns;
    for (size_t c = 0; c < columns; c++) {
        fputc(',', out);
        nn_text_put_field(out, f->kind == NN_FIGURE_BARS ? f->serie[c].name : f->column[c]);
    }
    fputc('\n', out);
    for (size_t r = 0; r < f->rows; r++) {
        nn_text_put_field(out, f->row[r]);
        for (size_t c = 0; c < columns; c++) {
            fputc(',', out);
            put_cell(out, f, r, c);
        }
        fputc('\n', out);
    }
}

void nn_figure_csv(FILE *out, const nn_figure *figure) {
    if (figure->kind == NN_FIGURE_LINES || figure->kind == NN_FIGURE_PLANE)
        put_lines(out, figure);
    else
        put_table(out, figure);
}
