/* Data sets in HDF5: /train/x [N, ...], /train/y [N] or [N, d], /train/w [N], /train/len [N];
 * /valid and /test alike.
 */
#include "data/output.h"
#include "data/sources.h"
#include "io/file.h"

#include <nnmpi/log.h>

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct hdf5_options {
    const char *path;
    int64_t train_samples;
} hdf5_options;

static const nn_option hdf5_table[] = {
    {"path", NN_OPT_STRING, offsetof(hdf5_options, path), NULL, NULL,
     "HDF5 file with /train/x [N, ...], /train/y [N] or [N, d], and /valid, /test alike"},
    {"train_samples", NN_OPT_INT, offsetof(hdf5_options, train_samples), "0", "[0, inf)",
     "train on the first so many samples only; 0: all"},
    NN_OPTION_END,
};

static const char *const split_names[NN_MAX_SPLITS] = {"train", "valid", "test"};

/* Describes one data set of a split as the rows of a field. */
static int describe(nn_dataset *ds, const char *split, char field, nn_field *out, int64_t *rows) {
    char name[NN_FIELD_PATH];
    nn_h5_info info;

    NN_TRY(nn_h5_info_of(ds->state, nn_field_path(split, field, name), &info));
    if (info.rank < 1 || info.rank > NN_MAX_RANK + 1)
        return nn_fail(NN_EFORMAT, "%s: %s has %d dimensions; samples [N, ...] have 1 to %d",
                       ds->path, name, info.rank, NN_MAX_RANK + 1);
    *rows = info.dim[0];
    *out = (nn_field){.type = info.type, .shape = {.rank = info.rank - 1}};
    for (int i = 1; i < info.rank; i++) {
        if (info.dim[i] < 1)
            return nn_fail(NN_EFORMAT, "%s: %s has an empty dimension %d", ds->path, name, i);
        out->shape.dim[i - 1] = info.dim[i];
    }
    out->row_bytes = nn_shape_count(&out->shape) * nn_dtype_size(out->type);
    return NN_OK;
}

static int same_rows(const nn_dataset *ds, const nn_split *split, char field, int64_t rows) {
    char name[NN_FIELD_PATH];

    if (rows == split->samples)
        return NN_OK;
    return nn_fail(NN_EFORMAT, "%s: %s has %" PRId64 " rows but /%s/x has %" PRId64, ds->path,
                   nn_field_path(split->name, field, name), rows, split->name, split->samples);
}

static int refuse_texts(nn_dataset *ds, const char *split) {
    char name[NN_FIELD_PATH];

    if (!nn_h5_holds_texts(ds->state, nn_field_path(split, 'y', name)))
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "data set '%s' of '%s' holds strings where numbers are needed: write classes as "
                   "0, 1, 2 ... and their names as an attribute classes (numpy: classes, y = "
                   "np.unique(y, return_inverse=True)), or read them from CSV",
                   name, ds->path);
}

static int open_y(nn_dataset *ds, nn_split *split) {
    int64_t rows;

    NN_TRY(refuse_texts(ds, split->name));
    NN_TRY(describe(ds, split->name, 'y', &split->y, &rows));
    NN_TRY(same_rows(ds, split, 'y', rows));
    if (split->y.shape.rank > 1)
        return nn_fail(NN_EFORMAT, "%s: /%s/y has %d dimensions; targets are [N] or [N, d]",
                       ds->path, split->name, split->y.shape.rank + 1);
    split->has_y = true;
    return NN_OK;
}

/* One number a sample. */
static int open_numbers(nn_dataset *ds, const nn_split *split, char field, const char *what,
                        nn_field *out) {
    char name[NN_FIELD_PATH];
    int64_t rows;

    NN_TRY(describe(ds, split->name, field, out, &rows));
    NN_TRY(same_rows(ds, split, field, rows));
    if (out->shape.rank != 0)
        return nn_fail(NN_EFORMAT, "%s: %s has %d dimensions; %s are [N]", ds->path,
                       nn_field_path(split->name, field, name), out->shape.rank + 1, what);
    return NN_OK;
}

static int open_w(nn_dataset *ds, nn_split *split) {
    NN_TRY(open_numbers(ds, split, 'w', "sample weights", &split->w));
    split->w.type = NN_F32;
    split->w.row_bytes = sizeof(float);
    split->has_w = true;
    return NN_OK;
}

static int open_length(nn_dataset *ds, nn_split *split) {
    char shape[NN_SHAPE_TEXT];

    NN_TRY(open_numbers(ds, split, NN_FIELD_LENGTH, "lengths of sequences", &split->length));
    if (!nn_dtype_is_integer(split->length.type))
        return nn_fail(NN_EFORMAT, "%s: /%s/len is %s; lengths of sequences are integers", ds->path,
                       split->name, nn_dtype_name(split->length.type));
    if (nn_split_steps(split) == 0)
        return nn_fail(NN_EFORMAT,
                       "%s: /%s has len, but a row of x is %s and no sequence [T] or [T, F]",
                       ds->path, split->name, nn_shape_text(&split->x.shape, shape));
    split->has_length = true;
    return NN_OK;
}

enum { MANY = 160 /* characters of names */ };

static bool has_name(const char *list, const char *name) {
    size_t length = strlen(name);

    for (const char *at = list; (at = strstr(at, name)) != NULL; at++)
        if ((at == list || at[-1] == ' ') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* A data set of another name is no error, but its author may think it is used. */
static int note_unused(void *ctx, const char *name, bool is_group) {
    nn_dataset *ds = ctx;
    const char *before = ds->unused ? ds->unused : "";

    (void)is_group;
    if (strcmp(name, "len") == 0 || (strlen(name) == 1 && strchr("xyw", name[0])) ||
        has_name(before, name) || has_name(before, "..."))
        return 0;
    if (strlen(before) > MANY)
        name = "...";
    ds->unused = nn_pool_printf(&ds->pool, "%s%s%s", before, *before ? ", " : "", name);
    return ds->unused ? 0 : NN_EMEMORY;
}

static int open_split(nn_dataset *ds, const char *name) {
    nn_split *split = &ds->split[ds->splits];
    char path[NN_FIELD_PATH];

    snprintf(path, sizeof path, "/%s", name);
    if (!nn_h5_exists(ds->state, path))
        return nn_h5_check_answers(ds->state);
    split->name = name;
    NN_TRY(nn_h5_list(ds->state, path, note_unused, ds));
    bool has_x = nn_h5_exists(ds->state, nn_field_path(name, 'x', path));
    NN_TRY(nn_h5_check_answers(ds->state));
    if (!has_x)
        return nn_fail(NN_EFORMAT, "%s: /%s holds no x [N, ...]", ds->path, name);
    NN_TRY(describe(ds, name, 'x', &split->x, &split->samples));
    if (split->samples < 1)
        return nn_fail(NN_EFORMAT, "%s: /%s/x has no rows", ds->path, name);
    if (split->x.shape.rank == 0) /* x [N] is x [N, 1] */
        split->x.shape = (nn_shape){1, {1}};
    if (nn_h5_exists(ds->state, nn_field_path(name, 'y', path)))
        NN_TRY(open_y(ds, split));
    if (nn_h5_exists(ds->state, nn_field_path(name, 'w', path)))
        NN_TRY(open_w(ds, split));
    if (nn_h5_exists(ds->state, nn_field_path(name, NN_FIELD_LENGTH, path)))
        NN_TRY(open_length(ds, split));
    ds->splits++;
    return nn_h5_check_answers(ds->state);
}

static int name_group(void *ctx, const char *name, bool is_group) {
    char *text = ctx;
    size_t used = strlen(text);

    (void)is_group;
    snprintf(text + used, 128 - used, "%s/%s", used ? ", " : "", name);
    return used > 80;
}

static int no_splits(nn_dataset *ds) {
    char names[128] = "";

    (void)nn_h5_list(ds->state, "/", name_group, names);
    return nn_fail(NN_EFORMAT,
                   "%s: no /train: a data set has /train/x [N, ...] and /train/y [N] or [N, d]; "
                   "this file has %s",
                   ds->path, *names ? names : "nothing");
}

/* ---- attributes: those of an array go before those of its split, and these before the root's --
 */

/* What has one of two attributes (the second may be NULL), from an array of a split outwards; NULL:
 * none. The path may be written to `path`. */
static const char *nearest(nn_dataset *ds, const nn_split *split, char field, const char *a,
                           const char *b, char path[NN_FIELD_PATH]) {
    for (int outwards = 0; outwards < 3; outwards++) {
        if (outwards == 0)
            nn_field_path(split->name, field, path);
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
        const char *object = nearest(ds, &ds->split[i], field, attribute, NULL, path);
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
        const char *object = nearest(ds, &ds->split[i], 'x', "layout", NULL, path);
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

/* The file knows best, then the configuration, then the shape. */
static int choose_layout(nn_dataset *ds, int *layout) {
    const nn_shape *x = &ds->split[0].x.shape;
    char text[NN_SHAPE_TEXT];
    int said = ds->settings.layout;

    NN_TRY(read_layout(ds, layout));
    if (*layout != NN_LAYOUT_AUTO && said != NN_LAYOUT_AUTO && said != *layout)
        nn_warn("%s: its attribute layout says %s, which goes before data.layout", ds->path,
                nn_layout_names[*layout]);
    if (*layout == NN_LAYOUT_AUTO)
        *layout = said;
    if (*layout != NN_LAYOUT_AUTO)
        return NN_OK;
    *layout = nn_layout_of(x);
    if (*layout == NN_LAYOUT_LAST)
        nn_info("%s: rows %s are taken for images [H, W, C]; data.layout: channels_first would "
                "make them [C, H, W]",
                ds->path, nn_shape_text(x, text));
    ds->layout_open = *layout == NN_LAYOUT_AUTO && nn_layout_in_doubt(x);
    if (*layout == NN_LAYOUT_AUTO)
        *layout = NN_LAYOUT_FIRST;
    return NN_OK;
}

/* From here on images have their channels first, wherever they are stored. */
static int open_layout(nn_dataset *ds) {
    int layout = NN_LAYOUT_FIRST;

    if (ds->split[0].x.shape.rank != 3)
        return NN_OK;
    NN_TRY(choose_layout(ds, &layout));
    ds->settings.layout = layout;
    for (size_t i = 0; layout == NN_LAYOUT_LAST && i < ds->splits; i++) {
        nn_field *x = &ds->split[i].x;
        x->shape = nn_channels_first(x->shape);
        x->channels_last = x->shape.rank == 3;
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
    const char *standard = nearest(ds, split, 'x', "mean", "std", path);
    const char *scaled = nearest(ds, split, 'x', "scale", "offset", out->path);

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
    const nn_shape *x = &ds->split[0].x.shape;
    int64_t columns = x->rank == 1 || x->rank == 2 ? x->dim[x->rank - 1] : 0;
    char text[NN_SHAPE_TEXT];

    NN_TRY(read_names(ds, 'x', "feature_names", &ds->feature_names, &ds->features));
    if (!ds->feature_names || (int64_t)ds->features == columns)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: the attribute feature_names has %zu names, but a row of x is %s: it names "
                   "the columns of [F] or [T, F]",
                   ds->path, ds->features, nn_shape_text(x, text));
}

/* What people have instead is mostly a table, or arrays of numpy. */
static int explain_open(const char *path, int rc) {
    char what[600];

    if (nn_file_check(path, NN_EFORMAT) < 0 || nn_h5_is_file(path))
        return rc;
    snprintf(what, sizeof what, "%s", nn_error_message());
    return nn_fail(rc,
                   "%s: a table is read with source: csv, and arrays are written to HDF5 by h5py: "
                   "f[\"train/x\"], f[\"train/y\"] = x, y",
                   what);
}

int nn_hdf5_attach(nn_dataset *ds, const char *path) {
    nn_h5 *file = NULL;
    int rc = nn_h5_open(path, &file);

    if (rc < 0)
        return explain_open(path, rc);
    ds->state = file;
    if (ds->settings.other_files)
        nn_h5_allow_other_files(file);
    for (size_t i = 0; i < NN_MAX_SPLITS; i++)
        NN_TRY(open_split(ds, split_names[i]));
    if (ds->splits == 0)
        return no_splits(ds);
    NN_TRY(open_layout(ds));
    NN_TRY(open_affine(ds));
    NN_TRY(open_classes(ds));
    NN_TRY(open_features(ds));
    return nn_h5_check_answers(file);
}

static int limit_training(nn_dataset *ds, int64_t samples) {
    for (size_t i = 0; i < ds->splits; i++) {
        nn_split *split = &ds->split[i];
        if (strcmp(split->name, "train") != 0)
            continue;
        if (split->samples < samples)
            return nn_fail(NN_EUSAGE,
                           "data.train_samples = %" PRId64 ", but %s has only %" PRId64
                           " samples to train on",
                           samples, ds->path, split->samples);
        split->samples = samples;
    }
    return NN_OK;
}

static int hdf5_open(nn_dataset *ds, const void *options) {
    const hdf5_options *o = options;

    ds->path = nn_pool_strdup(&ds->pool, o->path);
    if (!ds->path)
        return NN_EMEMORY;
    NN_TRY(nn_hdf5_attach(ds, ds->path));
    return o->train_samples ? limit_training(ds, o->train_samples) : NN_OK;
}

int nn_hdf5_read(const nn_dataset *ds, const nn_split *split, char field, int64_t first,
                 int64_t count, void *out) {
    char name[NN_FIELD_PATH];

    return nn_h5_read(ds->state, nn_field_path(split->name, field, name), first, count,
                      nn_split_field(split, field)->type, out);
}

void nn_hdf5_close(nn_dataset *ds) {
    (void)nn_h5_close(ds->state);
    ds->state = NULL;
}

const nn_source_ops nn_source_hdf5 = {
    .entry = {"hdf5", "A data set in an HDF5 file; what `path` alone means.", hdf5_table,
              sizeof(hdf5_options)},
    .open = hdf5_open,
    .read = nn_hdf5_read,
    .close = nn_hdf5_close,
    .converts = true,
};
