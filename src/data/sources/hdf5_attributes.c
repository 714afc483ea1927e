/* What the attributes of an HDF5 file say about x and y: those of an array go before those of its
 * split, and these before the root's. */
#include "data/output.h"
#include "data/sources/describe.h"
#include "data/sources/sources.h"
#include "data/values/layout.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *nn_hdf5_nearest(const nn_dataset *ds, const nn_split *split, char field, const char *a,
                            const char *b, char *path) {
    for (int outwards = 0; outwards < 3; outwards++) {
        if (outwards == 0)
            nn_field_path(split->name, split->tokens > 0 ? NN_FIELD_TOKENS : field, path);
        else
            snprintf(path, NN_FIELD_PATH, "/%s", outwards == 1 ? split->name : "");
        if (nn_h5_has_attr(ds->state, path, a) || (b && nn_h5_has_attr(ds->state, path, b)))
            return path;
    }
    return NULL;
}

/* Names that an attribute of the splits lists, NULL: nothing does. All splits must list the same.
 */
static int read_names(nn_dataset *ds, char field, const char *attribute, const char ***names,
                      size_t *count) {
    char path[NN_FIELD_PATH], first[NN_FIELD_PATH] = "";

    *names = NULL;
    for (size_t i = 0; i < ds->splits; i++) {
        const char *object = nn_hdf5_nearest(ds, &ds->split[i], field, attribute, NULL, path);
        char **found;
        size_t n;
        if (!object || strcmp(object, first) == 0)
            continue;
        NN_TRY(nn_h5_get_texts(ds->state, object, attribute, &ds->pool, &found, &n));
        if (n == 0)
            return nn_fail(NN_EFORMAT, "%s: the attribute %s of %s is empty", ds->path, attribute,
                           object);
        bool same = *names && n == *count;
        for (size_t k = 0; same && k < n; k++)
            same = strcmp(found[k], (*names)[k]) == 0;
        if (*names && !same)
            return nn_fail(NN_EFORMAT,
                           "%s: %s and %s have different attributes %s: all splits have the same",
                           ds->path, first, object, attribute);
        snprintf(first, sizeof first, "%s", object);
        *names = (const char **)found;
        *count = n;
    }
    return NN_OK;
}

static int read_layout_of(nn_dataset *ds, const char *object, int *out) {
    char *text;

    NN_TRY(nn_h5_get_text(ds->state, object, "layout", &ds->pool, &text));
    for (int i = NN_LAYOUT_FIRST; i <= NN_LAYOUT_LAST; i++)
        if (strcmp(text, nn_layout_names[i]) == 0)
            *out = i;
    if (*out == NN_LAYOUT_AUTO)
        return nn_fail(NN_EFORMAT,
                       "%s: the attribute layout is '%s', but channels_first or channels_last are "
                       "what it can be",
                       ds->path, text);
    return NN_OK;
}

/* What the attributes of the splits say; NN_LAYOUT_AUTO: nothing. */
static int read_layout(nn_dataset *ds, int *out) {
    char path[NN_FIELD_PATH];

    *out = NN_LAYOUT_AUTO;
    for (size_t i = 0; i < ds->splits; i++) {
        const char *object = nn_hdf5_nearest(ds, &ds->split[i], 'x', "layout", NULL, path);
        int found = NN_LAYOUT_AUTO;
        if (object)
            NN_TRY(read_layout_of(ds, object, &found));
        if (object && *out != NN_LAYOUT_AUTO && *out != found)
            return nn_fail(NN_EFORMAT,
                           "%s: the attributes layout differ, and that of %s is %s: all splits "
                           "have the same",
                           ds->path, object, nn_layout_names[found]);
        *out = object ? found : *out;
    }
    return NN_OK;
}

/* Where the attributes are that say how stored numbers become floats. */
typedef struct affine {
    const char *object; /* NULL: there are none */
    bool standard;      /* mean and std, else scale and offset */
    char path[NN_FIELD_PATH];
} affine;

static int find_affine(nn_dataset *ds, const nn_split *split, affine *out) {
    char path[NN_FIELD_PATH];
    const char *standard = nn_hdf5_nearest(ds, split, 'x', "mean", "std", path);
    const char *scaled = nn_hdf5_nearest(ds, split, 'x', "scale", "offset", out->path);

    if (standard && scaled && strcmp(standard, scaled) == 0)
        return nn_fail(NN_EFORMAT,
                       "%s: %s has scale or offset and mean or std as well: keep one pair",
                       ds->path, scaled);
    /* the nearer one has the longer path */
    out->standard = standard && (!scaled || strlen(standard) > strlen(scaled));
    if (out->standard)
        snprintf(out->path, sizeof out->path, "%s", standard);
    out->object = standard || scaled ? out->path : NULL;
    return NN_OK;
}

/* Numbers for each element stand as the elements do. */
static int order_elements(nn_dataset *ds, const nn_field *x, double *value) {
    size_t width = nn_shape_count(&x->shape);
    double *stored = nn_pool_alloc(&ds->pool, width * sizeof *stored);

    if (!stored)
        return NN_EMEMORY;
    memcpy(stored, value, width * sizeof *stored);
    for (size_t e = 0; e < width; e++)
        value[nn_field_element(x, e)] = stored[e];
    return NN_OK;
}

/* One number for all, one for each channel, or one for each element of a row. */
static int read_affine_attr(nn_dataset *ds, const char *object, const char *name, double fallback,
                            double **value, size_t *count) {
    const nn_shape *shape = &ds->split[0].x.shape;
    size_t width = nn_shape_count(shape), found = width;
    char text[NN_SHAPE_TEXT];

    *value = nn_pool_alloc(&ds->pool, width * sizeof **value);
    if (!*value)
        return NN_EMEMORY;
    *count = 1;
    (*value)[0] = fallback;
    if (!nn_h5_has_attr(ds->state, object, name))
        return NN_OK;
    NN_TRY(nn_h5_get_reals(ds->state, object, name, *value, &found));
    if (!nn_affine_fits(found, shape))
        return nn_fail(NN_EFORMAT,
                       "%s: attribute %s of %s has %zu numbers; a row of x is %s, so 1, %zu or %zu "
                       "would fit",
                       ds->path, name, object, found, nn_shape_text(shape, text),
                       nn_channels_of(shape), width);
    *count = found;
    for (size_t i = 0; i < *count; i++)
        if (!isfinite((float)(*value)[i]))
            return nn_fail(NN_EFORMAT, "%s: attribute %s of %s holds %g, which is no finite float",
                           ds->path, name, object, (*value)[i]);
    if (found == width && ds->split[0].x.channels_last)
        return order_elements(ds, &ds->split[0].x, *value);
    return NN_OK;
}

static int check_positive(nn_dataset *ds, const affine *a, const char *name, const double *value,
                          size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!(value[i] > 0))
            return nn_fail(NN_EFORMAT, "%s: attribute %s of %s is %g, but must be positive",
                           ds->path, name, a->object, value[i]);
    return NN_OK;
}

/* Spreads `count` numbers to `wanted`, from the end since the first ones are still to be read. */
static void spread_out(const nn_shape *shape, double *value, size_t count, size_t wanted) {
    bool elements = wanted == nn_shape_count(shape);

    for (size_t i = wanted; i-- > 0 && count < wanted;)
        value[i] = value[elements ? nn_affine_index(count, shape, i) : 0];
}

/* Turns what the attributes say into scale and offset in the data set's own memory. */
static int read_affine(nn_dataset *ds, const nn_split *split, nn_affine *out) {
    const nn_shape *shape = &ds->split[0].x.shape;
    affine a = {0};
    double *spread = NULL, *shift = NULL;
    size_t spreads = 1, shifts = 1, count;

    NN_TRY(find_affine(ds, split, &a));
    if (!a.object)
        return NN_OK;
    NN_TRY(read_affine_attr(ds, a.object, a.standard ? "std" : "scale", 1, &spread, &spreads));
    NN_TRY(read_affine_attr(ds, a.object, a.standard ? "mean" : "offset", 0, &shift, &shifts));
    NN_TRY(check_positive(ds, &a, a.standard ? "std" : "scale", spread, spreads));
    count = spreads > shifts ? spreads : shifts;
    spread_out(shape, spread, spreads, count);
    spread_out(shape, shift, shifts, count);
    for (size_t i = 0; a.standard && i < count; i++) {
        spread[i] = 1 / spread[i];
        shift[i] *= -spread[i];
    }
    *out = (nn_affine){count, spread, shift};
    return NN_OK;
}

static bool same_numbers(const nn_affine *a, const nn_affine *b) {
    size_t bytes = a->count * sizeof *a->scale;

    return a->count == b->count && (bytes == 0 || (memcmp(a->scale, b->scale, bytes) == 0 &&
                                                   memcmp(a->offset, b->offset, bytes) == 0));
}

/* All splits must be scaled alike: what was trained on one is evaluated on another. */
static int open_affine(nn_dataset *ds) {
    for (size_t i = 0; i < ds->splits; i++) {
        nn_affine found = {0};

        NN_TRY(read_affine(ds, &ds->split[i], &found));
        if (found.count > 0 && ds->tokens)
            return nn_fail(NN_EFORMAT,
                           "%s: its x are tokens, numbers of a vocabulary, which nothing scales: "
                           "take scale, offset, mean and std out of the attributes",
                           ds->path);
        if (i == 0)
            ds->affine = found;
        else if (!same_numbers(&found, &ds->affine))
            return nn_fail(NN_EFORMAT,
                           "%s: /%s and /%s are scaled differently: put scale and offset, or mean "
                           "and std, on the root",
                           ds->path, ds->split[i].name, ds->split[0].name);
    }
    return NN_OK;
}

static int open_classes(nn_dataset *ds) {
    const char **names;
    size_t count = 0;

    NN_TRY(read_names(ds, 'y', "classes", &names, &count));
    ds->class_names = names;
    ds->classes = (int64_t)count;
    return NN_OK;
}

static int open_features(nn_dataset *ds) {
    NN_TRY(read_names(ds, 'x', "feature_names", &ds->feature_names, &ds->features));
    return nn_dataset_check_features(ds);
}

/* A number for each column of x, where there is such an attribute. */
static int read_of_columns(nn_dataset *ds, const char *attribute, const double **out) {
    size_t width = nn_shape_count(&ds->split[0].x.shape), found = width;
    double *value;

    if (!nn_h5_has_attr(ds->state, "/", attribute))
        return NN_OK;
    value = nn_pool_alloc(&ds->pool, width * sizeof *value);
    if (!value)
        return NN_EMEMORY;
    NN_TRY(nn_h5_get_reals(ds->state, "/", attribute, value, &found));
    if (found != width)
        return nn_fail(NN_EFORMAT, "%s: attribute %s of / has %zu numbers, but x has %zu columns",
                       ds->path, attribute, found, width);
    *out = value;
    return NN_OK;
}

/* The kind of the tokens of a split, NULL: there are none. Where windows are stored, the root says
 * so: a `tokens` nearer to x is anybody's. */
static int read_tokens(nn_dataset *ds, const nn_split *split, char **text) {
    char path[NN_FIELD_PATH];
    const char *object = nn_h5_has_attr(ds->state, "/", "tokens") ? "/" : NULL;

    if (split->tokens > 0)
        object = nn_hdf5_nearest(ds, split, NN_FIELD_TOKENS, "tokens", NULL, path);
    *text = split->tokens > 0 ? "ids" : NULL;
    return object ? nn_h5_get_text(ds->state, object, "tokens", &ds->pool, text) : NN_OK;
}

static int open_tokens(nn_dataset *ds) {
    for (size_t i = 0; i < ds->splits; i++) {
        char *text;
        NN_TRY(read_tokens(ds, &ds->split[i], &text));
        if (i > 0 && text && ds->tokens && strcmp(text, ds->tokens) != 0)
            return nn_fail(NN_EFORMAT,
                           "%s: the tokens of /%s are %s and those of /%s %s: all splits have the "
                           "same attribute tokens",
                           ds->path, ds->split[0].name, ds->tokens, ds->split[i].name, text);
        if (i == 0)
            ds->tokens = text;
    }
    return NN_OK;
}

int nn_hdf5_read_attributes(nn_dataset *ds) {
    int layout = NN_LAYOUT_AUTO;

    if (nn_shape_is_image(&ds->split[0].x.shape))
        NN_TRY(read_layout(ds, &layout));
    nn_dataset_open_layout(ds, layout);
    NN_TRY(open_tokens(ds));
    NN_TRY(open_affine(ds));
    NN_TRY(open_classes(ds));
    NN_TRY(read_of_columns(ds, "filled_in", &ds->missing));
    NN_TRY(read_of_columns(ds, "one_hot", &ds->one_hot));
    NN_TRY(nn_categories_read(&ds->categories, ds->state, "/",
                              nn_shape_count(&ds->split[0].x.shape), &ds->pool));
    return open_features(ds);
}
