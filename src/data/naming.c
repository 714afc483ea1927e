#include "data/naming.h"

#include "base/text.h"
#include "data/sources/sources.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_TEXT 240

nn_naming nn_dataset_naming(const nn_dataset *ds) {
    return (nn_naming){.classes = ds->classes,
                       .class_name = ds->class_names,
                       .first_label = ds->first_class,
                       .features = ds->features,
                       .feature_name = ds->feature_names,
                       .categories = ds->categories};
}

/* ---- a list of names to look in -------------------------------------------------------------- */

typedef struct place {
    const char *name;
    size_t at; /* its place in the list */
    bool used;
} place;

static int by_name(const void *a, const void *b) {
    const place *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static place *sort_names(nn_pool *pool, size_t count, const char *const *name) {
    place *list = nn_pool_alloc(pool, (count + 1) * sizeof *list);

    if (!list)
        return NULL;
    for (size_t i = 0; i < count; i++)
        list[i] = (place){name[i], i, false};
    qsort(list, count, sizeof *list, by_name);
    return list;
}

/* The first place of that name which is not used; NULL: none. */
static place *find_name(place *list, size_t count, const char *name) {
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(list[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < count && list[low].used && strcmp(list[low].name, name) == 0)
        low++;
    return low < count && strcmp(list[low].name, name) == 0 ? &list[low] : NULL;
}

/* "'a', 'b', 'c'", cut short where there are many. */
static const char *list_text(size_t count, const char *const *name, char text[LIST_TEXT]) {
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count && used < LIST_TEXT; i++) {
        bool last = used > LIST_TEXT * 3 / 4;
        used += (size_t)snprintf(text + used, LIST_TEXT - used, "%s%s%.60s%s", i ? ", " : "",
                                 last ? "" : "'", last ? "..." : name[i], last ? "" : "'");
        if (last)
            break;
    }
    return text;
}

static int copy_names(nn_pool *pool, size_t count, const char *const *name, const char ***out) {
    *out = nn_pool_alloc(pool, (count + 1) * sizeof **out);
    if (!*out)
        return NN_EMEMORY;
    for (size_t i = 0; i < count; i++)
        if (!((*out)[i] = nn_pool_strdup(pool, name[i])))
            return NN_EMEMORY;
    return NN_OK;
}

/* ---- classes --------------------------------------------------------------------------------- */

static bool are_numbers(const nn_naming *n) {
    int64_t value;

    for (int64_t i = 0; n->class_name && i < n->classes; i++)
        if (!nn_text_to_int(n->class_name[i], &value))
            return false;
    return true;
}

static int64_t number_of(const nn_naming *n, int64_t class) {
    int64_t value = class + n->first_label;

    if (n->class_name)
        (void)nn_text_to_int(n->class_name[class], &value);
    return value;
}

/* Every name as text; numbers in one spelling. */
static int spell(const nn_naming *n, bool numbers, nn_pool *pool, const char ***out) {
    *out = nn_pool_alloc(pool, ((size_t)n->classes + 1) * sizeof **out);
    if (!*out)
        return NN_EMEMORY;
    for (int64_t i = 0; i < n->classes; i++) {
        (*out)[i] = numbers ? nn_pool_printf(pool, "%" PRId64, number_of(n, i)) : n->class_name[i];
        if (!(*out)[i])
            return NN_EMEMORY;
    }
    return NN_OK;
}

/* Which classes there are, for messages. */
static int describe_known(nn_dataset *ds, const nn_naming *like, const char *const *name) {
    char text[LIST_TEXT];

    if (like->class_name)
        list_text((size_t)like->classes, name, text);
    else
        snprintf(text, sizeof text, "'%s' to '%s'", name[0], name[like->classes - 1]);
    ds->match.known = nn_pool_strdup(&ds->pool, text);
    return ds->match.known ? NN_OK : NN_EMEMORY;
}

/* Fills class_of; the names of the data set's own classes are kept for messages. */
static int map_classes(nn_dataset *ds, const nn_naming *own, const nn_naming *like, bool numbers,
                       nn_pool *pool) {
    const char **name, **wanted;
    place *list;

    NN_TRY(spell(own, numbers, &ds->pool, &name));
    NN_TRY(spell(like, numbers, pool, &wanted));
    list = sort_names(pool, (size_t)like->classes, wanted);
    ds->match.class_of =
        nn_pool_alloc(&ds->pool, (size_t)own->classes * sizeof *ds->match.class_of);
    if (!list || !ds->match.class_of)
        return NN_EMEMORY;
    for (int64_t i = 0; i < own->classes; i++) {
        const place *found = find_name(list, (size_t)like->classes, name[i]);
        ds->match.class_of[i] = found ? (int64_t)found->at : NN_NO_CLASS;
    }
    ds->match.classes = own->classes;
    ds->match.name = name;
    return describe_known(ds, like, wanted);
}

/* Labels may be larger numbers now than the type they are stored as can hold. */
static int widen_labels(nn_dataset *ds, int64_t classes) {
    for (size_t i = 0; i < ds->splits; i++) {
        nn_split *split = &ds->split[i];
        int64_t most = split->y.type == NN_U8 ? 256 : split->y.type == NN_I8 ? 128 : INT16_MAX;
        bool narrow = split->y.type == NN_U8 || split->y.type == NN_I8 || split->y.type == NN_I16;
        if (!nn_split_has_labels(split) || !narrow || classes <= most)
            continue;
        if (!ds->ops->converts)
            return nn_fail(NN_EFORMAT, "%s: %" PRId64 " classes do not fit into labels of %s",
                           ds->path, classes, nn_dtype_name(split->y.type));
        split->y.type = NN_I32;
        split->y.row_bytes = nn_split_positions(split) * sizeof(int32_t);
    }
    return NN_OK;
}

/* The data set's classes are now those of `like`. */
static int adopt_classes(nn_dataset *ds, const nn_naming *like) {
    const char **names = NULL;

    if (like->class_name)
        NN_TRY(copy_names(&ds->pool, (size_t)like->classes, like->class_name, &names));
    ds->classes = ds->named = like->classes;
    ds->class_names = ds->names = names;
    ds->first_class = like->first_label;
    return NN_OK;
}

int nn_dataset_match_classes(nn_dataset *ds, const nn_naming *like) {
    nn_naming own = nn_dataset_naming(ds);
    bool numbers = are_numbers(&own) && are_numbers(like);
    bool named = own.class_name && like->class_name;
    bool same = !own.class_name && !like->class_name && own.first_label == like->first_label;
    nn_pool pool = {0};
    int rc = NN_OK;

    if (own.classes == 0 || like->classes == 0 || same)
        return NN_OK;
    if (!numbers && !named) /* one of them has numbers only, which count from 0 for both */
        return own.classes <= like->classes ? adopt_classes(ds, like) : NN_OK;
    rc = map_classes(ds, &own, like, numbers, &pool);
    nn_pool_release(&pool);
    NN_TRY(rc);
    NN_TRY(widen_labels(ds, like->classes));
    return adopt_classes(ds, like);
}

/* ---- columns --------------------------------------------------------------------------------- */

static int no_column(const nn_dataset *ds, const char *name) {
    char text[LIST_TEXT];

    return nn_fail(NN_EFORMAT,
                   "%s: x has no column '%s', which the model was trained on: it has %s", ds->path,
                   name, list_text(ds->features, ds->feature_names, text));
}

static int more_columns(const nn_dataset *ds, const place *list) {
    const place *first = NULL;

    for (size_t i = 0; i < ds->features; i++)
        if (!list[i].used && (!first || list[i].at < first->at))
            first = &list[i];
    if (!first)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: x has a column '%s', which the model was not trained on: leave it out",
                   ds->path, first->name);
}

/* order[f]: where column f of `like` stands in the data set. */
static int order_columns(const nn_dataset *ds, const nn_naming *like, nn_pool *pool,
                         size_t *order) {
    place *list = sort_names(pool, ds->features, ds->feature_names);

    if (!list)
        return NN_EMEMORY;
    for (size_t f = 0; f < like->features; f++) {
        place *found = find_name(list, ds->features, like->feature_name[f]);
        if (!found)
            return no_column(ds, like->feature_name[f]);
        found->used = true;
        if (f < ds->features)
            order[f] = found->at;
    }
    return more_columns(ds, list);
}

/* Numbers of categories stand for the same ones. A file that names none may be of anyone who knows
 * them. */
static int check_categories(const nn_dataset *ds, const nn_naming *like, const size_t *order) {
    for (size_t f = 0; ds->categories.columns && f < like->features; f++)
        if (!nn_categories_same(&ds->categories, order[f], &like->categories, f))
            return nn_fail(NN_EFORMAT,
                           "%s: the numbers in column '%s' stand for other categories than those "
                           "that the model was trained on: give it the table itself (--data "
                           "FILE.csv), which is read with the model's",
                           ds->path, like->feature_name[f]);
    return NN_OK;
}

/* From now on they are those of `like`, whose order of columns x is read in. */
static int adopt_categories(nn_dataset *ds, const nn_categories *like) {
    double *count;
    const char **name;

    ds->categories = (nn_categories){0};
    if (like->columns == 0)
        return NN_OK;
    count = nn_pool_alloc(&ds->pool, like->columns * sizeof *count);
    if (!count)
        return NN_EMEMORY;
    memcpy(count, like->count, like->columns * sizeof *count);
    NN_TRY(copy_names(&ds->pool, nn_categories_names(like), like->name, &name));
    ds->categories = (nn_categories){like->columns, count, name};
    return NN_OK;
}

static bool in_order(size_t count, const size_t *order) {
    for (size_t i = 0; i < count; i++)
        if (order[i] != i)
            return false;
    return true;
}

/* Numbers of an affine map, one for each column, or for each element of rows [T, F]. */
static int turn_numbers(nn_dataset *ds, const size_t *order, size_t count, const double **value) {
    double *turned = nn_pool_alloc(&ds->pool, count * sizeof *turned);

    if (!turned)
        return NN_EMEMORY;
    for (size_t i = 0; i < count; i++)
        turned[i] = (*value)[i - i % ds->features + order[i % ds->features]];
    *value = turned;
    return NN_OK;
}

/* The columns are those of `like`, in that order. */
static int adopt_features(nn_dataset *ds, const nn_naming *like) {
    const nn_shape *x = &ds->split[0].x.shape;

    if (x->rank < 1 || x->rank > 2 || (size_t)x->dim[x->rank - 1] != like->features)
        return NN_OK;
    ds->features = like->features;
    return copy_names(&ds->pool, like->features, like->feature_name, &ds->feature_names);
}

/* The tokens of a text are numbers in x, too. */
static int check_tokens(const nn_dataset *ds, const nn_naming *like) {
    bool same = !ds->names == !like->class_name && (!ds->names || ds->named == like->classes);

    if (!ds->tokens || like->classes == 0)
        return NN_OK;
    for (int64_t i = 0; same && ds->names && i < ds->named; i++)
        same = strcmp(ds->names[i], like->class_name[i]) == 0;
    if (same)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: its tokens have other numbers than those that the model was trained on: %s",
                   ds->path,
                   ds->ops == &nn_source_text
                       ? "the text has changed since; eval and predict read it with the model's "
                         "vocabulary where --data names it"
                       : "give the text itself (--data FILE.txt)");
}

int nn_dataset_match_features(nn_dataset *ds, const nn_naming *like) {
    nn_pool pool = {0};
    size_t *order;
    int rc;

    NN_TRY(check_tokens(ds, like));
    if (like->features == 0)
        return NN_OK;
    if (ds->features == 0)
        return adopt_features(ds, like);
    order = nn_pool_alloc(&ds->pool, ds->features * sizeof *order);
    if (!order)
        return NN_EMEMORY;
    rc = order_columns(ds, like, &pool, order);
    nn_pool_release(&pool);
    NN_TRY(rc);
    NN_TRY(check_categories(ds, like, order));
    NN_TRY(adopt_categories(ds, &like->categories));
    if (in_order(ds->features, order))
        return NN_OK;
    ds->match.row = nn_pool_alloc(&ds->pool, ds->split[0].x.row_bytes);
    if (!ds->match.row)
        return NN_EMEMORY;
    ds->match.feature_of = order;
    if (ds->affine.count > 1) {
        NN_TRY(turn_numbers(ds, order, ds->affine.count, &ds->affine.scale));
        NN_TRY(turn_numbers(ds, order, ds->affine.count, &ds->affine.offset));
    }
    return adopt_features(ds, like);
}
