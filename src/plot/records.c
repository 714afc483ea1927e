#include "plot/records.h"

#include "base/json/json.h"
#include "io/files/file.h"

#include <math.h>
#include <string.h>

/* ---- a line -----------------------------------------------------------------------------------
 */

enum { DEPTH = 8 };

/* More than any run has: a broken or hostile file may not take all memory. */
enum { MOST_EVENTS = 32, MOST_COLUMNS = 4096 };
#define MOST_BYTES ((int64_t)1 << 28)
#define MOST_NUMBERS ((size_t)1 << 26)

static nn_event_lines *find_event(const nn_records *records, const char *event) {
    for (size_t i = 0; i < records->events; i++)
        if (strcmp(records->event[i].event, event) == 0)
            return &records->event[i];
    return NULL;
}

static int add_event(nn_records *records, const char *event, nn_event_lines **out) {
    if (records->events == MOST_EVENTS)
        return nn_fail(NN_EFORMAT, "more than %d kinds of events", MOST_EVENTS);
    NN_TRY(NN_GROW(records->pool, &records->event, records->events, &records->capacity));
    *out = &records->event[records->events];
    **out = (nn_event_lines){.event = nn_pool_strdup(records->pool, event)};
    records->events += (*out)->event != NULL;
    return (*out)->event ? 0 : NN_EMEMORY;
}

static int resize(nn_records *records, nn_column *column, size_t rows, size_t capacity) {
    records->numbers += capacity;
    if (records->numbers > MOST_NUMBERS)
        return nn_fail(NN_EFORMAT, "lines and keys for more than %zu numbers", MOST_NUMBERS);
    double *value = nn_pool_alloc(records->pool, capacity * sizeof *value);
    if (!value)
        return NN_EMEMORY;
    for (size_t i = 0; i < capacity; i++)
        value[i] = i < rows ? column->value[i] : NAN;
    column->value = value;
    return 0;
}

static int add_row(nn_records *records, nn_event_lines *lines, const char *line) {
    if (lines->rows == lines->capacity) {
        lines->capacity = lines->capacity ? 2 * lines->capacity : 64;
        for (size_t i = 0; i < lines->columns; i++)
            NN_TRY(resize(records, &lines->column[i], lines->rows, lines->capacity));
    }
    NN_TRY(NN_GROW(records->pool, &lines->line, lines->rows, &lines->line_capacity));
    lines->line[lines->rows++] = line;
    return 0;
}

/* Lines of an event have the same keys in the same order, mostly: the search begins at `guess`. */
static int find_column(nn_records *records, nn_event_lines *lines, const char *name, size_t guess,
                       size_t *at) {
    for (size_t i = 0; i < lines->columns; i++) {
        *at = (guess + i) % lines->columns;
        if (strcmp(lines->column[*at].name, name) == 0)
            return 0;
    }
    if (lines->columns == MOST_COLUMNS)
        return nn_fail(NN_EFORMAT, "more than %d keys of numbers in lines of '%s'", MOST_COLUMNS,
                       lines->event);
    NN_TRY(NN_GROW(records->pool, &lines->column, lines->columns, &lines->column_capacity));
    *at = lines->columns;
    lines->column[*at] = (nn_column){.name = nn_pool_strdup(records->pool, name)};
    if (!lines->column[*at].name)
        return NN_EMEMORY;
    NN_TRY(resize(records, &lines->column[*at], 0, lines->capacity));
    lines->columns++;
    return 0;
}

/* Where the numbers of the line under way go. */
typedef struct filler {
    nn_records *records;
    nn_event_lines *lines;
    size_t next; /* the column that is expected */
    int depth;
} filler;

static int read_value(nn_json_reader *r, filler *f, const char *name);

static int read_members(nn_json_reader *r, filler *f, const char *prefix) {
    bool more;
    NN_TRY(nn_json_begin(r, '{'));
    for (;;) {
        char *key, *name = NULL;
        NN_TRY(nn_json_next(r, '}', &more));
        if (!more)
            return 0;
        NN_TRY(nn_json_read_key(r, &key));
        if (prefix)
            name = *prefix ? nn_pool_printf(r->pool, "%s.%s", prefix, key) : key;
        if (prefix && !name)
            return NN_EMEMORY;
        NN_TRY(read_value(r, f, name));
    }
}

/* Arrays are tables, which nn_event_table reads where they are wanted. */
static int skip_array(nn_json_reader *r, filler *f) {
    bool more;
    NN_TRY(nn_json_begin(r, '['));
    for (;;) {
        NN_TRY(nn_json_next(r, ']', &more));
        if (!more)
            return 0;
        NN_TRY(read_value(r, f, NULL));
    }
}

/* `name` NULL: the value is only gone over. */
static int read_value(nn_json_reader *r, filler *f, const char *name) {
    char first = nn_json_peek(r), *text;
    double value;
    size_t at;
    int rc;
    if (first == '"')
        return nn_json_read_string(r, &text);
    if (first == '{' || first == '[') {
        if (f->depth == DEPTH)
            return nn_json_place(r, nn_fail(NN_EFORMAT, "JSON nested more than %d deep", DEPTH));
        f->depth++;
        rc = first == '[' ? skip_array(r, f) : read_members(r, f, name);
        f->depth--;
        return rc;
    }
    if (first == 'n' || first == 't' || first == 'f')
        return nn_json_skip(r); /* null is NaN, as what is missing */
    NN_TRY(nn_json_read_real(r, &value));
    if (!name)
        return 0;
    rc = find_column(f->records, f->lines, name, f->next, &at);
    if (rc < 0)
        return nn_json_place(r, rc);
    f->lines->column[at].value[f->lines->rows - 1] = value;
    f->next = at + 1;
    return 0;
}

/* Figures are over the steps, so that every line has one, from 0 to where doubles count on. */
static int check_step(const nn_event_lines *lines) {
    const double most = 9007199254740992; /* 2^53 */
    double step = nn_event_last(lines, "step");
    return step >= 0 && step <= most
               ? 0
               : nn_fail(NN_EFORMAT, "a line of '%s' wants the key 'step', a number from 0 on",
                         lines->event);
}

/* "event" comes first in a line. */
static int read_line(nn_records *records, nn_json_reader *r) {
    char *key, *event;
    bool more;
    NN_TRY(nn_json_begin(r, '{'));
    NN_TRY(nn_json_next(r, '}', &more));
    if (!more)
        return nn_json_place(r, nn_fail(NN_EFORMAT, "an object without the key 'event'"));
    NN_TRY(nn_json_read_key(r, &key));
    if (strcmp(key, "event") != 0)
        return nn_json_place(r, nn_fail(NN_EFORMAT, "the first key is '%s', not 'event'", key));
    NN_TRY(nn_json_read_string(r, &event));
    nn_event_lines *lines = find_event(records, event);
    int rc = lines ? 0 : add_event(records, event, &lines);
    rc = rc == 0 ? add_row(records, lines, r->text) : rc;
    if (rc < 0)
        return nn_json_place(r, rc);
    filler f = {.records = records, .lines = lines};
    r->at = 0;
    NN_TRY(read_members(r, &f, ""));
    NN_TRY(nn_json_end(r));
    rc = check_step(lines);
    return rc < 0 ? nn_json_place(r, rc) : 0;
}

int nn_records_read(nn_pool *pool, const char *path, nn_records *records) {
    char *text, *newline;
    size_t length;
    *records = (nn_records){.pool = pool};
    NN_TRY(nn_file_read_below(pool, path, MOST_BYTES, &text, &length));
    for (char *line = text; (newline = strchr(line, '\n')) != NULL; line = newline + 1) {
        nn_pool scratch = {0};
        nn_json_reader r = {.pool = &scratch,
                            .file = path,
                            .text = line,
                            .length = (size_t)(newline - line),
                            .offset = (size_t)(line - text)};
        *newline = '\0';
        int rc = read_line(records, &r);
        nn_pool_release(&scratch);
        NN_TRY(rc);
    }
    return 0;
}

/* ---- what was read ----------------------------------------------------------------------------
 */

const nn_event_lines *nn_records_event(const nn_records *records, const char *event) {
    return find_event(records, event);
}

const double *nn_event_column(const nn_event_lines *lines, const char *name) {
    for (size_t i = 0; lines && i < lines->columns; i++)
        if (strcmp(lines->column[i].name, name) == 0)
            return lines->column[i].value;
    return NULL;
}

double nn_event_last(const nn_event_lines *lines, const char *name) {
    const double *value = nn_event_column(lines, name);
    return value ? value[lines->rows - 1] : NAN;
}

/* Stands at the value of the key, *found; `lines` has been read without a fault before. */
static int seek(nn_json_reader *r, const char *key, bool *found) {
    filler f = {0};
    char *name;
    NN_TRY(nn_json_begin(r, '{'));
    for (;;) {
        NN_TRY(nn_json_next(r, '}', found));
        if (!*found)
            return 0;
        NN_TRY(nn_json_read_key(r, &name));
        if (strcmp(name, key) == 0)
            return 0;
        NN_TRY(read_value(r, &f, NULL));
    }
}

static nn_json_reader reader_of(nn_pool *pool, const nn_event_lines *lines, size_t row) {
    return (nn_json_reader){.pool = pool,
                            .file = "metrics.jsonl",
                            .text = lines->line[row],
                            .length = strlen(lines->line[row])};
}

const char *nn_event_text(nn_pool *pool, const nn_event_lines *lines, const char *key) {
    char *text = NULL;
    bool found;
    if (!lines)
        return NULL;
    nn_json_reader r = reader_of(pool, lines, lines->rows - 1);
    if (seek(&r, key, &found) < 0 || !found || nn_json_peek(&r) != '"' ||
        nn_json_read_string(&r, &text) < 0)
        return NULL;
    return text;
}

int nn_event_texts(nn_pool *pool, const nn_event_lines *lines, const char *key, size_t *count,
                   char ***text) {
    size_t capacity = 0;
    bool found, more;
    *count = 0;
    *text = NULL;
    nn_json_reader r = reader_of(pool, lines, lines->rows - 1);
    NN_TRY(seek(&r, key, &found));
    if (!found)
        return 0;
    NN_TRY(nn_json_begin(&r, '['));
    for (;;) {
        NN_TRY(nn_json_next(&r, ']', &more));
        if (!more)
            return 0;
        NN_TRY(NN_GROW(pool, text, *count, &capacity));
        NN_TRY(nn_json_read_string(&r, &(*text)[*count]));
        ++*count;
    }
}

/* The numbers of an array, of any depth, one after the other; *width: of the innermost ones. */
static int read_numbers(nn_json_reader *r, size_t *count, size_t *capacity, size_t *width,
                        double **value) {
    size_t own = 0;
    bool more;
    NN_TRY(nn_json_begin(r, '['));
    for (;;) {
        NN_TRY(nn_json_next(r, ']', &more));
        if (!more)
            break;
        if (nn_json_peek(r) == '[') {
            NN_TRY(read_numbers(r, count, capacity, width, value));
            continue;
        }
        NN_TRY(NN_GROW(r->pool, value, *count, capacity));
        (*value)[*count] = NAN;
        NN_TRY(nn_json_peek(r) == 'n' ? nn_json_skip(r) : nn_json_read_real(r, &(*value)[*count]));
        ++*count;
        ++own;
    }
    *width = own ? own : *width;
    return 0;
}

int nn_event_table(nn_pool *pool, const nn_event_lines *lines, size_t row, const char *key,
                   size_t *rows, size_t *columns, double **value) {
    size_t count = 0, capacity = 0;
    bool found;
    *rows = *columns = 0;
    *value = NULL;
    nn_json_reader r = reader_of(pool, lines, row);
    NN_TRY(seek(&r, key, &found));
    if (!found || nn_json_peek(&r) != '[')
        return 0;
    NN_TRY(read_numbers(&r, &count, &capacity, columns, value));
    *rows = *columns ? count / *columns : 0;
    return 0;
}

/* ---- thinning ---------------------------------------------------------------------------------
 */

/* Marks the rows from `first` to before `end` that hold the least and the greatest number, where
 * these differ. */
static void mark_extremes(const double *value, size_t first, size_t end, bool *kept) {
    size_t least = SIZE_MAX, most = SIZE_MAX;
    for (size_t i = first; i < end; i++) {
        if (isnan(value[i]))
            continue;
        if (least == SIZE_MAX || value[i] < value[least])
            least = i;
        if (most == SIZE_MAX || value[i] > value[most])
            most = i;
    }
    if (least != most)
        kept[least] = kept[most] = true;
}

/* A column that only counts, or never changes, has no peaks. */
static bool has_peaks(const nn_column *column, size_t rows) {
    size_t i = 1;
    if (strcmp(column->name, "step") == 0 || strcmp(column->name, "epoch") == 0)
        return false;
    while (i < rows && column->value[i] == column->value[0])
        i++;
    return i < rows;
}

/* `peaked` has room for all columns. */
static void mark(const nn_event_lines *lines, size_t most, double step, const double **peaked,
                 bool *kept) {
    size_t count = 0, rows = lines->rows;
    const double *steps = nn_event_column(lines, "step");
    for (size_t c = 0; c < lines->columns && 2 * count + 3 <= most; c++)
        if (has_peaks(&lines->column[c], rows))
            peaked[count++] = lines->column[c].value;
    size_t stretches = most / (2 * count + 1);
    for (size_t s = 0; s < stretches; s++) {
        kept[s * rows / stretches] = true;
        for (size_t p = 0; p < count; p++)
            mark_extremes(peaked[p], s * rows / stretches, (s + 1) * rows / stretches, kept);
    }
    kept[rows - 1] = true;
    for (size_t i = 0; steps && i < rows; i++)
        kept[i] = kept[i] || steps[i] == step;
}

int nn_event_thin(nn_event_lines *lines, size_t most, double step) {
    const double **peaked = NULL;
    bool *kept = NULL;
    size_t rows = 0;
    int rc = 0;
    if (lines->rows <= most)
        return 0;
    NN_TRY_GOTO(NN_NEW(&kept, lines->rows, "lines to draw"));
    NN_TRY_GOTO(NN_NEW(&peaked, lines->columns + 1, "columns to draw"));
    mark(lines, most, step, peaked, kept);
    for (size_t i = 0; i < lines->rows; i++) {
        for (size_t c = 0; kept[i] && c < lines->columns; c++)
            lines->column[c].value[rows] = lines->column[c].value[i];
        lines->line[rows] = lines->line[i];
        rows += kept[i];
    }
    lines->rows = rows;
done:
    nn_free(peaked);
    nn_free(kept);
    return rc;
}
