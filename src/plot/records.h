/* metrics.jsonl as columns of numbers: what is drawn of a run. */
#ifndef NN_PLOT_RECORDS_H
#define NN_PLOT_RECORDS_H

#include "base/mem.h"

/* The numbers of one key, "loss" or "slowest.factor"; NaN where a line has none. */
typedef struct nn_column {
    const char *name;
    double *value; /* [rows] */
} nn_column;

/* The lines of one event, each with a number "step"; owned by the pool. */
typedef struct nn_event_lines {
    const char *event; /* "train" */
    size_t rows, columns, capacity, column_capacity, line_capacity;
    nn_column *column;
    const char **line; /* [rows] as it stands in the file, for what is no number */
} nn_event_lines;

typedef struct nn_records {
    nn_pool *pool;
    size_t events, capacity;
    size_t numbers; /* that memory was taken for */
    nn_event_lines *event;
} nn_records;

/* Reads the file; what a run under way has not written to its end is left out. NN_EIO, and
 * NN_EFORMAT with the place, also where there is more than memory is given to, or a line without
 * its step. Local. */
int nn_records_read(nn_pool *pool, const char *path, nn_records *records);

/* NULL: there are none. */
const nn_event_lines *nn_records_event(const nn_records *records, const char *event);
/* [rows] or NULL. */
const double *nn_event_column(const nn_event_lines *lines, const char *name);
/* Of the last line, NaN where it has no such number; `lines` may be NULL. */
double nn_event_last(const nn_event_lines *lines, const char *name);
/* A text of the last line, NULL where it has none. Owned by `pool`. */
const char *nn_event_text(nn_pool *pool, const nn_event_lines *lines, const char *key);
/* The texts of an array of the last line, *count 0 where it has none. Owned by `pool`. NN_EFORMAT,
 * NN_EMEMORY. */
int nn_event_texts(nn_pool *pool, const nn_event_lines *lines, const char *key, size_t *count,
                   char ***text);
/* An array of numbers, or of rows of them, of a line: *rows and *columns 0 where it has none. Owned
 * by `pool`. NN_EFORMAT, NN_EMEMORY. */
int nn_event_table(nn_pool *pool, const nn_event_lines *lines, size_t row, const char *key,
                   size_t *rows, size_t *columns, double **value);

/* Keeps about `most` rows of an event: of each stretch of lines the first, and those in which one
 * of its columns (of the first that change, most / 2) is least or greatest, so that no peak is
 * lost; the one at `step`, and the last one. NN_EMEMORY. */
int nn_event_thin(nn_event_lines *lines, size_t most, double step);

#endif
