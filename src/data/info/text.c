/* What a data set holds, as a table for people. */
#include "base/text.h"

#include "data/classes.h"
#include "data/info/info.h"
#include "data/sources/mixture.h"

#include <inttypes.h>

enum { SHOWN = 40 /* columns */ };

static void text_field(FILE *out, const char *name, const nn_field *field, const char *what) {
    char shape[NN_SHAPE_TEXT];
    nn_shape stored = nn_field_stored_shape(field);

    fprintf(out, "%-6s %s", name, nn_dtype_name(field->type));
    if (field->shape.rank > 0)
        fprintf(out, " %s", nn_shape_text(&stored, shape));
    fprintf(out, "%s\n", what);
}

static const char *kind_of(const nn_field *x) {
    if (x->shape.rank == 3)
        return x->channels_last ? " images, channels last" : " images, channels first";
    if (x->shape.rank == 4)
        return x->channels_last ? " volumes, channels last" : " volumes, channels first";
    return "";
}

static void text_affine(FILE *out, const nn_dataset *ds) {
    if (ds->affine.count == 1)
        fprintf(out, "       read as x * %.6g + %.6g\n", ds->affine.scale[0], ds->affine.offset[0]);
    else if (ds->affine.count > 1)
        fprintf(out, "       read as x * scale + offset, %zu of each\n", ds->affine.count);
}

static void text_stats(FILE *out, const char *split, char field, int64_t samples,
                       const nn_info_stats *s) {
    fprintf(out, "%-6s %10" PRId64 "  %c %11.5g %11.5g %11.5g %11.5g", split, samples, field,
            s->min, s->max, s->mean, nn_info_deviation(s));
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

/* Of a table each by itself, of the first split. */
static void text_columns(const nn_info *info, FILE *out) {
    const nn_info_stats *column = info->split[0].column;
    size_t shown = info->columns < SHOWN ? info->columns : SHOWN;
    char number[NN_INFO_NAME];

    fprintf(out, "\n%-20s %-13s %11s %11s %11s %11s\n", "column of x", "", "min", "max", "mean",
            "std");
    for (size_t i = 0; i < shown; i++) {
        nn_text_put_name(out, nn_info_column_name(info, i, number), 20);
        fprintf(out, " %-13s %11.5g %11.5g %11.5g %11.5g", nn_info_column_kind(info, i),
                column[i].min, column[i].max, column[i].mean, nn_info_deviation(&column[i]));
        if (nn_info_missing(info, i))
            fprintf(out, "  %" PRId64 " were missing", nn_info_missing(info, i));
        fputc('\n', out);
    }
    if (shown < info->columns)
        fprintf(out, "... and %zu more; --json has all\n", info->columns - shown);
}

/* What is true of rows as a whole, behind an empty line. */
static void text_rows(const nn_info *info, FILE *out) {
    const char *space = "\n";

    for (size_t i = 0; i < info->ds->splits; i++) {
        const nn_info_split *s = &info->split[i];
        if (s->looked_at < s->split->samples) {
            fprintf(out, "%sx of %s: %" PRId64 " samples in evenly spread pieces were looked at\n",
                    space, s->split->name, s->looked_at);
            space = "";
        }
        if (s->repeated) {
            fprintf(out, "%s%" PRId64 " samples of %s are equal to an earlier one\n", space,
                    s->repeated, s->split->name);
            space = "";
        }
        if (s->shared) {
            fprintf(out, "%s%" PRId64 " samples of %s are also in %s\n", space, s->shared,
                    s->split->name, info->split[0].split->name);
            space = "";
        }
    }
    if (info->storage.chunk_rows)
        fprintf(out, "%sx is stored in chunks of %" PRId64 " samples%s\n", space,
                info->storage.chunk_rows, info->storage.compressed ? ", compressed" : "");
}

int nn_info_text(const nn_info *info, FILE *out) {
    const nn_dataset *ds = info->ds;
    const nn_split *first = &ds->split[0];

    fprintf(out, "%s: %.3f MiB\n", info->path, (double)info->bytes / 1048576);
    nn_mixture_text(ds, "       ", "       ", out);
    text_field(out, "x", &first->x, ds->tokens ? " tokens" : kind_of(&first->x));
    if (nn_dataset_check_layout(ds) < 0 || nn_dataset_check_classes(ds) < 0)
        fprintf(out, "       %s\n", nn_error_message());
    text_affine(out, ds);
    if (first->has_y)
        text_field(out, "y", &first->y,
                   ds->tokens                   ? " tokens, that follow each of them"
                   : nn_split_has_labels(first) ? " labels"
                                                : " values");
    for (size_t i = 0; i < ds->splits; i++)
        if (ds->split[i].tokens > 0)
            fprintf(out, "       windows of /%s/tokens [%" PRId64 "]\n", ds->split[i].name,
                    ds->split[i].tokens);
    if (ds->tokens && ds->named)
        fprintf(out, "       %" PRId64 " different tokens\n", ds->named);
    if (first->has_w)
        text_field(out, "w", &first->w, " weights");
    if (first->has_length)
        text_field(out, "len", &first->length, " lengths of sequences");
    if (first->has_file)
        fputs("file   names of files\n", out);
    fprintf(out, "\n%-6s %10s    %11s %11s %11s %11s\n", "split", "samples", "min", "max", "mean",
            "std");
    for (size_t i = 0; i < ds->splits; i++) {
        const nn_info_split *s = &info->split[i];
        text_stats(out, s->split->name, 'x', s->split->samples, &s->x);
        if (s->split->has_y && !s->counts)
            text_stats(out, "", 'y', s->split->samples, &s->y);
    }
    if (ds->classes)
        text_classes(info, out);
    if (info->columns > 1)
        text_columns(info, out);
    text_rows(info, out);
    for (size_t i = 0; i < info->advices; i++) {
        fprintf(out, "%s- ", i ? "" : "\nadvice\n");
        nn_text_wrap(out, info->advice[i], 2, 2, 100);
        fputc('\n', out);
    }
    return NN_OK;
}
