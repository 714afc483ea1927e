#include "data/sources/describe.h"

#include "base/log.h"
#include "data/output.h"
#include "data/values/layout.h"

#include <inttypes.h>

/* Describes an array as the rows of a field. */
static int describe_rows(const nn_dataset *ds, const nn_split *split, char field,
                         const nn_h5_info *info, nn_field *out) {
    char name[NN_FIELD_PATH];

    nn_field_path(split->name, field, name);
    if (info->rank < 1 || info->rank > NN_MAX_RANK + 1)
        return nn_fail(NN_EFORMAT, "%s: %s has %d dimensions; samples [N, ...] have 1 to %d",
                       ds->path, name, info->rank, NN_MAX_RANK + 1);
    *out = (nn_field){.type = info->type, .shape = {.rank = info->rank - 1}};
    for (int i = 1; i < info->rank; i++) {
        if (info->dim[i] < 1)
            return nn_fail(NN_EFORMAT, "%s: %s has an empty dimension %d", ds->path, name, i);
        out->shape.dim[i - 1] = info->dim[i];
    }
    out->row_bytes = nn_shape_count(&out->shape) * nn_dtype_size(out->type);
    if (field == 'x' || info->dim[0] == split->samples)
        return NN_OK;
    return nn_fail(NN_EFORMAT, "%s: %s has %" PRId64 " rows but /%s/x has %" PRId64, ds->path, name,
                   info->dim[0], split->name, split->samples);
}

static int describe_x(const nn_dataset *ds, nn_split *split, const nn_h5_info *info) {
    NN_TRY(describe_rows(ds, split, 'x', info, &split->x));
    split->samples = info->dim[0];
    if (split->samples < 1 && !split->supplied)
        return nn_fail(NN_EFORMAT, "%s: /%s/x has no rows", ds->path, split->name);
    if (split->x.shape.rank == 0) /* x [N] is x [N, 1] */
        split->x.shape = (nn_shape){1, {1}};
    return NN_OK;
}

static int describe_y(const nn_dataset *ds, nn_split *split, const nn_h5_info *info) {
    NN_TRY(describe_rows(ds, split, 'y', info, &split->y));
    if (split->y.shape.rank > 1)
        return nn_fail(NN_EFORMAT, "%s: /%s/y has %d dimensions; targets are [N] or [N, d]",
                       ds->path, split->name, split->y.shape.rank + 1);
    split->has_y = true;
    return NN_OK;
}

/* One number a sample. */
static int describe_numbers(const nn_dataset *ds, const nn_split *split, char field,
                            const char *what, const nn_h5_info *info, nn_field *out) {
    char name[NN_FIELD_PATH];

    NN_TRY(describe_rows(ds, split, field, info, out));
    if (out->shape.rank != 0)
        return nn_fail(NN_EFORMAT, "%s: %s has %d dimensions; %s are [N]", ds->path,
                       nn_field_path(split->name, field, name), out->shape.rank + 1, what);
    return NN_OK;
}

static int describe_w(const nn_dataset *ds, nn_split *split, const nn_h5_info *info) {
    NN_TRY(describe_numbers(ds, split, 'w', "sample weights", info, &split->w));
    if (ds->ops->converts) {
        split->w.type = NN_F32;
        split->w.row_bytes = sizeof(float);
    }
    split->has_w = true;
    return NN_OK;
}

static int describe_length(const nn_dataset *ds, nn_split *split, const nn_h5_info *info) {
    char shape[NN_SHAPE_TEXT];

    NN_TRY(
        describe_numbers(ds, split, NN_FIELD_LENGTH, "lengths of sequences", info, &split->length));
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

int nn_split_describe(const nn_dataset *ds, nn_split *split, char field, const nn_h5_info *info) {
    switch (field) {
    case 'x':
        return describe_x(ds, split, info);
    case 'y':
        return describe_y(ds, split, info);
    case 'w':
        return describe_w(ds, split, info);
    default:
        return describe_length(ds, split, info);
    }
}

/* The source knows best, then the configuration, then the shape. */
static int choose_layout(nn_dataset *ds, int layout) {
    const nn_shape *x = &ds->split[0].x.shape;
    char text[NN_SHAPE_TEXT];
    int said = ds->settings.layout;

    if (layout != NN_LAYOUT_AUTO && said != NN_LAYOUT_AUTO && said != layout)
        nn_warn("%s: its attribute layout says %s, which goes before data.layout", ds->path,
                nn_layout_names[layout]);
    if (layout == NN_LAYOUT_AUTO)
        layout = said;
    if (layout != NN_LAYOUT_AUTO)
        return layout;
    layout = nn_layout_of(x);
    if (layout == NN_LAYOUT_LAST)
        nn_info("%s: rows %s are taken for %s; data.layout: channels_first would make them %s",
                ds->path, nn_shape_text(x, text),
                x->rank == 3 ? "images [H, W, C]" : "volumes [D, H, W, C]",
                x->rank == 3 ? "[C, H, W]" : "[C, D, H, W]");
    ds->layout_open = layout == NN_LAYOUT_AUTO && nn_layout_in_doubt(x);
    return layout == NN_LAYOUT_AUTO ? NN_LAYOUT_FIRST : layout;
}

void nn_dataset_open_layout(nn_dataset *ds, int layout) {
    if (!nn_shape_is_image(&ds->split[0].x.shape))
        return;
    ds->settings.layout = choose_layout(ds, layout);
    for (size_t i = 0; ds->settings.layout == NN_LAYOUT_LAST && i < ds->splits; i++) {
        nn_field *x = &ds->split[i].x;
        x->shape = nn_channels_first(x->shape);
        x->channels_last = nn_shape_is_image(&x->shape);
    }
}

int nn_dataset_check_features(const nn_dataset *ds) {
    const nn_shape *x = &ds->split[0].x.shape;
    int64_t columns = x->rank == 1 || x->rank == 2 ? x->dim[x->rank - 1] : 0;
    char text[NN_SHAPE_TEXT];

    if (!ds->feature_names || (int64_t)ds->features == columns)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: the attribute feature_names has %zu names, but a row of x is %s: it names "
                   "the columns of [F] or [T, F]",
                   ds->path, ds->features, nn_shape_text(x, text));
}
