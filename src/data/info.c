#include "data/info.h"

#include "base/json/json.h"
#include "base/system/work.h"
#include "base/text.h"
#include "data/classes.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "data/layout.h"
#include "data/sources/open.h"

#include <inttypes.h>
#include <math.h>
#include <sys/stat.h>

/* Of numbers that come in pieces (Chan, Golub and LeVeque's way to join variances). */
typedef struct stats {
    int64_t count, not_finite;
    double min, max, mean, squares; /* squares: sum of (value - mean)^2 */
} stats;

typedef struct split_info {
    const nn_split *split;
    stats x, y;      /* y: unless it holds labels */
    int64_t *counts; /* [classes] samples of each; NULL: no labels */
    int64_t ignored; /* labels -1 */
} split_info;

struct nn_info {
    nn_pool pool;
    nn_dataset *ds;
    const char *path;
    int64_t bytes;
    split_info split[NN_MAX_SPLITS];
};

/* Drops what is no finite number; returns how many are left at the front. */
static size_t keep_finite(size_t n, nn_real *value) {
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (isfinite(value[i]))
            value[kept++] = value[i];
    return kept;
}

static void stats_join(stats *a, const stats *b) {
    double both = (double)a->count + (double)b->count, apart = b->mean - a->mean;

    if (b->count == 0)
        return;
    a->min = a->count == 0 || b->min < a->min ? b->min : a->min;
    a->max = a->count == 0 || b->max > a->max ? b->max : a->max;
    a->squares += b->squares + apart * apart * (double)a->count * (double)b->count / both;
    a->mean += apart * (double)b->count / both;
    a->count += b->count;
}

static void stats_add(stats *s, size_t n, nn_real *value) {
    size_t kept = keep_finite(n, value);
    stats piece = {.count = (int64_t)kept, .min = INFINITY, .max = -INFINITY};
    double sum = 0;

    s->not_finite += (int64_t)(n - kept);
    for (size_t i = 0; i < kept; i++) {
        double v = (double)value[i];
        sum += v;
        piece.min = v < piece.min ? v : piece.min;
        piece.max = v > piece.max ? v : piece.max;
    }
    piece.mean = kept ? sum / (double)kept : 0;
    for (size_t i = 0; i < kept; i++) {
        double apart = (double)value[i] - piece.mean;
        piece.squares += apart * apart;
    }
    stats_join(s, &piece);
}

static double deviation(const stats *s) {
    return s->count ? sqrt(s->squares / (double)s->count) : 0;
}

/* What is done with each piece of stored rows. */
typedef struct scan {
    const nn_info *info;
    split_info *of;
    char name;
    nn_converter convert;
    nn_real *value; /* [rows][width] */
} scan;

static void scan_piece(scan *s, size_t rows, const unsigned char *stored) {
    bool labels = s->name == 'y' && s->of->counts;

    for (size_t i = 0; labels && i < rows; i++) {
        int64_t label = nn_stored_integer(s->convert.type, stored, i);
        if (label < 0)
            s->of->ignored++;
        else
            s->of->counts[label]++;
    }
    if (labels)
        return;
    nn_converter_apply(&s->convert, rows, stored, s->value);
    stats_add(s->name == 'x' ? &s->of->x : &s->of->y, rows * s->convert.width, s->value);
}

static int scan_field(nn_info *info, split_info *of, char name, const nn_field *field) {
    scan s = {.info = info, .of = of, .name = name};
    int64_t rows = nn_chunk_rows(field->row_bytes), samples = of->split->samples;
    unsigned char *stored = NULL;
    int rc;

    NN_TRY_GOTO(nn_converter_init(&s.convert, field, name == 'x' ? &info->ds->affine : NULL,
                                  NN_AS_STORED, &info->pool));
    NN_TRY_GOTO(NN_NEW(&stored, (size_t)rows * field->row_bytes, "rows"));
    NN_TRY_GOTO(NN_NEW(&s.value, (size_t)rows * s.convert.width, "rows"));
    for (int64_t first = 0; first < samples; first += rows) {
        int64_t count = samples - first < rows ? samples - first : rows;
        nn_work("reading", of->split->name, first, samples);
        NN_TRY_GOTO(nn_dataset_read(info->ds, of->split, name, first, count, stored));
        scan_piece(&s, (size_t)count, stored);
    }
done:
    nn_work_end();
    nn_free(stored);
    nn_free(s.value);
    return rc;
}

static int scan_split(nn_info *info, split_info *of, const nn_split *split) {
    of->split = split;
    if (nn_split_has_labels(split)) {
        of->counts = nn_pool_alloc(&info->pool, (size_t)info->ds->classes * sizeof *of->counts);
        if (!of->counts)
            return NN_EMEMORY;
    }
    NN_TRY(scan_field(info, of, 'x', &split->x));
    return split->has_y ? scan_field(info, of, 'y', &split->y) : NN_OK;
}

static int scan_all(nn_info *info, const char *path, bool other_files) {
    struct stat st;

    info->path = nn_pool_strdup(&info->pool, path);
    if (!info->path)
        return NN_EMEMORY;
    NN_TRY(nn_dataset_open_linked(path, other_files, &info->ds));
    nn_dataset_say_unused(info->ds);
    info->bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
    for (size_t i = 0; i < info->ds->splits; i++)
        NN_TRY(scan_split(info, &info->split[i], &info->ds->split[i]));
    return NN_OK;
}

int nn_info_new(const char *path, bool other_files, nn_info **out) {
    nn_info *info = NULL;
    int rc;

    *out = NULL;
    NN_TRY(NN_NEW(&info, 1, "data info"));
    rc = scan_all(info, path, other_files);
    if (rc < 0) {
        nn_info_free(info);
        return nn_error_frame(rc, __func__);
    }
    *out = info;
    return NN_OK;
}

void nn_info_free(nn_info *info) {
    if (!info)
        return;
    nn_dataset_close(info->ds);
    nn_pool_release(&info->pool);
    nn_free(info);
}

/* ---- as text ---- */

static void text_field(FILE *out, const char *name, const nn_field *field, const char *what) {
    char shape[NN_SHAPE_TEXT];
    nn_shape stored = nn_field_stored_shape(field);

    fprintf(out, "%-6s %s", name, nn_dtype_name(field->type));
    if (field->shape.rank > 0)
        fprintf(out, " %s", nn_shape_text(&stored, shape));
    fprintf(out, "%s\n", what);
}

static void text_affine(FILE *out, const nn_dataset *ds) {
    if (ds->affine.count == 1)
        fprintf(out, "       read as x * %.6g + %.6g\n", ds->affine.scale[0], ds->affine.offset[0]);
    else if (ds->affine.count > 1)
        fprintf(out, "       read as x * scale + offset, %zu of each\n", ds->affine.count);
}

static void text_stats(FILE *out, const char *split, char field, int64_t samples, const stats *s) {
    fprintf(out, "%-6s %10" PRId64 "  %c %11.5g %11.5g %11.5g %11.5g", split, samples, field,
            s->min, s->max, s->mean, deviation(s));
    if (s->not_finite)
        fprintf(out, "  %" PRId64 " are NaN or Inf", s->not_finite);
    fputc('\n', out);
}

/* Classes without a name are numbers up to the largest label, and most may be of no sample. */
static bool is_shown(const nn_info *info, int64_t class) {
    bool shown = info->ds->class_names != NULL;

    for (size_t i = 0; i < info->ds->splits; i++)
        shown = shown || (info->split[i].counts && info->split[i].counts[class] > 0);
    return shown;
}

static void text_class(const nn_info *info, FILE *out, int64_t class) {
    const nn_dataset *ds = info->ds;
    char number[24];

    snprintf(number, sizeof number, "%" PRId64, class);
    nn_text_put_name(out, ds->class_names ? ds->class_names[class] : number, 20);
    for (size_t i = 0; i < ds->splits; i++)
        if (info->split[i].counts)
            fprintf(out, " %10" PRId64, info->split[i].counts[class]);
    fputc('\n', out);
}

static void text_classes(const nn_info *info, FILE *out) {
    const nn_dataset *ds = info->ds;

    fprintf(out, "\n%-20s", "class");
    for (size_t i = 0; i < ds->splits; i++)
        if (info->split[i].counts)
            fprintf(out, " %10s", ds->split[i].name);
    fputc('\n', out);
    for (int64_t c = 0; c < ds->classes; c++)
        if (is_shown(info, c))
            text_class(info, out, c);
    for (size_t i = 0; i < ds->splits; i++)
        if (info->split[i].ignored)
            fprintf(out, "%" PRId64 " samples of %s are ignored (label -1)\n",
                    info->split[i].ignored, ds->split[i].name);
}

int nn_info_text(const nn_info *info, FILE *out) {
    const nn_dataset *ds = info->ds;
    const nn_split *first = &ds->split[0];

    fprintf(out, "%s: %.3f MiB\n", info->path, (double)info->bytes / 1048576);
    text_field(out, "x", &first->x,
               first->x.channels_last     ? " images, channels last"
               : first->x.shape.rank == 3 ? " images, channels first"
                                          : "");
    if (nn_dataset_check_layout(ds) < 0 || nn_dataset_check_classes(ds) < 0)
        fprintf(out, "       %s\n", nn_error_message());
    text_affine(out, ds);
    if (first->has_y)
        text_field(out, "y", &first->y, nn_split_has_labels(first) ? " labels" : " values");
    if (first->has_w)
        text_field(out, "w", &first->w, " weights");
    if (first->has_length)
        text_field(out, "len", &first->length, " lengths of sequences");
    fprintf(out, "\n%-6s %10s    %11s %11s %11s %11s\n", "split", "samples", "min", "max", "mean",
            "std");
    for (size_t i = 0; i < ds->splits; i++) {
        const split_info *s = &info->split[i];
        text_stats(out, s->split->name, 'x', s->split->samples, &s->x);
        if (s->split->has_y && !s->counts)
            text_stats(out, "", 'y', s->split->samples, &s->y);
    }
    if (ds->classes)
        text_classes(info, out);
    return NN_OK;
}

/* ---- as JSON ---- */

static void json_field(nn_json *json, const char *key, const nn_field *field) {
    nn_shape stored = nn_field_stored_shape(field);

    nn_json_open(json, key, '{');
    nn_json_string(json, "type", nn_dtype_name(field->type));
    nn_json_open(json, "shape", '[');
    for (int i = 0; i < stored.rank; i++)
        nn_json_int(json, NULL, stored.dim[i]);
    nn_json_close(json, ']');
    if (stored.rank == 3)
        nn_json_string(json, "layout",
                       nn_layout_names[field->channels_last ? NN_LAYOUT_LAST : NN_LAYOUT_FIRST]);
    nn_json_close(json, '}');
}

static void json_stats(nn_json *json, const char *key, const stats *s) {
    nn_json_open(json, key, '{');
    nn_json_real(json, "min", s->min);
    nn_json_real(json, "max", s->max);
    nn_json_real(json, "mean", s->mean);
    nn_json_real(json, "std", deviation(s));
    nn_json_int(json, "not_finite", s->not_finite);
    nn_json_close(json, '}');
}

static void json_split(nn_json *json, const nn_dataset *ds, const split_info *s) {
    nn_json_open(json, NULL, '{');
    nn_json_string(json, "name", s->split->name);
    nn_json_int(json, "samples", s->split->samples);
    nn_json_bool(json, "weights", s->split->has_w);
    nn_json_bool(json, "lengths", s->split->has_length);
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
