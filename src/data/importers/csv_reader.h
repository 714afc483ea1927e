/* CSV (RFC 4180) row by row with the place of every field; the only user of csv.h (libcsv). */
#ifndef NN_DATA_IMPORTERS_CSV_READER_H
#define NN_DATA_IMPORTERS_CSV_READER_H

#include "base/mem.h"

typedef struct nn_csv_field {
    const char *text;     /* without quotes and the blanks around it */
    int64_t line, column; /* 1-based, where it begins; column in bytes */
} nn_csv_field;

typedef struct nn_csv_row {
    size_t count;
    const nn_csv_field *field;
} nn_csv_row;

/* Does a file's name say that it is CSV: .csv, .tsv, gzip'd or not? */
bool nn_csv_has_name(const char *path);
/* The delimiter of a file: of tab, semicolon, bar and comma the first that stands equally often in
 * its first lines, else the one that is found most often in the first. NN_EFORMAT. Local. */
int nn_csv_guess(const char *path, char *delimiter);

/* Called for each row that is not blank; the row is gone when it returns. */
typedef int nn_csv_fn(void *ctx, const nn_csv_row *row);

/* Reads a file, gzip'd or not, and calls `fn` until it returns something negative, which it
 * returns, too. Holds one row in memory. NN_EFORMAT with file:line:column. Local. */
int nn_csv_read(const char *path, char delimiter, nn_csv_fn *fn, void *ctx);

/* nn_fail(NN_EFORMAT) with "file:line:column: " of a field in front. */
#define nn_csv_fail(path, field, format, ...)                                                      \
    nn_fail(NN_EFORMAT, "%s:%" PRId64 ":%" PRId64 ": " format, (path), (field)->line,              \
            (field)->column, __VA_ARGS__)

#endif
