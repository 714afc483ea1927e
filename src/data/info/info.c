#include "data/info/info.h"

#include "base/numbers/rng.h"
#include "base/system/work.h"
#include "data/classes.h"
#include "data/output.h"
#include "data/sources/open.h"
#include "data/values/convert.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_BYTES ((int64_t)1 << 30)  /* of x of a split that are read */
#define MOST_HASHES ((int64_t)1 << 22) /* rows of a split that are compared */
enum { MOST_COLUMNS = 4096, SAMPLE_BYTES = 1 << 26 };

/* ---- statistics ------------------------------------------------------------------------------ */

/* Drops what is no finite number; returns how many are left at the front. */
static size_t keep_finite(size_t n, nn_real *value) {
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (isfinite(value[i]))
            value[kept++] = value[i];
    return kept;
}

static void stats_join(nn_info_stats *a, const nn_info_stats *b) {
    double both = (double)a->count + (double)b->count, apart = b->mean - a->mean;

    if (b->count == 0)
        return;
    a->min = a->count == 0 || b->min < a->min ? b->min : a->min;
    a->max = a->count == 0 || b->max > a->max ? b->max : a->max;
    a->squares += b->squares + apart * apart * (double)a->count * (double)b->count / both;
    a->mean += apart * (double)b->count / both;
    a->count += b->count;
    a->fractions = a->fractions || b->fractions;
}

static void stats_add(nn_info_stats *s, size_t n, nn_real *value) {
    size_t kept = keep_finite(n, value);
    nn_info_stats piece = {.count = (int64_t)kept, .min = INFINITY, .max = -INFINITY};
    double sum = 0;

    s->not_finite += (int64_t)(n - kept);
    for (size_t i = 0; i < kept; i++) {
        double v = (double)value[i];
        sum += v;
        piece.min = v < piece.min ? v : piece.min;
        piece.max = v > piece.max ? v : piece.max;
        piece.fractions = piece.fractions || v != floor(v);
    }
    piece.mean = kept ? sum / (double)kept : 0;
    for (size_t i = 0; i < kept; i++) {
        double apart = (double)value[i] - piece.mean;
        piece.squares += apart * apart;
    }
    stats_join(s, &piece);
}

double nn_info_deviation(const nn_info_stats *s) {
    return s->count ? sqrt(s->squares / (double)s->count) : 0;
}

const char *nn_info_kind(const nn_info_stats *s) {
    if (s->count == 0)
        return "no numbers";
    if (s->min == s->max)
        return "constant";
    if (!s->fractions && s->min == 0 && s->max == 1)
        return "0 or 1";
    return s->fractions ? "numbers" : "whole numbers";
}

const char *nn_info_column_name(const nn_info *info, size_t i, char text[NN_INFO_NAME]) {
    snprintf(text, NN_INFO_NAME, "%zu", i + 1);
    return info->ds->feature_names ? info->ds->feature_names[i] : text;
}

bool nn_info_is_category(const nn_info *info, size_t i) {
    const nn_categories *c = &info->ds->categories;

    return c->columns == info->columns && c->count[i] > 0;
}

const char *nn_info_column_kind(const nn_info *info, size_t i) {
    return nn_info_is_category(info, i) ? "categories" : nn_info_kind(&info->split[0].column[i]);
}

int64_t nn_info_missing(const nn_info *info, size_t i) {
    return info->ds->missing ? (int64_t)info->ds->missing[i] : 0;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* What is done with each piece of stored rows. */
typedef struct scan {
    nn_info *info;
    nn_info_split *of;
    char name;
    size_t row_bytes;
    nn_converter convert, raw; /* raw: of tables, without scale and offset */
    unsigned char *stored;     /* [rows][row_bytes] */
    nn_real *value;            /* [rows][width] */
    nn_real *column;           /* [rows] */
    uint64_t *hash;            /* [hashes] of rows of x, up to MOST_HASHES */
    int64_t hashes;
} scan;

static void count_labels(scan *s, size_t rows) {
    for (size_t i = 0; i < rows; i++) {
        int64_t label = nn_stored_integer(s->convert.type, s->stored, i);
        if (label < 0)
            s->of->ignored++;
        else
            s->of->counts[label]++;
    }
}

static uint64_t hash_of(const unsigned char *row, size_t bytes) {
    uint64_t hash = bytes, word;

    for (size_t i = 0; i < bytes; i += sizeof word) {
        word = 0;
        memcpy(&word, row + i, bytes - i < sizeof word ? bytes - i : sizeof word);
        hash = nn_mix64(hash ^ word) + 0x9e3779b97f4a7c15;
    }
    return hash;
}

/* Rows that are evenly spread are kept. */
static void keep_samples(scan *s, int64_t first, int64_t rows) {
    nn_info *info = s->info;
    int64_t samples = s->of->split->samples;
    size_t width = s->convert.width;

    while (info->sample && info->sampled < NN_INFO_SAMPLE) {
        int64_t wanted = (int64_t)((double)info->sampled * (double)samples / NN_INFO_SAMPLE);
        if (info->sampled > 0 && wanted <= info->sample_row[info->sampled - 1])
            wanted = info->sample_row[info->sampled - 1] + 1;
        if (wanted >= first + rows)
            return;
        wanted = wanted < first ? first : wanted; /* of a piece that was passed over */
        info->sample_row[info->sampled] = wanted;
        memcpy(info->sample + (size_t)info->sampled * width,
               s->value + (size_t)(wanted - first) * width, width * sizeof *info->sample);
        info->sampled++;
    }
}

static void scan_columns(scan *s, size_t rows) {
    size_t columns = s->info->columns;

    for (size_t c = 0; c < columns; c++) {
        for (size_t r = 0; r < rows; r++)
            s->column[r] = s->value[r * columns + c];
        stats_add(&s->of->column[c], rows, s->column);
    }
}

static void scan_targets(scan *s, size_t rows) {
    if (s->of->counts) {
        count_labels(s, rows);
        return;
    }
    nn_converter_apply(&s->convert, rows, s->stored, s->value);
    stats_add(&s->of->y, rows * s->convert.width, s->value);
}

static void scan_samples(scan *s, int64_t first, int64_t count) {
    bool table = s->info->columns > 0;
    size_t rows = (size_t)count;

    for (size_t i = 0; i < rows && s->hashes < MOST_HASHES; i++)
        s->hash[s->hashes++] = hash_of(s->stored + i * s->row_bytes, s->row_bytes);
    nn_converter_apply(table ? &s->raw : &s->convert, rows, s->stored, s->value);
    if (s->of == &s->info->split[0])
        keep_samples(s, first, count);
    if (table) {
        scan_columns(s, rows);
        nn_converter_apply(&s->convert, rows, s->stored, s->value);
    }
    s->of->looked_at += count;
    stats_add(&s->of->x, rows * s->convert.width, s->value);
}

/* Every piece, or of a large x every k-th, so that the time is bounded, too. */
static int scan_pieces(scan *s, int64_t rows) {
    int64_t samples = s->of->split->samples, piece = rows * (int64_t)s->row_bytes;
    int64_t most = piece > 0 ? MOST_BYTES / piece + 1 : 1, pieces = (samples + rows - 1) / rows;
    int64_t every = s->name == 'x' && pieces > most ? (pieces + most - 1) / most : 1;

    for (int64_t first = 0; first < samples; first += rows * every) {
        int64_t count = samples - first < rows ? samples - first : rows;
        nn_work("reading", s->of->split->name, first, samples);
        NN_TRY(nn_dataset_read(s->info->ds, s->of->split, s->name, first, count, s->stored));
        if (s->name == 'x')
            scan_samples(s, first, count);
        else
            scan_targets(s, (size_t)count);
    }
    return NN_OK;
}

static int scan_field(scan *s, const nn_field *field) {
    nn_info *info = s->info;
    int64_t rows = nn_chunk_rows(field->row_bytes);
    int rc;

    s->row_bytes = field->row_bytes;
    NN_TRY_GOTO(nn_converter_init(&s->convert, field, s->name == 'x' ? &info->ds->affine : NULL,
                                  NN_AS_STORED, &info->pool));
    NN_TRY_GOTO(nn_converter_init(&s->raw, field, NULL, NN_AS_STORED, &info->pool));
    NN_TRY_GOTO(NN_NEW(&s->stored, (size_t)rows * field->row_bytes, "rows"));
    NN_TRY_GOTO(NN_NEW(&s->value, (size_t)rows * s->convert.width, "rows"));
    NN_TRY_GOTO(NN_NEW(&s->column, (size_t)rows, "a column"));
    NN_TRY_GOTO(scan_pieces(s, rows));
done:
    nn_work_end();
    nn_free(s->stored);
    nn_free(s->value);
    nn_free(s->column);
    return rc;
}

/* ---- repeated rows --------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Equal ones stand beside each other, `first` being those of the first split. */
static void count_repeated(nn_info_split *of, const scan *s, const scan *first) {
    qsort(s->hash, (size_t)s->hashes, sizeof *s->hash, by_value);
    for (int64_t i = 0; i < s->hashes; i++) {
        of->repeated += i > 0 && s->hash[i] == s->hash[i - 1];
        of->shared += s != first && bsearch(&s->hash[i], first->hash, (size_t)first->hashes,
                                            sizeof *first->hash, by_value) != NULL;
    }
}

/* ---- all ------------------------------------------------------------------------------------- */

static int scan_split(nn_info *info, size_t i, scan *x) {
    nn_info_split *of = &info->split[i];
    const nn_split *split = &info->ds->split[i];
    scan y = {.info = info, .of = of, .name = 'y'};
    int64_t hashes = split->samples < MOST_HASHES ? split->samples : MOST_HASHES;

    of->split = split;
    of->column = nn_pool_alloc(&info->pool, (info->columns + 1) * sizeof *of->column);
    if (!of->column)
        return NN_EMEMORY;
    if (nn_split_has_labels(split)) {
        of->counts = nn_pool_alloc(&info->pool, (size_t)info->ds->classes * sizeof *of->counts);
        if (!of->counts)
            return NN_EMEMORY;
    }
    *x = (scan){.info = info, .of = of, .name = 'x'};
    NN_TRY(NN_NEW(&x->hash, (size_t)hashes, "hashes of rows"));
    NN_TRY(scan_field(x, &split->x));
    return split->has_y ? scan_field(&y, &split->y) : NN_OK;
}

static int scan_splits(nn_info *info) {
    scan x[NN_MAX_SPLITS] = {0};
    int rc = NN_OK;

    for (size_t i = 0; i < info->ds->splits && rc == NN_OK; i++) {
        rc = scan_split(info, i, &x[i]);
        if (rc == NN_OK)
            count_repeated(&info->split[i], &x[i], &x[0]);
    }
    for (size_t i = 0; i < NN_MAX_SPLITS; i++)
        nn_free(x[i].hash);
    return rc;
}

static int allocate(nn_info *info) {
    const nn_split *first = &info->ds->split[0];
    const nn_shape *x = &first->x.shape;
    size_t width = nn_shape_count(x);
    size_t rows = first->samples < NN_INFO_SAMPLE ? (size_t)first->samples : NN_INFO_SAMPLE;

    info->columns = x->rank == 1 && width <= MOST_COLUMNS && !info->ds->tokens ? width : 0;
    if (width * rows * sizeof *info->sample > SAMPLE_BYTES)
        return NN_OK;
    info->sample = nn_pool_alloc(&info->pool, width * rows * sizeof *info->sample);
    info->sample_row = nn_pool_alloc(&info->pool, rows * sizeof *info->sample_row);
    return info->sample && info->sample_row ? NN_OK : NN_EMEMORY;
}

/* Only the file of the user's own has chunks that are of interest. */
static int look_at_storage(nn_info *info) {
    char name[NN_FIELD_PATH];

    if (!nn_dataset_is_hdf5(info->ds) || info->ds->split[0].tokens > 0)
        return NN_OK;
    return nn_h5_storage(info->ds->state, nn_field_path(info->ds->split[0].name, 'x', name),
                         &info->storage.chunk_rows, &info->storage.compressed);
}

static int scan_all(nn_info *info, nn_node *data, const char *path) {
    struct stat st;

    info->path = nn_pool_strdup(&info->pool, path);
    if (!info->path)
        return NN_EMEMORY;
    NN_TRY(nn_dataset_open(data, NULL, &info->ds));
    nn_dataset_say_unused(info->ds);
    info->bytes = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : 0;
    NN_TRY(allocate(info));
    NN_TRY(scan_splits(info));
    NN_TRY(look_at_storage(info));
    return nn_info_advise(info);
}

int nn_info_new(nn_node *data, const char *path, nn_info **out) {
    nn_info *info = NULL;
    int rc;

    *out = NULL;
    NN_TRY(NN_NEW(&info, 1, "data info"));
    rc = scan_all(info, data, path);
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
