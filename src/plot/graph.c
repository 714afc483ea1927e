/* A model as a graph: boxes in levels, each below what it reads (Sugiyama's method: a link that
 * passes a level has a place in it, and places of a level are in the order of what leads to them).
 */
#include "nn/model.h"
#include "plot/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LAYERS 150
#define MOST_PLACES 4000
/* Pixels. */
#define BOX_WIDTH 196.0
#define BOX_HEIGHT 62.0
#define SMALL_HEIGHT 26.0
#define PASS_WIDTH 26.0
#define GAP_X 16.0
#define GAP_Y 22.0

/* What stands beside others in a level: a box, or a link that passes. */
typedef struct place {
    size_t level, row;                  /* row SIZE_MAX: a link passes */
    size_t above[NN_MAX_INPUTS], count; /* places that lead to it */
    double key, middle;                 /* the order in the level; pixels */
} place;

typedef struct layout {
    nn_plot *plot;
    nn_figure *figure;
    const nn_layer *const *layer;
    size_t layers, places, levels;
    place *place;         /* those of the layers first */
    size_t *order;        /* of places in a level */
    double *top, *height; /* [levels] */
    nn_figure_box *box;
    nn_figure_link *link;
} layout;

/* Room for a line each: its name, the shape where it is another one, and what it costs. */
static double height_of(const nn_layer *layer) {
    bool same = layer->inputs == 1 && nn_shape_equal(&layer->out, &layer->in[0]);
    return layer->params ? BOX_HEIGHT : same ? SMALL_HEIGHT : (BOX_HEIGHT + SMALL_HEIGHT) / 2;
}

/* Places of the layers, and of links on their way. Layers come after those that they read. */
static int find_places(layout *l) {
    for (size_t i = 0; i < l->layers; i++) {
        place *p = &l->place[i];
        p->row = i;
        for (size_t k = 0; k < l->layer[i]->inputs; k++) {
            size_t level = l->place[l->layer[i]->input[k]->index].level + 1;
            p->level = level > p->level ? level : p->level;
        }
        l->levels = p->level >= l->levels ? p->level + 1 : l->levels;
    }
    l->places = l->layers;
    for (size_t i = 0; i < l->layers; i++) {
        place *p = &l->place[i];
        for (size_t k = 0; k < l->layer[i]->inputs; k++) {
            size_t from = (size_t)l->layer[i]->input[k]->index;
            for (size_t level = l->place[from].level + 1; level < p->level; level++) {
                if (l->places == MOST_PLACES)
                    return 1;
                l->place[l->places] = (place){.level = level, .row = SIZE_MAX};
                l->place[l->places].above[0] = from;
                l->place[l->places].count = 1;
                from = l->places++;
            }
            p->above[p->count++] = from;
        }
    }
    return 0;
}

static double width_of(const place *p) {
    return p->row == SIZE_MAX ? PASS_WIDTH : BOX_WIDTH;
}

/* Sorts the places of a level by where what they read stands, links that pass to the right. */
static void arrange(layout *l, size_t level) {
    size_t count = 0;
    double width = -GAP_X;
    for (size_t i = 0; i < l->places; i++) {
        place *p = &l->place[i];
        if (p->level != level)
            continue;
        p->key = p->row == SIZE_MAX ? 1 : 0;
        for (size_t k = 0; k < p->count; k++)
            p->key += l->place[p->above[k]].middle / (double)p->count;
        size_t at = count++;
        for (; at > 0 && l->place[l->order[at - 1]].key > p->key; at--)
            l->order[at] = l->order[at - 1];
        l->order[at] = i;
        width += width_of(p) + GAP_X;
        l->height[level] =
            fmax(l->height[level], p->row == SIZE_MAX ? SMALL_HEIGHT : height_of(l->layer[p->row]));
    }
    double x = -width / 2;
    for (size_t i = 0; i < count; i++) {
        place *p = &l->place[l->order[i]];
        p->middle = x + width_of(p) / 2;
        x += width_of(p) + GAP_X;
    }
}

static void set_boxes(layout *l) {
    double y = 0;
    for (size_t level = 0; level < l->levels; level++) {
        arrange(l, level);
        l->top[level] = y;
        y += l->height[level] + GAP_Y;
    }
    for (size_t i = 0; i < l->layers; i++) {
        double height = height_of(l->layer[i]);
        size_t level = l->place[i].level;
        l->box[i] =
            (nn_figure_box){l->place[i].middle - BOX_WIDTH / 2,
                            l->top[level] + (l->height[level] - height) / 2, BOX_WIDTH, height};
    }
}

/* The way of a link: the places that it passes, from the last one back to the box it comes from. */
static int set_link(layout *l, size_t to, size_t from, nn_figure_link *link) {
    size_t points = 0;
    for (size_t at = from; l->place[at].row == SIZE_MAX; at = l->place[at].above[0])
        points++;
    double *x = nn_pool_alloc(l->plot->pool, 2 * points * sizeof *x);
    double *y = nn_pool_alloc(l->plot->pool, 2 * points * sizeof *y);
    if (!x || !y)
        return NN_EMEMORY;
    for (size_t i = points; i-- > 0; from = l->place[from].above[0]) {
        size_t level = l->place[from].level;
        x[2 * i] = x[2 * i + 1] = l->place[from].middle;
        y[2 * i] = l->top[level];
        y[2 * i + 1] = l->top[level] + l->height[level];
    }
    *link = (nn_figure_link){from, to, 2 * points, x, y};
    return 0;
}

static int set_links(layout *l) {
    l->link = nn_pool_alloc(l->plot->pool, NN_MAX_INPUTS * l->layers * sizeof *l->link);
    if (!l->link)
        return NN_EMEMORY;
    for (size_t i = 0; i < l->layers; i++)
        for (size_t k = 0; k < l->place[i].count; k++)
            NN_TRY(set_link(l, i, l->place[i].above[k], &l->link[l->figure->links++]));
    l->figure->link = l->link;
    return 0;
}

static int lay_out(nn_plot *plot, nn_figure *figure, const nn_layer *const *layer, size_t layers) {
    layout l = {.plot = plot, .figure = figure, .layer = layer, .layers = layers};
    l.place = nn_pool_alloc(plot->pool, MOST_PLACES * sizeof *l.place);
    l.order = nn_pool_alloc(plot->pool, MOST_PLACES * sizeof *l.order);
    l.top = nn_pool_alloc(plot->pool, layers * sizeof *l.top);
    l.height = nn_pool_alloc(plot->pool, layers * sizeof *l.height);
    l.box = nn_pool_alloc(plot->pool, layers * sizeof *l.box);
    if (!l.place || !l.order || !l.top || !l.height || !l.box)
        return NN_EMEMORY;
    if (layers > MOST_LAYERS || find_places(&l) > 0) {
        figure->kind = NN_FIGURE_TABLE;
        return 0;
    }
    set_boxes(&l);
    figure->box = l.box;
    return set_links(&l);
}

/* "86.4 k": short, as it stands in a box. */
static const char *count_text(nn_pool *pool, double count) {
    static const char *const unit[] = {"", " k", " M", " G", " T"};
    size_t u = 0;
    for (; count >= 10000 && u < 4; u++)
        count /= 1000;
    return nn_pool_printf(pool, u && count < 1000 ? "%.3g%s" : "%.0f%s", count, unit[u]);
}

static int fill_row(nn_plot *plot, nn_figure *figure, size_t row, const nn_layer *layer) {
    char shape[NN_SHAPE_TEXT];
    const char **cell = figure->cell + row * figure->columns, *reads = "";
    double params = 0;
    for (size_t p = 0; p < layer->params; p++)
        params += layer->param[p].tied ? 0 : (double)layer->param[p].count;
    for (size_t k = 0; k < layer->inputs && reads; k++)
        reads = nn_pool_printf(plot->pool, "%s%s%s", reads, k ? ", " : "", layer->input[k]->name);
    figure->row[row] = nn_pool_strdup(plot->pool, layer->name);
    cell[0] = layer->ops->entry.name;
    cell[1] = nn_pool_strdup(plot->pool, nn_shape_text(&layer->out, shape));
    cell[2] = count_text(plot->pool, params);
    cell[3] = count_text(plot->pool, nn_model_work(layer).forward);
    cell[4] = reads && !layer->frozen ? reads
              : reads                 ? nn_pool_printf(plot->pool, "%s (frozen)", reads)
                                      : NULL;
    return figure->row[row] && cell[1] && cell[2] && cell[3] && cell[4] ? 0 : NN_EMEMORY;
}

int nn_plot_graph(nn_plot *plot, const nn_model *model, const char *id, const char *title) {
    static const char *const columns[] = {"kind", "output", "parameters", "multiplications",
                                          "reads"};
    const nn_layer *const *layer;
    size_t layers = nn_model_layers(model, &layer);
    nn_figure *figure =
        nn_plot_add(plot, NN_FIGURE_GRAPH, id, title,
                    "Each layer with the shape of what it computes for a sample, its parameters, "
                    "and the multiplications of a sample's forward pass in products with weights.");
    if (!figure || nn_figure_table(plot, figure, layers, 5) < 0)
        return NN_EMEMORY;
    memcpy(figure->column, columns, sizeof columns);
    for (size_t i = 0; i < layers; i++)
        NN_TRY(fill_row(plot, figure, i, layer[i]));
    return lay_out(plot, figure, layer, layers);
}
