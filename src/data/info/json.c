/* What a data set holds, as one JSON object. */
#include "base/json/json.h"

#include "data/info/info.h"
#include "data/sources/mixture.h"
#include "data/values/layout.h"

static void json_field(nn_json *json, const char *key, const nn_field *field) {
    nn_shape stored = nn_field_stored_shape(field);

    nn_json_open(json, key, '{');
    nn_json_string(json, "type", nn_dtype_name(field->type));
    nn_json_open(json, "shape", '[');
    for (int i = 0; i < stored.rank; i++)
        nn_json_int(json, NULL, stored.dim[i]);
    nn_json_close(json, ']');
    if (nn_shape_is_image(&stored))
        nn_json_string(json, "layout",
                       nn_layout_names[field->channels_last ? NN_LAYOUT_LAST : NN_LAYOUT_FIRST]);
    nn_json_close(json, '}');
}

static void json_numbers(nn_json *json, const nn_info_stats *s) {
    nn_json_real(json, "min", s->min);
    nn_json_real(json, "max", s->max);
    nn_json_real(json, "mean", s->mean);
    nn_json_real(json, "std", nn_info_deviation(s));
    nn_json_int(json, "not_finite", s->not_finite);
}

static void json_stats(nn_json *json, const char *key, const nn_info_stats *s) {
    nn_json_open(json, key, '{');
    json_numbers(json, s);
    nn_json_close(json, '}');
}

/* Of the first split. */
static void json_columns(nn_json *json, const nn_info *info) {
    char number[NN_INFO_NAME];

    nn_json_open(json, "columns", '[');
    for (size_t i = 0; i < info->columns; i++) {
        nn_json_open(json, NULL, '{');
        nn_json_string(json, "name", nn_info_column_name(info, i, number));
        nn_json_string(json, "kind", nn_info_column_kind(info, i));
        json_numbers(json, &info->split[0].column[i]);
        nn_json_int(json, "missing", nn_info_missing(info, i));
        nn_json_close(json, '}');
    }
    nn_json_close(json, ']');
}

static void json_split(nn_json *json, const nn_dataset *ds, const nn_info_split *s) {
    nn_json_open(json, NULL, '{');
    nn_json_string(json, "name", s->split->name);
    nn_json_int(json, "samples", s->split->samples);
    if (s->split->tokens > 0)
        nn_json_int(json, "tokens", s->split->tokens);
    nn_json_bool(json, "weights", s->split->has_w);
    nn_json_bool(json, "lengths", s->split->has_length);
    nn_json_bool(json, "files", s->split->has_file);
    nn_json_int(json, "looked_at", s->looked_at);
    nn_json_int(json, "repeated", s->repeated);
    nn_json_int(json, "shared", s->shared);
    json_stats(json, "x", &s->x);
    if (s->counts) {
        nn_json_open(json, "counts", '[');
        for (int64_t c = 0; c < ds->classes; c++)
            nn_json_int(json, NULL, s->counts[c]);
        nn_json_close(json, ']');
        nn_json_int(json, "ignored", s->ignored);
    } else if (s->split->has_y) {
        json_stats(json, "y", &s->y);
    }
    nn_json_close(json, '}');
}

static void json_classes(nn_json *json, const nn_dataset *ds) {
    nn_json_int(json, "classes", ds->classes);
    if (!ds->class_names)
        return;
    nn_json_open(json, "class_names", '[');
    for (int64_t c = 0; c < ds->classes; c++)
        nn_json_string(json, NULL, ds->class_names[c]);
    nn_json_close(json, ']');
}

static void json_all(nn_json *json, const nn_info *info) {
    const nn_dataset *ds = info->ds;

    nn_json_open(json, NULL, '{');
    nn_json_string(json, "path", info->path);
    nn_json_int(json, "bytes", info->bytes);
    nn_mixture_json(ds, json);
    json_field(json, "x", &ds->split[0].x);
    if (ds->split[0].has_y)
        json_field(json, "y", &ds->split[0].y);
    nn_json_reals(json, "scale", ds->affine.count, ds->affine.scale);
    nn_json_reals(json, "offset", ds->affine.count, ds->affine.offset);
    json_classes(json, ds);
    nn_json_open(json, "splits", '[');
    for (size_t i = 0; i < ds->splits; i++)
        json_split(json, ds, &info->split[i]);
    nn_json_close(json, ']');
    json_columns(json, info);
    nn_json_int(json, "chunk_rows", info->storage.chunk_rows);
    nn_json_bool(json, "compressed", info->storage.compressed);
    nn_json_open(json, "advice", '[');
    for (size_t i = 0; i < info->advices; i++)
        nn_json_string(json, NULL, info->advice[i]);
    nn_json_close(json, ']');
    nn_json_close(json, '}');
}

/* The writer does not allocate, so the buffer grows until all fits. */
int nn_info_json(const nn_info *info, FILE *out) {
    for (size_t size = 1 << 16;; size *= 4) {
        char *buffer = NULL;
        nn_json json;
        NN_TRY(NN_NEW(&buffer, size, "JSON"));
        nn_json_init(&json, buffer, size);
        json_all(&json, info);
        if (!json.overflow)
            fprintf(out, "%.*s\n", (int)json.length, buffer);
        nn_free(buffer);
        if (!json.overflow)
            return NN_OK;
    }
}
