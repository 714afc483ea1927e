#include "data/importers/csv_columns.h"

#include "base/options/nearest.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool looks_like_names(const nn_csv_row *row) {
    double number;

    for (size_t i = 0; i < row->count; i++)
        if (nn_text_to_real(row->field[i].text, &number))
            return false;
    return true;
}

/* Adds to a growing list of names for a message. */
static void append(char *text, size_t size, const char *more) {
    size_t used = strlen(text);

    snprintf(text + used, size - used, "%s%s", used ? ", " : "", more);
}

const char *nn_csv_columns_list(const nn_csv_columns *c) {
    char names[400] = "";
    const char *list;

    for (size_t i = 0; i < c->count; i++)
        append(names, sizeof names, c->column[i].name);
    list = nn_pool_strdup(c->pool, names);
    return list ? list : "";
}

static int unknown_column(nn_csv_columns *c, const char *key, const char *name) {
    const char *names = nn_csv_columns_list(c);
    const char *near, **all = nn_pool_alloc(c->pool, (c->count + 1) * sizeof *all);

    if (!all)
        return NN_EMEMORY;
    for (size_t i = 0; i < c->count; i++)
        all[i] = c->column[i].name;
    if (c->count == 1)
        return nn_fail(NN_EUSAGE,
                       "%s: %s: no column '%s': with '%c' between two columns (delimiter, "
                       "--delimiter) there is only one",
                       c->options->path, key, name, c->delimiter);
    for (size_t i = 0; c->first_row && i < c->count; i++)
        if (strcmp(c->first_row[i], name) == 0)
            return nn_fail(NN_EUSAGE,
                           "%s: %s: no column '%s'; there are %zu: %s; '%s' stands in the first "
                           "row: if that is a header, say header: yes (--header yes)",
                           c->options->path, key, name, c->count, names, name);
    near = nn_nearest(name, all);
    if (near)
        return nn_fail(NN_EUSAGE, "%s: %s: no column '%s', did you mean '%s'?", c->options->path,
                       key, name, near);
    return nn_fail(NN_EUSAGE, "%s: %s: no column '%s'; there are %zu: %s", c->options->path, key,
                   name, c->count, names);
}

/* By name, else by number; `count`: there is none. */
static size_t column_at(const nn_csv_columns *c, const char *name) {
    int64_t number, columns = (int64_t)c->count;

    for (size_t i = 0; i < c->count; i++)
        if (c->headed && strcmp(c->column[i].name, name) == 0)
            return i;
    if (!nn_text_to_int(name, &number) || number == 0 || number > columns || number < -columns)
        return c->count;
    return (size_t)(number > 0 ? number - 1 : columns + number);
}

static int find_column(nn_csv_columns *c, const char *key, const char *name, size_t *out) {
    *out = column_at(c, name);
    for (size_t i = *out + 1; c->headed && i < c->count; i++)
        if (strcmp(name, c->column[*out].name) == 0 && strcmp(name, c->column[i].name) == 0)
            return nn_fail(
                NN_EUSAGE,
                "%s: %s: columns %zu and %zu are both called '%s': say which by its number",
                c->options->path, key, *out + 1, i + 1, name);
    return *out < c->count ? NN_OK : unknown_column(c, key, name);
}

/* Gives a role to each column of a list "a,b,3", and its place in it. */
static int assign(nn_csv_columns *c, const char *key, const char *list, nn_csv_role role) {
    char *names = nn_pool_strdup(c->pool, list ? list : ""), *rest = names, *name;
    size_t place = 0;

    if (!names)
        return NN_EMEMORY;
    while ((name = strtok_r(rest, ",", &rest))) {
        size_t i = 0;
        NN_TRY(find_column(c, key, name, &i));
        if (c->column[i].role != NN_CSV_FEATURE)
            return nn_fail(NN_EUSAGE, "%s: %s: column '%s' is named twice", c->options->path, key,
                           c->column[i].name);
        c->column[i].role = role;
        c->column[i].place = place++;
    }
    return NN_OK;
}

/* Columns of a list whose numbers are names of categories, too. */
static int assign_categories(nn_csv_columns *c, const char *key, const char *list) {
    char *rest = nn_pool_strdup(c->pool, list ? list : ""), *name;

    if (!rest)
        return NN_EMEMORY;
    while ((name = strtok_r(rest, ",", &rest))) {
        size_t i = 0;
        NN_TRY(find_column(c, key, name, &i));
        if (list == c->options->embedding && c->column[i].role != NN_CSV_FEATURE)
            return nn_fail(NN_EUSAGE,
                           "%s: embedding: column '%s' is %s, so that x does not have it",
                           c->options->path, c->column[i].name,
                           c->column[i].role == NN_CSV_DROPPED ? "left out" : "the answer");
        c->column[i].categories = true;
        c->column[i].embedding = c->column[i].embedding || list == c->options->embedding;
    }
    return NN_OK;
}

static int assign_label(nn_csv_columns *c) {
    size_t i = 0;

    if (!c->options->label)
        return NN_OK;
    NN_TRY(find_column(c, "label", c->options->label, &i));
    c->column[i].role = NN_CSV_LABEL;
    c->label = i;
    return NN_OK;
}

/* Columns of a list that the file may have. With a header `columns` says by name what stays. */
static int leave_out_answers(nn_csv_columns *c) {
    const nn_csv_options *o = c->options;
    char *rest = nn_pool_strdup(c->pool, o->answers ? o->answers : ""), *name;

    if (!rest)
        return NN_EMEMORY;
    if ((o->columns && c->headed) || (int64_t)c->count <= o->features)
        return NN_OK;
    while ((name = strtok_r(rest, ",", &rest))) {
        size_t i = column_at(c, name);
        if (i < c->count)
            c->column[i].role = NN_CSV_DROPPED;
    }
    return NN_OK;
}

static int assign_roles(nn_csv_columns *c) {
    c->label = c->count;
    NN_TRY(assign_label(c));
    NN_TRY(assign(c, "target", c->options->target, NN_CSV_TARGET));
    NN_TRY(assign(c, "drop", c->options->drop, NN_CSV_DROPPED));
    NN_TRY(leave_out_answers(c));
    NN_TRY(assign_categories(c, "categories", c->options->categories));
    NN_TRY(assign_categories(c, "embedding", c->options->embedding));
    for (size_t i = 0; i < c->count; i++) {
        c->features += c->column[i].role == NN_CSV_FEATURE;
        c->targets += c->column[i].role == NN_CSV_TARGET;
    }
    if (c->features == 0)
        return nn_fail(NN_EUSAGE,
                       "%s: no column is left to be a feature; is '%c' what stands between two "
                       "columns (delimiter, --delimiter)?",
                       c->options->path, c->delimiter);
    return NN_OK;
}

/* For the question whether it is a header after all. */
static int keep_first_row(nn_csv_columns *c, const nn_csv_row *row) {
    c->first_row = nn_pool_alloc(c->pool, row->count * sizeof *c->first_row);
    c->first_line = row->field[0].line;
    if (!c->first_row)
        return NN_EMEMORY;
    for (size_t i = 0; i < row->count; i++) {
        c->first_row[i] = nn_pool_strdup(c->pool, row->field[i].text);
        if (!c->first_row[i])
            return NN_EMEMORY;
    }
    return NN_OK;
}

int nn_csv_columns_init(nn_csv_columns *c, const nn_csv_options *options, char delimiter,
                        const nn_csv_row *row, nn_pool *pool) {
    int header = options->header;

    *c = (nn_csv_columns){.options = options, .pool = pool, .delimiter = delimiter};
    c->headed =
        header == NN_CSV_HEADER_YES || (header == NN_CSV_HEADER_AUTO && looks_like_names(row));
    c->count = row->count;
    c->column = nn_pool_alloc(c->pool, row->count * sizeof *c->column);
    if (!c->column)
        return NN_EMEMORY;
    if (!c->headed && header == NN_CSV_HEADER_AUTO)
        NN_TRY(keep_first_row(c, row));
    for (size_t i = 0; i < row->count; i++) {
        c->column[i].name = c->headed ? nn_pool_strdup(c->pool, row->field[i].text)
                                      : nn_pool_printf(c->pool, "%zu", i + 1);
        if (!c->column[i].name)
            return NN_EMEMORY;
    }
    return assign_roles(c);
}

int nn_csv_columns_check(const nn_csv_columns *c, const nn_csv_row *row) {
    const nn_csv_field *last = &row->field[row->count - 1];

    if (row->count == c->count)
        return NN_OK;
    if (row->count > c->count)
        last = &row->field[c->count];
    return nn_csv_fail(c->options->path, last, "%zu columns, but %s %zu", row->count,
                       c->headed ? "the header names" : "the first row has", c->count);
}

bool nn_csv_is_missing(const char *text) {
    static const char *const marks[] = {"", "NA", "N/A", "NaN", "nan", "null", "NULL", "?"};

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strcmp(text, marks[i]) == 0)
            return true;
    return false;
}

bool nn_csv_columns_lack(const nn_csv_columns *c, const nn_csv_row *row, bool features) {
    for (size_t i = 0; i < c->count; i++) {
        const char *text = row->field[i].text;
        nn_csv_role role = c->column[i].role;
        if (role == NN_CSV_DROPPED || (role == NN_CSV_FEATURE && !features))
            continue;
        if (role == NN_CSV_LABEL ? !*text : nn_csv_is_missing(text)) /* a class may be called NA */
            return true;
    }
    return false;
}

bool nn_csv_has_decimal_comma(const char *text) {
    const char *digits = text + strspn(text, "+-");
    size_t whole = strspn(digits, "0123456789"), fraction;

    if (digits[whole] != ',')
        return false;
    fraction = strspn(digits + whole + 1, "0123456789");
    return whole + fraction > 0 && whole < 20 && digits[whole + 1 + fraction] == '\0';
}

int nn_csv_number(const nn_csv_columns *c, const nn_csv_field *field, size_t i, float *out) {
    const char *path = c->options->path, *name = c->column[i].name;
    double value;

    if (!*field->text)
        return nn_csv_fail(path, field, "column '%s' is empty; every row needs its number", name);
    if (nn_csv_has_decimal_comma(field->text))
        return nn_csv_fail(path, field,
                           "column '%s': '%.40s' is no number: it has a decimal comma; write "
                           "%.*s.%.40s",
                           name, field->text, (int)strcspn(field->text, ","), field->text,
                           strchr(field->text, ',') + 1);
    if (!nn_text_to_real(field->text, &value))
        return nn_csv_fail(path, field, "column '%s': '%.40s' is no number", name, field->text);
    *out = (float)value;
    if (!isfinite(*out))
        return nn_csv_fail(path, field, "column '%s': %.40s is not a finite float32 number", name,
                           field->text);
    return NN_OK;
}
