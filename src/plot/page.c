/* The page: the figures as JSON between what CMake made of src/plot/page. */
#include "plot/page.h"

#include "base/json/json.h"
#include "io/files/file.h"
#include "plot/palette.h"
#include "plot/writers.h"

#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((size_t)1 << 30)

/* Arrays that several series have are written once. */
typedef struct arrays {
    size_t count, capacity;
    struct {
        const double *value;
        size_t count;
    } * array;
} arrays;

static int index_of(nn_pool *pool, arrays *a, const double *value, size_t count, int64_t *index) {
    size_t i = 0;
    while (i < a->count && !(a->array[i].value == value && a->array[i].count == count))
        i++;
    if (i == a->count) {
        NN_TRY(NN_GROW(pool, &a->array, a->count, &a->capacity));
        a->array[i].value = value;
        a->array[i].count = count;
        a->count++;
    }
    *index = (int64_t)i;
    return 0;
}

static int put_series(nn_json *json, nn_pool *pool, arrays *a, const nn_series *s) {
    static const char *const styles[] = {"solid", "dashed", "points"};
    int64_t index;
    nn_json_open(json, NULL, '{');
    nn_json_string(json, "name", s->name);
    nn_json_int(json, "color", (int64_t)s->color);
    nn_json_string(json, "style", styles[s->style]);
    if (s->x) {
        NN_TRY(index_of(pool, a, s->x, s->count, &index));
        nn_json_int(json, "x", index);
    }
    NN_TRY(index_of(pool, a, s->y, s->count, &index));
    nn_json_int(json, "y", index);
    nn_json_close(json, '}');
    return 0;
}

static void put_texts(nn_json *json, const char *key, const char *const *text, size_t count) {
    nn_json_open(json, key, '[');
    for (size_t i = 0; i < count; i++)
        nn_json_string(json, NULL, text[i]);
    nn_json_close(json, ']');
}

static void put_marks(nn_json *json, const nn_figure *figure) {
    nn_json_open(json, "marks", '[');
    for (size_t i = 0; i < figure->marks; i++) {
        const nn_figure_mark *m = &figure->mark[i];
        nn_json_open(json, NULL, '{');
        nn_json_string(json, "text", m->text);
        nn_json_int(json, "color", (int64_t)m->color);
        nn_json_real(json, "x", m->x);
        nn_json_real(json, "y", m->y);
        nn_json_close(json, '}');
    }
    nn_json_close(json, ']');
}

/* What the page takes as it is. */
static int put_drawing(nn_json *json, const nn_figure *f) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out)
        nn_figure_svg_within(out, f);
    bool written = out && fclose(out) == 0;
    if (written)
        nn_json_string(json, "svg", text);
    free(text);
    return written ? 0 : nn_fail(NN_EMEMORY, "no memory for the figure '%s'", f->id);
}

/* What the pointer reads, to 4 digits. */
static void put_grid(nn_json *json, const nn_figure_grid *g) {
    size_t cells = g->rows * g->columns;
    char text[16];
    nn_json_open(json, "grid", '{');
    nn_json_int(json, "rows", (int64_t)g->rows);
    nn_json_int(json, "columns", (int64_t)g->columns);
    nn_json_reals(json, "x", 2, g->x);
    nn_json_reals(json, "y", 2, g->y);
    nn_json_open(json, "values", '[');
    for (size_t i = 0; i < cells; i++) {
        snprintf(text, sizeof text, "%.4g", g->value[i]);
        nn_json_real(json, NULL, strtod(text, NULL));
    }
    nn_json_close(json, ']');
    nn_json_open(json, "colors", '[');
    for (size_t i = 0; g->color && i < cells; i++)
        nn_json_int(json, NULL, (int64_t)g->color[i]);
    nn_json_close(json, ']');
    nn_json_close(json, '}');
}

static int put_figure(nn_json *json, nn_pool *pool, arrays *a, const nn_figure *f) {
    static const char *const kinds[] = {"lines",  "bars",  "table", "heat",
                                        "images", "plane", "graph"};
    nn_json_open(json, NULL, '{');
    nn_json_string(json, "id", f->id);
    nn_json_string(json, "kind", kinds[f->kind]);
    nn_json_string(json, "title", f->title);
    nn_json_string(json, "about", f->about);
    nn_json_string(json, "x", f->x);
    nn_json_string(json, "y", f->y);
    nn_json_bool(json, "log", f->log_y);
    nn_json_open(json, "series", '[');
    for (size_t i = 0; i < f->series; i++)
        NN_TRY(put_series(json, pool, a, &f->serie[i]));
    nn_json_close(json, ']');
    put_marks(json, f);
    put_texts(json, "rows", f->row, f->rows);
    put_texts(json, "columns", f->column, f->columns);
    if (f->kind == NN_FIGURE_PLANE || f->kind == NN_FIGURE_GRAPH)
        NN_TRY(put_drawing(json, f));
    if (f->grid && f->series > 0) /* else its values are shades only */
        put_grid(json, f->grid);
    if (f->cell && f->kind != NN_FIGURE_HEAT)
        put_texts(json, "cells", f->cell, f->rows * f->columns);
    if (f->kind == NN_FIGURE_HEAT)
        nn_json_reals(json, "values", f->rows * f->columns, f->value);
    nn_json_close(json, '}');
    return 0;
}

static int put_plot(nn_json *json, nn_pool *pool, const nn_plot *plot) {
    arrays a = {0};
    nn_json_open(json, NULL, '{');
    nn_json_string(json, "title", plot->title);
    nn_json_real(json, "refresh", plot->refresh);
    nn_json_open(json, "palette", '{');
    put_texts(json, "light", nn_palette_light, NN_COLORS);
    put_texts(json, "dark", nn_palette_dark, NN_COLORS);
    nn_json_close(json, '}');
    nn_json_open(json, "figures", '[');
    for (size_t i = 0; i < plot->figures; i++)
        NN_TRY(put_figure(json, pool, &a, &plot->figure[i]));
    nn_json_close(json, ']');
    nn_json_open(json, "arrays", '[');
    for (size_t i = 0; i < a.count; i++)
        nn_json_reals(json, NULL, a.array[i].count, a.array[i].value);
    nn_json_close(json, ']');
    nn_json_close(json, '}');
    return 0;
}

/* No text may end the element that the JSON is in: "</script>" or "<!--". */
static int escape(nn_pool *pool, const nn_json *json, nn_piece *piece) {
    static const char escaped[] = "\\u003c";
    size_t marks = 0, length = 0;
    for (size_t i = 0; i < json->length; i++)
        marks += json->text[i] == '<';
    char *out = nn_pool_alloc(pool, json->length + marks * (sizeof escaped - 2) + 1);
    if (!out)
        return NN_EMEMORY;
    for (size_t i = 0; i < json->length; i++) {
        size_t count = json->text[i] == '<' ? sizeof escaped - 1 : 1;
        memcpy(out + length, count > 1 ? escaped : &json->text[i], count);
        length += count;
    }
    *piece = (nn_piece){out, length};
    return 0;
}

/* In a buffer that is large enough. */
static int make_json(nn_pool *pool, const nn_plot *plot, nn_json *json) {
    for (size_t size = (size_t)1 << 20; size <= MOST_BYTES; size *= 4) {
        char *text = nn_pool_alloc(pool, size);
        if (!text)
            return NN_EMEMORY;
        nn_json_init(json, text, size);
        NN_TRY(put_plot(json, pool, plot));
        if (!json->overflow)
            return 0;
    }
    return nn_fail(NN_EMEMORY, "the page would have more than %zu bytes", MOST_BYTES);
}

int nn_plot_page(const nn_plot *plot, const char *path) {
    nn_pool pool = {0};
    nn_json json;
    nn_piece piece[] = {
        {nn_page_head, strlen(nn_page_head)}, {NULL, 0}, {nn_page_tail, strlen(nn_page_tail)}};
    int rc;
    NN_TRY_GOTO(make_json(&pool, plot, &json));
    NN_TRY_GOTO(escape(&pool, &json, &piece[1]));
    NN_TRY_GOTO(nn_file_write_pieces(path, piece, sizeof piece / sizeof *piece));
done:
    nn_pool_release(&pool);
    return rc;
}
