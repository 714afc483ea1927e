/* What the columns of a CSV file become in x: a number each, or where they hold texts one for each
 * category, 1 in the rows that have it and else 0. */
#ifndef NN_DATA_IMPORTERS_CSV_FEATURES_H
#define NN_DATA_IMPORTERS_CSV_FEATURES_H

#include "data/field.h"
#include "data/importers/csv_columns.h"
#include "data/importers/labels.h"

typedef struct nn_csv_kind {
    bool categories;    /* each text is one; else numbers */
    size_t first;       /* numbers, also of categories: their feature */
    nn_labels labels;   /* the categories; begun with the first text */
    size_t *feature_of; /* [labels.count]; NULL: their numbers are one feature */
    size_t feature_room;
    int64_t numbers; /* how many there are, their mean, and the sum of (number - mean)^2 */
    double mean, squares;
    int64_t missing;   /* values */
    double fill;       /* what stands for a missing number; NaN: nothing */
    nn_csv_field text; /* the first that is no number */
    int64_t strange;   /* texts that are none of the categories of the model, and the first */
    char *stranger;
} nn_csv_kind;

typedef struct nn_csv_features {
    const nn_csv_columns *columns;
    nn_pool pool;
    size_t count;
    const char **name;      /* [count]: "age", "colour=red" */
    double *filled;         /* [count]: values that were missing; NULL: none */
    double *scale, *offset; /* [count]: numbers are standardised by them when read; NULL: not */
    nn_csv_kind *kind;      /* [columns->count] */
    nn_categories categories;
    bool given; /* by the option `columns` */
} nn_csv_features;

/* Once the columns are known. With the option `columns` the features are these, and columns that
 * none of them needs are dropped. NN_EUSAGE, NN_EFORMAT. */
int nn_csv_features_init(nn_csv_features *features, nn_csv_columns *columns);
void nn_csv_features_release(nn_csv_features *features);

/* The features are those of the option `columns`, which is a list; nothing where columns have no
 * names that it could mean. NN_EUSAGE, NN_EFORMAT. */
int nn_csv_features_take(nn_csv_features *features, nn_csv_columns *columns, const nn_node *given);
/* A category of column i, unless it has that one. NN_EUSAGE beyond the most. */
int nn_csv_features_add(nn_csv_features *features, size_t i, const char *text);
/* Once all features are known: the names of categories whose numbers they are. */
int nn_csv_features_list(nn_csv_features *features);

/* Learns from a row; all of them, then plan. NN_EFORMAT with the place. */
int nn_csv_features_survey(nn_csv_features *features, const nn_csv_row *row);
int nn_csv_features_plan(nn_csv_features *features, int64_t rows);

/* A row of x [count]. */
int nn_csv_features_row(nn_csv_features *features, const nn_csv_row *row, float *x);
/* After the last row: tells of texts that were no category. */
void nn_csv_features_warn_unknown(const nn_csv_features *features);

#endif
