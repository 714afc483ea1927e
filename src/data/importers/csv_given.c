/* Features that a model was trained with: those of a CSV file are found by their names. */
#include "base/log.h"
#include "base/text.h"
#include "data/importers/csv_features.h"

#include <math.h>
#include <string.h>

/* The column that a feature comes from, and of "colour=red" the category in *category. */
static size_t column_of(const nn_csv_columns *c, const char *feature, const char **category) {
    *category = NULL;
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->column[i].name, feature) == 0)
            return i;
    for (const char *equals = feature; (equals = strchr(equals, '=')); equals++) {
        size_t length = (size_t)(equals - feature);
        for (size_t i = 0; i < c->count; i++)
            if (strncmp(c->column[i].name, feature, length) == 0 && !c->column[i].name[length]) {
                *category = equals + 1;
                return i;
            }
    }
    return c->count;
}

/* The categories of a column that the model has numbers of, in their order. */
static int take_categories(nn_csv_features *f, size_t i, const nn_node *list) {
    f->columns->column[i].embedding = true;
    f->kind[i].categories = true;
    for (size_t k = 0; k < list->count; k++) {
        if (list->item[k]->kind != NN_NODE_SCALAR)
            return nn_node_fail(list->item[k], "the name of a category should stand here");
        NN_TRY(nn_csv_features_add(f, i, list->item[k]->text));
        if (f->kind[i].labels.count == k)
            return nn_node_fail(list->item[k], "the category '%s' stands twice",
                                list->item[k]->text);
    }
    return NN_OK;
}

/* Feature number f->count of those given: a name, {name: [scale, offset]} or {name: {categories:
 * [...]}}. */
static int take_given(nn_csv_features *f, const nn_node *item, bool *used) {
    const nn_node *map = item->kind == NN_NODE_MAP && item->count == 1 ? item->item[0] : NULL;
    const char *name = map ? map->key : item->text, *category;
    const nn_node *list = map ? nn_node_get(map, "categories") : NULL;
    double scale = 1, offset = 0;
    bool sound = (list && list->kind == NN_NODE_LIST && map->count == 1) ||
                 item->kind == NN_NODE_SCALAR ||
                 (map && map->kind == NN_NODE_LIST && map->count == 2 &&
                  nn_text_to_real(map->item[0]->text, &scale) &&
                  nn_text_to_real(map->item[1]->text, &offset) && scale > 0);

    if (!sound)
        return nn_node_fail(item, "columns is a list of names, {name: [scale, offset]} and {name: "
                                  "{categories: [...]}}");
    size_t i = column_of(f->columns, name, &category);
    if (i == f->columns->count)
        return nn_fail(NN_EFORMAT,
                       "%s: no column '%s', which the model was trained on: the header names %s",
                       f->columns->options->path, name, nn_csv_columns_list(f->columns));
    if (f->columns->column[i].role != NN_CSV_FEATURE)
        return nn_fail(NN_EUSAGE, "%s: column '%s' is a feature of the model and cannot be %s",
                       f->columns->options->path, f->columns->column[i].name,
                       f->columns->column[i].role == NN_CSV_DROPPED ? "left out" : "the answer");
    nn_csv_kind *kind = &f->kind[i];
    size_t before = kind->labels.count;
    if (used[i] && (!category || !kind->categories))
        return nn_node_fail(item, "columns names '%s' twice", name);
    used[i] = true;
    f->name[f->count] = name;
    f->scale[f->count] = scale;
    f->offset[f->count] = offset;
    if (category) {
        kind->categories = true;
        NN_TRY(nn_csv_features_add(f, i, category));
        if (kind->labels.count == before)
            return nn_node_fail(item, "columns names '%s' twice", name);
        NN_TRY(NN_GROW(&f->pool, &kind->feature_of, before, &kind->feature_room));
        kind->feature_of[before] = f->count++;
        return NN_OK;
    }
    kind->first = f->count++;
    if (list)
        return take_categories(f, i, list);
    kind->fill = map ? -offset / scale : NAN;
    return NN_OK;
}

/* Others, an id or the answers, do no harm. */
static void drop_others(nn_csv_features *f, nn_csv_columns *columns, const bool *used) {
    size_t dropped = 0;
    const char *first = "";

    for (size_t i = 0; i < columns->count; i++) {
        if (columns->column[i].role != NN_CSV_FEATURE || used[i])
            continue;
        columns->column[i].role = NN_CSV_DROPPED;
        first = dropped++ ? first : columns->column[i].name;
    }
    if (dropped)
        nn_info("%s: columns that the model was not trained on are left out: '%s'%s",
                columns->options->path, first, dropped > 1 ? ", ..." : "");
    columns->features = f->count;
}

/* Without a header, and without a name that is known, columns are those of the model by place. */
static bool go_by_place(const nn_csv_columns *c, const nn_node *given) {
    const char *category;
    bool known = c->headed;

    for (size_t k = 0; k < given->count && !known; k++)
        known = given->item[k]->kind != NN_NODE_SCALAR ||
                column_of(c, given->item[k]->text, &category) < c->count;
    return !known;
}

int nn_csv_features_take(nn_csv_features *f, nn_csv_columns *columns, const nn_node *given) {
    size_t room = (given->count + 1) * sizeof(double);
    bool *used = nn_pool_alloc(&f->pool, columns->count + 1);

    if (go_by_place(columns, given))
        return NN_OK;
    f->name = nn_pool_alloc(&f->pool, room);
    f->scale = nn_pool_alloc(&f->pool, room);
    f->offset = nn_pool_alloc(&f->pool, room);
    if (!used || !f->name || !f->scale || !f->offset)
        return NN_EMEMORY;
    f->given = true;
    for (size_t k = 0; k < given->count; k++)
        NN_TRY(take_given(f, given->item[k], used));
    drop_others(f, columns, used);
    return nn_csv_features_list(f);
}
