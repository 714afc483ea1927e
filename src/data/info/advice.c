/* What to change about a data set, from what it holds. */
#include "base/text.h"
#include "data/classes.h"
#include "data/info/info.h"
#include "data/sources/open.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

enum { UNBALANCED = 10, NAMED = 5 };
#define FEW_LEVELS 16                 /* fewer are no brightness */
#define WIDE_CHUNK ((int64_t)1 << 22) /* bytes that a single sample should not cost */

__attribute__((format(printf, 2, 3))) static int advise(nn_info *info, const char *format, ...) {
    char text[512];
    va_list args;

    if (info->advices == NN_INFO_ADVICE)
        return NN_OK;
    va_start(args, format);
    nn_text_line(text, sizeof text, format, args);
    va_end(args);
    info->advice[info->advices] = nn_pool_strdup(&info->pool, text);
    return info->advice[info->advices++] ? NN_OK : NN_EMEMORY;
}

/* What is no number spreads through a model. */
static int look_for_not_finite(nn_info *info) {
    for (size_t i = 0; i < info->ds->splits; i++)
        if (info->split[i].x.not_finite)
            NN_TRY(advise(info,
                          "%" PRId64 " values of x of %s are NaN or Inf, which no model learns "
                          "from: put numbers in their place, or leave out the rows or columns "
                          "that have them",
                          info->split[i].x.not_finite, info->split[i].split->name));
    return NN_OK;
}

/* Columns that say nothing. */
static int look_for_constants(nn_info *info) {
    char names[200] = "", number[NN_INFO_NAME];
    size_t length = 0, count = 0;
    const nn_info_split *first = &info->split[0];

    for (size_t i = 0; i < info->columns && first->split->samples > 1; i++) {
        if (first->column[i].count == 0 || first->column[i].min < first->column[i].max)
            continue;
        if (count++ < NAMED && length < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%.30s",
                                       count > 1 ? ", " : "", nn_info_column_name(info, i, number));
    }
    if (count == 0)
        return NN_OK;
    return advise(info,
                  "%zu columns have the same value in every row and say nothing: leave them "
                  "out (%s%s)",
                  count, names, count > NAMED ? ", ..." : "");
}

/* Numbers of very different size, or far from 0, make descent slow. */
static int look_at_scale(nn_info *info) {
    const nn_info_split *first = &info->split[0];
    double least = INFINITY, most = 0;
    bool apart = false;

    if (info->ds->affine.count > 0)
        return NN_OK;

    for (size_t i = 0; i < info->columns; i++) {
        double deviation = nn_info_deviation(&first->column[i]);
        if (!(deviation > 0) || nn_info_is_category(info, i))
            continue;
        least = fmin(least, deviation);
        most = fmax(most, deviation);
        apart = apart || fabs(first->column[i].mean) > 10 * deviation;
    }
    if (most <= 10 * least && !apart && (most == 0 || (most < 10 && most > 0.01)))
        return NN_OK;
    return advise(info,
                  "the columns are of different size (standard deviations from %.3g to %.3g) or "
                  "far from 0: data: {normalize: true} makes training faster",
                  least, most);
}

/* Numbers 0 to 255 in the shape of pictures. */
static bool holds_pixels(const nn_info *info) {
    const nn_info_stats *s = &info->split[0].x;
    const nn_shape *x = &info->split[0].split->x.shape;

    return s->count > 0 && !s->fractions && s->min >= 0 && s->max > FEW_LEVELS && s->max <= 255 &&
           (x->rank == 2 || (x->rank == 3 && nn_channels_of(x) <= 4)) && !info->ds->tokens &&
           !info->split[0].split->has_length && info->ds->affine.count == 0;
}

static int look_at_bytes(nn_info *info) {
    const nn_info_split *first = &info->split[0];
    const nn_field *x = &first->split->x;

    if (holds_pixels(info) && nn_dtype_size(x->type) > 1)
        return advise(
            info,
            "x is %s, but holds whole numbers from 0 to 255 only: as uint8, with "
            "the attribute scale = 1/255, it takes a part of the memory and time, and the "
            "model gets 0 to 1",
            nn_dtype_name(x->type));
    if (x->type == NN_F64 || x->type == NN_I64)
        return advise(info,
                      "x is %s, and training computes with float32: as %s it takes half of the "
                      "memory and is read in half of the time",
                      nn_dtype_name(x->type), x->type == NN_F64 ? "float32" : "int32");
    return NN_OK;
}

static int look_at_chunks(nn_info *info) {
    const nn_field *x = &info->ds->split[0].x;
    int64_t bytes = info->storage.chunk_rows * (int64_t)x->row_bytes;

    if (bytes > WIDE_CHUNK)
        return advise(info,
                      "x has chunks of %" PRId64 " rows (%.0f MiB)%s: where the data exceed "
                      "memory, each is read for a single sample; h5repack -l CHUNK=... makes "
                      "smaller ones, of about 256 KiB",
                      info->storage.chunk_rows, (double)bytes / 1048576,
                      info->storage.compressed ? ", compressed" : "");
    if (info->storage.compressed)
        return advise(info,
                      "x is compressed: each start of a training decompresses it; h5repack -f "
                      "NONE writes it without, which takes more of the disk");
    return NN_OK;
}

static int look_at_balance(nn_info *info) {
    const nn_info_split *first = &info->split[0];
    int64_t least = INT64_MAX, most = 0;

    for (int64_t c = 0; first->counts && c < info->ds->classes; c++) {
        if (first->counts[c] == 0)
            continue;
        least = first->counts[c] < least ? first->counts[c] : least;
        most = first->counts[c] > most ? first->counts[c] : most;
    }
    if (most < UNBALANCED * (least == INT64_MAX ? 1 : least))
        return NN_OK;
    return advise(info,
                  "the rarest class has %" PRId64 " samples and the most frequent one %" PRId64
                  ": loss: {cross_entropy: {class_weights: balanced}} lets both count alike",
                  least, most);
}

static int look_at_repeated(nn_info *info) {
    for (size_t i = 0; i < info->ds->splits; i++)
        if (info->split[i].shared)
            NN_TRY(advise(info,
                          "%" PRId64 " samples of %s are also in %s: what is measured on them "
                          "is better than it will be on new ones",
                          info->split[i].shared, info->split[i].split->name,
                          info->split[0].split->name));
    bool cut = info->split[0].split->tokens > 0; /* not divided at random */
    if (!cut && info->split[0].repeated * 100 > info->split[0].looked_at)
        return advise(info,
                      "%" PRId64 " samples of %s stand there before: a random split puts some "
                      "of them into both parts",
                      info->split[0].repeated, info->split[0].split->name);
    return NN_OK;
}

static int look_at_source(nn_info *info) {
    const char *name = info->ds->ops->entry.name;

    if (nn_dataset_is_imported(info->ds))
        NN_TRY(advise(info,
                      "each run reads the %s anew: nnmpi data import %s ... -O FILE.h5 does it "
                      "once",
                      name, name));
    if (info->ds->splits > 1 || !info->split[0].split->has_y)
        return NN_OK;
    return advise(info,
                  "there is nothing to validate on: nnmpi data split %s --valid 0.2 -O FILE.h5",
                  info->path);
}

int nn_info_advise(nn_info *info) {
    NN_TRY(look_for_not_finite(info));
    NN_TRY(look_for_constants(info));
    NN_TRY(look_at_scale(info));
    NN_TRY(look_at_bytes(info));
    NN_TRY(look_at_chunks(info));
    NN_TRY(look_at_balance(info));
    NN_TRY(look_at_repeated(info));
    return look_at_source(info);
}
