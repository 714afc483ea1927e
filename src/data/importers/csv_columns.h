/* The columns of a CSV file: their names, and what becomes of each. */
#ifndef NN_DATA_IMPORTERS_CSV_COLUMNS_H
#define NN_DATA_IMPORTERS_CSV_COLUMNS_H

#include "data/importers/csv_reader.h"
#include "data/importers/importer.h"

/* The option `header`. */
enum { NN_CSV_HEADER_AUTO, NN_CSV_HEADER_YES, NN_CSV_HEADER_NO };

/* The option `missing`. */
enum { NN_CSV_MISSING_REFUSE, NN_CSV_MISSING_DROP, NN_CSV_MISSING_MEAN };

typedef enum nn_csv_role {
    NN_CSV_FEATURE,
    NN_CSV_LABEL,
    NN_CSV_TARGET,
    NN_CSV_DROPPED
} nn_csv_role;

typedef struct nn_csv_column {
    const char *name;
    nn_csv_role role;
    size_t place;    /* of a target: where it stands in the list of targets */
    bool categories; /* numbers of this column are names, too */
    bool embedding;  /* and become one column of x, their numbers */
} nn_csv_column;

typedef struct nn_csv_columns {
    const nn_csv_options *options;
    nn_pool *pool;
    char delimiter;
    bool headed; /* the first row holds names */
    size_t count, features, targets;
    size_t label; /* its column; `count` when there is none */
    nn_csv_column *column;
    int64_t first_line;     /* of the first row, where that may be a header: ... */
    const char **first_row; /* ... its texts, where they are no names of columns: [count], else
                               NULL */
} nn_csv_columns;

/* Names and roles of the columns, from the first row. What it takes lives in `pool`. NN_EUSAGE. */
int nn_csv_columns_init(nn_csv_columns *columns, const nn_csv_options *options, char delimiter,
                        const nn_csv_row *row, nn_pool *pool);
/* NN_EFORMAT when a row has more fields or fewer. */
int nn_csv_columns_check(const nn_csv_columns *columns, const nn_csv_row *row);
/* The names of all columns, cut short where there are many; lives as long as the columns. */
const char *nn_csv_columns_list(const nn_csv_columns *columns);
/* Does the row lack its answer, or with `features` any value but of dropped columns? */
bool nn_csv_columns_lack(const nn_csv_columns *columns, const nn_csv_row *row, bool features);

/* Empty, NA, N/A, NaN, null or ?. */
bool nn_csv_is_missing(const char *text);
bool nn_csv_has_decimal_comma(const char *text);
/* The number in column i. NN_EFORMAT with its place. */
int nn_csv_number(const nn_csv_columns *columns, const nn_csv_field *field, size_t i, float *out);

#endif
