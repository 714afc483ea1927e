#include "data/values/normalize.h"

#include <math.h>
#include <string.h>

/* Sums over all numbers of a channel less the first one, so that little is lost when they are far
 * from 0. */
typedef struct sums {
    double start, sum, squares;
} sums;

typedef struct scan {
    const nn_split *split;
    nn_converter convert;
    size_t groups, outer, inner; /* a row is [outer][groups][inner] */
    sums *of;                    /* [groups] */
    unsigned char *stored;
    nn_real *value;
} scan;

/* Rows [H, W] of images have one channel, rows [T, F] of sequences F features: the shape does not
 * tell them apart. */
static void plan_groups(scan *s, bool together, bool images) {
    const nn_field *x = &s->split->x;
    size_t width = nn_shape_count(&x->shape);
    bool grey = images && x->shape.rank == 2 && !s->split->has_length;
    bool planes = nn_shape_is_image(&x->shape) && !x->channels_last;

    s->groups = together || grey ? 1 : nn_channels_of(&x->shape);
    s->inner = s->groups == 1 || planes ? width / s->groups : 1;
    s->outer = width / s->groups / s->inner;
}

static void add_numbers(sums *to, size_t n, const nn_real *value) {
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++) {
        double v = (double)value[i] - to->start;
        sum += v;
        squares += v * v;
    }
    to->sum += sum;
    to->squares += squares;
}

static void add_rows(scan *s, bool first, int64_t rows) {
    const nn_real *value = s->value;

    for (size_t g = 0; first && g < s->groups; g++)
        s->of[g].start = (double)value[g * s->inner];
    for (size_t i = 0; i < (size_t)rows * s->outer; i++)
        for (size_t g = 0; g < s->groups; g++, value += s->inner)
            add_numbers(&s->of[g], s->inner, value);
}

static int scan_split(const nn_dataset *ds, scan *s) {
    int64_t samples = s->split->samples, rows = nn_chunk_rows(s->split->x.row_bytes);

    rows = rows < samples ? rows : samples;
    NN_TRY(NN_NEW(&s->of, s->groups, "means"));
    NN_TRY(NN_NEW(&s->stored, (size_t)rows * s->split->x.row_bytes, "rows"));
    NN_TRY(NN_NEW(&s->value, (size_t)rows * s->convert.width, "rows"));
    for (int64_t first = 0; first < samples; first += rows) {
        int64_t count = samples - first < rows ? samples - first : rows;
        NN_TRY(nn_dataset_read(ds, s->split, 'x', first, count, s->stored));
        nn_converter_apply(&s->convert, (size_t)count, s->stored, s->value);
        add_rows(s, first == 0, count);
    }
    return NN_OK;
}

/* Numbers that are all the same stay 0 instead of becoming NaN. */
static int set_statistics(nn_dataset *ds, const scan *s) {
    double count = (double)s->split->samples * (double)(s->outer * s->inner);
    double *mean = nn_pool_alloc(&ds->pool, s->groups * sizeof *mean);
    double *std = nn_pool_alloc(&ds->pool, s->groups * sizeof *std);

    if (!mean || !std)
        return NN_EMEMORY;
    for (size_t g = 0; g < s->groups; g++) {
        double apart = s->of[g].sum / count;
        double variance = s->of[g].squares / count - apart * apart;
        if (!isfinite(variance)) /* the loader will name the row */
            return NN_OK;
        mean[g] = s->of[g].start + apart;
        std[g] = variance > 0 ? sqrt(variance) : 1;
        if (ds->categories.columns == s->groups && ds->categories.count[g] > 0) {
            mean[g] = 0; /* numbers of categories stay what they are */
            std[g] = 1;
        }
    }
    return nn_dataset_set_normal(ds, &(nn_normal){s->groups, mean, std});
}

int nn_dataset_normalize(nn_dataset *ds, bool images) {
    scan s = {0};
    nn_pool pool = {0};
    int rc;

    if (ds->settings.normalize == NN_NORMALIZE_NONE)
        return NN_OK;
    NN_TRY(nn_dataset_find(ds, "train", &s.split));
    if (s.split->supplied)
        return nn_fail(NN_EUSAGE,
                       "%s: /train/x has no rows yet to find means and deviations in "
                       "(data.normalize); give scales by nn_data_set_scale",
                       ds->path);
    if (ds->categories.columns > 1 && ds->settings.normalize == NN_NORMALIZE_ALL)
        return nn_fail(NN_EUSAGE,
                       "%s: normalize: all would change the numbers of categories, too: "
                       "normalize: true leaves these columns as they are",
                       ds->path);
    plan_groups(&s, ds->settings.normalize == NN_NORMALIZE_ALL, images);
    NN_TRY_GOTO(nn_converter_init(&s.convert, &s.split->x, &ds->affine, NN_AS_STORED, &pool));
    NN_TRY_GOTO(scan_split(ds, &s));
    NN_TRY_GOTO(set_statistics(ds, &s));
done:
    nn_free(s.of);
    nn_free(s.stored);
    nn_free(s.value);
    nn_pool_release(&pool);
    return rc;
}

static int copy_numbers(nn_pool *pool, size_t count, const double *from, const double **out) {
    double *to = nn_pool_alloc(pool, count * sizeof *to);

    if (!to)
        return NN_EMEMORY;
    memcpy(to, from, count * sizeof *to);
    *out = to;
    return NN_OK;
}

int nn_dataset_set_normal(nn_dataset *ds, const nn_normal *normal) {
    ds->normal = (nn_normal){.count = normal->count};
    if (normal->count == 0)
        return NN_OK;
    NN_TRY(copy_numbers(&ds->pool, normal->count, normal->mean, &ds->normal.mean));
    NN_TRY(copy_numbers(&ds->pool, normal->count, normal->std, &ds->normal.std));
    return NN_OK;
}

int nn_affine_join(const nn_affine *affine, const nn_normal *normal, const nn_shape *shape,
                   nn_pool *pool, nn_affine *out) {
    bool plain = affine->count <= 1 && normal->count <= 1;
    size_t count = plain ? 1 : nn_shape_count(shape);
    double *scale, *offset;

    *out = *affine;
    if (normal->count == 0)
        return NN_OK;
    scale = nn_pool_alloc(pool, count * sizeof *scale);
    offset = nn_pool_alloc(pool, count * sizeof *offset);
    if (!scale || !offset)
        return NN_EMEMORY;
    for (size_t e = 0; e < count; e++) {
        size_t a = affine->count ? nn_affine_index(affine->count, shape, e) : 0;
        size_t n = nn_affine_index(normal->count, shape, e);
        scale[e] = (affine->count ? affine->scale[a] : 1) / normal->std[n];
        offset[e] = ((affine->count ? affine->offset[a] : 0) - normal->mean[n]) / normal->std[n];
    }
    *out = (nn_affine){count, scale, offset};
    return NN_OK;
}

int nn_converter_init_x(nn_converter *converter, const nn_field *x, const nn_affine *affine,
                        const nn_normal *normal, nn_pool *pool) {
    nn_affine both;

    NN_TRY(nn_affine_join(affine, normal, &x->shape, pool, &both));
    return nn_converter_init(converter, x, &both, NN_CHANNELS_LAST, pool);
}
