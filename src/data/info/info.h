/* What a data set holds: shapes, types, classes, statistics, repeated rows, and what to change. */
#ifndef NN_DATA_INFO_INFO_H
#define NN_DATA_INFO_INFO_H

#include "data/dataset.h"

#include <stdio.h>

/* Of numbers that come in pieces (Chan, Golub and LeVeque's way to join variances). */
typedef struct nn_info_stats {
    int64_t count, not_finite;
    double min, max, mean, squares; /* squares: sum of (value - mean)^2 */
    bool fractions;                 /* not all are whole numbers */
} nn_info_stats;

double nn_info_deviation(const nn_info_stats *stats);

typedef struct nn_info_split {
    const nn_split *split;
    int64_t looked_at;     /* rows of x that the statistics are of; all, but of a large split */
    nn_info_stats x, y;    /* y: unless it holds labels */
    nn_info_stats *column; /* [info->columns], without scale and offset */
    int64_t *counts;       /* [classes] labels of each; NULL: no labels */
    int64_t ignored;       /* labels -1 */
    int64_t repeated; /* rows of x, of those looked at, that an earlier row of the split is equal
                         to, ... */
    int64_t shared;   /* ... and that are rows of the first split, too */
} nn_info_split;

/* How x of the first split is stored in the file. */
typedef struct nn_info_storage {
    int64_t chunk_rows; /* 0: contiguous */
    bool compressed;
} nn_info_storage;

#define NN_INFO_SAMPLE 1000
enum { NN_INFO_ADVICE = 8 };

typedef struct nn_info {
    nn_pool pool;
    nn_dataset *ds;
    const char *path;
    int64_t bytes; /* of the file; 0: it is none */
    nn_info_split split[NN_MAX_SPLITS];
    size_t columns;      /* of a table [N, F] that are described one by one, or 0 */
    int64_t sampled;     /* rows of the first split, evenly spread, ... */
    nn_real *sample;     /* ... of a table without scale and offset: [sampled][width] */
    int64_t *sample_row; /* which they are */
    nn_info_storage storage;
    size_t advices;
    const char *advice[NN_INFO_ADVICE];
} nn_info;

/* Reads what the `data:` map says, of a large x pieces that are evenly spread, in bounded memory.
 * Values that are no numbers are counted, not refused. `path` is what the user calls it.
 * NN_EFORMAT. Local. */
int nn_info_new(nn_node *data, const char *path, nn_info **out);
void nn_info_free(nn_info *info);

/* The name of column i of x; `text` is room for its number. */
#define NN_INFO_NAME 24
const char *nn_info_column_name(const nn_info *info, size_t i, char text[NN_INFO_NAME]);
/* "no numbers" (all are NaN or Inf), "constant", "0 or 1", "whole numbers" or "numbers". */
const char *nn_info_kind(const nn_info_stats *stats);
/* Does column i of x hold numbers of categories? */
bool nn_info_is_category(const nn_info *info, size_t i);
/* The same of column i of x in the first split, or "categories", whose numbers it holds. */
const char *nn_info_column_kind(const nn_info *info, size_t i);
/* Values of column i that were missing and are filled in. */
int64_t nn_info_missing(const nn_info *info, size_t i);

/* What to change, from the rest: advice.c. NN_EMEMORY. */
int nn_info_advise(nn_info *info);

/* A table for people, or one JSON object and a newline. NN_EMEMORY. */
int nn_info_text(const nn_info *info, FILE *out);
int nn_info_json(const nn_info *info, FILE *out);

#endif
