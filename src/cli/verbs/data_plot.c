/* A data set as a page: what `nnmpi data info` says, with histograms, the balance of classes and
 * samples of pictures. */
#include "cli/verbs/data.h"
#include "data/classes.h"
#include "data/values/convert.h"
#include "plot/plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BINS = 16, MOST_HISTOGRAMS = 24, MOST_CLASSES = 64, PICTURES = 40, LEAST_SIDE = 6 };

static const char *number(nn_plot *plot, double value) {
    return nn_pool_printf(plot->pool, "%.5g", value);
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* A row of numbers behind what it is of. */
static int put_stats(nn_plot *plot, const char **cell, const nn_info_stats *s) {
    const double value[] = {s->min, s->max, s->mean, nn_info_deviation(s)};

    for (size_t i = 0; i < 4; i++) {
        cell[i] = number(plot, value[i]);
        if (!cell[i])
            return NN_EMEMORY;
    }
    return NN_OK;
}

static int plot_splits(nn_plot *plot, const nn_info *info) {
    static const char *const columns[] = {"samples", "min", "max", "mean", "std", "repeated"};
    nn_figure *f = nn_plot_add(plot, NN_FIGURE_TABLE, "splits", "Splits",
                               "Samples, the numbers of x as the model gets them, and rows that "
                               "are equal to an earlier one.");

    if (!f || nn_figure_table(plot, f, info->ds->splits, 6) < 0)
        return NN_EMEMORY;
    memcpy(f->column, columns, sizeof columns);
    for (size_t i = 0; i < info->ds->splits; i++) {
        const nn_info_split *s = &info->split[i];
        const char **cell = f->cell + i * 6;
        f->row[i] = s->split->name;
        cell[0] = nn_pool_printf(plot->pool, "%" PRId64, s->split->samples);
        cell[5] = nn_pool_printf(plot->pool, "%" PRId64, s->repeated);
        if (!cell[0] || !cell[5])
            return NN_EMEMORY;
        NN_TRY(put_stats(plot, cell + 1, &s->x));
    }
    return NN_OK;
}

static int plot_columns(nn_plot *plot, const nn_info *info) {
    static const char *const columns[] = {"", "min", "max", "mean", "std", "missing"};
    nn_figure *f;
    char name[NN_INFO_NAME];

    if (info->columns == 0)
        return NN_OK;
    f = nn_plot_add(plot, NN_FIGURE_TABLE, "columns", "Columns",
                    "Of the first split; what was missing is filled in.");
    if (!f || nn_figure_table(plot, f, info->columns, 6) < 0)
        return NN_EMEMORY;
    memcpy(f->column, columns, sizeof columns);
    for (size_t i = 0; i < info->columns; i++) {
        const nn_info_stats *s = &info->split[0].column[i];
        const char **cell = f->cell + i * 6;
        f->row[i] = nn_pool_strdup(plot->pool, nn_info_column_name(info, i, name));
        cell[0] = nn_info_column_kind(info, i);
        cell[5] = nn_pool_printf(plot->pool, "%" PRId64, nn_info_missing(info, i));
        if (!f->row[i] || !cell[5])
            return NN_EMEMORY;
        NN_TRY(put_stats(plot, cell + 1, s));
    }
    return NN_OK;
}

static int plot_advice(nn_plot *plot, const nn_info *info) {
    nn_figure *f;

    if (info->advices == 0)
        return NN_OK;
    f = nn_plot_add(plot, NN_FIGURE_TABLE, "advice", "What to change", "");
    if (!f || nn_figure_table(plot, f, info->advices, 1) < 0)
        return NN_EMEMORY;
    f->column[0] = "";
    for (size_t i = 0; i < info->advices; i++) {
        f->row[i] = nn_pool_printf(plot->pool, "%zu", i + 1);
        f->cell[i] = info->advice[i];
        if (!f->row[i])
            return NN_EMEMORY;
    }
    return NN_OK;
}

/* ---- bars ------------------------------------------------------------------------------------ */

static const char *class_name(nn_plot *plot, const nn_info *info, int64_t class) {
    return info->ds->class_names ? info->ds->class_names[class]
                                 : nn_pool_printf(plot->pool, "%" PRId64, class);
}

static int plot_balance(nn_plot *plot, const nn_info *info) {
    size_t classes = (size_t)(info->ds->classes < MOST_CLASSES ? info->ds->classes : MOST_CLASSES);
    nn_figure *f;

    if (!info->split[0].counts || classes == 0)
        return NN_OK;
    f = nn_plot_add(plot, NN_FIGURE_BARS, "classes", "Classes",
                    info->ds->classes > MOST_CLASSES ? "Samples of each, of the first 64."
                                                     : "Samples of each.");
    if (!f || nn_figure_table(plot, f, classes, 0) < 0)
        return NN_EMEMORY;
    f->x = "samples";
    for (size_t c = 0; c < classes; c++) {
        f->row[c] = class_name(plot, info, (int64_t)c);
        if (!f->row[c])
            return NN_EMEMORY;
    }
    for (size_t i = 0; i < info->ds->splits; i++) {
        if (!info->split[i].counts)
            continue;
        double *y = nn_pool_alloc(plot->pool, classes * sizeof *y);
        if (!y)
            return NN_EMEMORY;
        for (size_t c = 0; c < classes; c++)
            y[c] = (double)info->split[i].counts[c];
        NN_TRY(nn_figure_series(
            plot, f,
            (nn_series){
                .name = info->split[i].split->name, .color = i, .count = classes, .x = y, .y = y}));
    }
    return NN_OK;
}

/* Values first, first + step ... of each row of the sample. */
static int plot_histogram(nn_plot *plot, const nn_info *info, const char *id, const char *title,
                          size_t first, size_t step) {
    size_t width = nn_shape_count(&info->ds->split[0].x.shape);
    const nn_info_stats *s = info->columns ? &info->split[0].column[first] : &info->split[0].x;
    bool whole = !s->fractions && s->max - s->min < (double)BINS; /* a bar for each number */
    double range = s->max - s->min + (whole ? 1 : 0);
    size_t bins = whole ? (size_t)range : BINS;
    double *y = nn_pool_alloc(plot->pool, bins * sizeof *y);
    nn_figure *f = nn_plot_add(plot, NN_FIGURE_BARS, id, title, "");

    if (!y || !f || nn_figure_table(plot, f, bins, 0) < 0)
        return NN_EMEMORY;
    f->x = "samples";
    for (size_t b = 0; b < bins; b++) {
        f->row[b] = nn_pool_printf(plot->pool, "%.4g", s->min + (double)b * range / (double)bins);
        if (!f->row[b])
            return NN_EMEMORY;
    }
    for (size_t i = first; i < (size_t)info->sampled * width; i += step) {
        double v = (double)info->sample[i];
        if (isfinite(v))
            y[(size_t)fmax(0, fmin((double)bins - 1, (v - s->min) / range * (double)bins))]++;
    }
    return nn_figure_series(plot, f, (nn_series){.name = "samples", .count = bins, .x = y, .y = y});
}

static int plot_histograms(nn_plot *plot, const nn_info *info) {
    size_t shown = info->columns < MOST_HISTOGRAMS ? info->columns : MOST_HISTOGRAMS;
    char name[NN_INFO_NAME];

    if (info->sampled == 0)
        return NN_OK;
    if (shown == 0 && info->split[0].x.min < info->split[0].x.max)
        return plot_histogram(plot, info, "values", "Values of x", 0, 1);
    for (size_t i = 0; i < shown; i++) {
        const nn_info_stats *s = &info->split[0].column[i];
        const char *id = nn_pool_printf(plot->pool, "column-%zu", i + 1);
        const char *title = nn_pool_strdup(plot->pool, nn_info_column_name(info, i, name));
        if (!id || !title)
            return NN_EMEMORY;
        if (s->count && s->min < s->max)
            NN_TRY(plot_histogram(plot, info, id, title, i, info->columns));
    }
    return NN_OK;
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* [H, W, C] of rows that look like pictures; rank 0: they do not. */
static nn_shape picture_shape(const nn_info *info) {
    const nn_field *x = &info->ds->split[0].x;
    nn_shape none = {0}, shape = x->shape;

    if (shape.rank == 2 && x->type == NN_U8)
        shape = (nn_shape){3, {shape.dim[0], shape.dim[1], 1}};
    else if (shape.rank == 3 && (shape.dim[0] == 1 || shape.dim[0] == 3))
        shape = (nn_shape){3, {shape.dim[1], shape.dim[2], shape.dim[0]}};
    else
        return none;
    return shape.dim[0] < LEAST_SIDE || shape.dim[1] < LEAST_SIDE ? none : shape;
}

/* The least and the greatest value are black and white. */
static void paint(const nn_info *info, const nn_shape *image, size_t i, unsigned char *pixel) {
    const nn_field *x = &info->ds->split[0].x;
    const nn_info_stats *s = &info->split[0].x;
    size_t width = nn_shape_count(image), channels = (size_t)image->dim[2];
    double range = s->max > s->min ? s->max - s->min : 1;

    for (size_t e = 0; e < width; e++) {
        size_t plane = e % channels * (width / channels) + e / channels;
        double v = (double)info->sample[i * width + (x->channels_last ? e : plane)];
        pixel[e] = (unsigned char)fmax(0, fmin(255, (v - s->min) / range * 255));
    }
}

static int class_of(nn_plot *plot, const nn_info *info, int64_t row, const char **name) {
    const nn_split *split = &info->ds->split[0];
    unsigned char stored[sizeof(int64_t)];

    *name = "";
    if (!info->split[0].counts)
        return NN_OK;
    NN_TRY(nn_dataset_read(info->ds, split, 'y', row, 1, stored));
    int64_t class = nn_stored_integer(split->y.type, stored, 0);
    *name = class < 0 ? "ignored" : class_name(plot, info, class);
    return *name ? NN_OK : NN_EMEMORY;
}

static int plot_pictures(nn_plot *plot, const nn_info *info) {
    nn_shape image = picture_shape(info);
    size_t count = (size_t)(info->sampled < PICTURES ? info->sampled : PICTURES);
    unsigned char *pixel;
    nn_figure *f;

    if (image.rank == 0 || count == 0)
        return NN_OK;
    f = nn_plot_add(plot, NN_FIGURE_IMAGES, "pictures", "Samples",
                    "Evenly spread over the first split.");
    pixel = nn_pool_alloc(plot->pool, nn_shape_count(&image));
    if (!f || !pixel || nn_figure_table(plot, f, count, 2) < 0)
        return NN_EMEMORY;
    f->column[0] = "class";
    f->column[1] = "picture";
    for (size_t i = 0; i < count; i++) {
        size_t at = i * (size_t)info->sampled / count;
        f->row[i] = nn_pool_printf(plot->pool, "sample %" PRId64, info->sample_row[at]);
        NN_TRY(class_of(plot, info, info->sample_row[at], &f->cell[2 * i]));
        paint(info, &image, at, pixel);
        f->cell[2 * i + 1] = nn_plot_picture(plot, &image, pixel);
        if (!f->row[i] || !f->cell[2 * i + 1])
            return NN_EMEMORY;
    }
    return NN_OK;
}

int nn_data_page(nn_pool *pool, const nn_info *info, const char *out) {
    nn_plot plot = {.pool = pool, .title = info->path};

    NN_TRY(plot_splits(&plot, info));
    NN_TRY(plot_advice(&plot, info));
    NN_TRY(plot_balance(&plot, info));
    NN_TRY(plot_pictures(&plot, info));
    NN_TRY(plot_columns(&plot, info));
    NN_TRY(plot_histograms(&plot, info));
    return nn_plot_page(&plot, out);
}
