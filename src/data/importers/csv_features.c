#include "data/importers/csv_features.h"

#include "base/log.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CATEGORIES = 1000, MOST_NUMBERED = 1 << 22, MOST_FEATURES = 1 << 20 };

/* ---- categories ------------------------------------------------------------------------------ */

int nn_csv_features_add(nn_csv_features *f, size_t i, const char *text) {
    nn_csv_kind *kind = &f->kind[i];
    bool numbered = f->columns->column[i].embedding;

    if (!kind->labels.label) {
        NN_TRY(nn_labels_init(&kind->labels));
        kind->labels.limit = numbered ? MOST_NUMBERED : NN_MAX_LABELS;
    }
    NN_TRY(nn_labels_add(&kind->labels, text));
    if (f->given || numbered || kind->labels.count <= MOST_CATEGORIES)
        return NN_OK;
    return nn_fail(NN_EUSAGE,
                   "%s: column '%s' has more than %d different texts, which would become as many "
                   "columns: make one column of numbers of it, for a layer embedding (embedding, "
                   "--embedding), or leave it out (drop, --drop)",
                   f->columns->options->path, f->columns->column[i].name, MOST_CATEGORIES);
}

int nn_csv_features_list(nn_csv_features *f) {
    double *count = nn_pool_alloc(&f->pool, f->count * sizeof *count);
    size_t names = 0, at = 0;
    const char **name, **of;

    for (size_t i = 0; count && i < f->columns->count; i++) {
        const nn_csv_kind *kind = &f->kind[i];
        if (!kind->categories || kind->feature_of)
            continue;
        count[kind->first] = (double)kind->labels.count;
        names += kind->labels.count;
    }
    name = nn_pool_alloc(&f->pool, (names + 1) * sizeof *name);
    if (!count || !name)
        return NN_EMEMORY;
    for (size_t k = 0; names > 0 && k < f->count; k++)
        for (size_t i = 0; count[k] > 0 && i < f->columns->count; i++) {
            nn_csv_kind *kind = &f->kind[i];
            if (!kind->categories || kind->feature_of || kind->first != k)
                continue;
            NN_TRY(nn_labels_names(&kind->labels, &of));
            memcpy(name + at, of, kind->labels.count * sizeof *name);
            at += kind->labels.count;
        }
    if (names > 0)
        f->categories = (nn_categories){f->count, count, name};
    return NN_OK;
}

/* ---- features of a new data set -------------------------------------------------------------- */

static int fail_mixed(const nn_csv_columns *c, size_t i, const nn_csv_field *text) {
    return nn_csv_fail(c->options->path, text,
                       "column '%s': '%.40s' is no number; where numbers are names of categories, "
                       "too: categories: %s (--categories)",
                       c->column[i].name, text->text, c->column[i].name);
}

static void add_number(nn_csv_kind *kind, double number) { /* Welford's way */
    double apart = number - kind->mean;

    kind->mean += apart / (double)++kind->numbers;
    kind->squares += apart * (number - kind->mean);
}

static int survey_field(nn_csv_features *f, size_t i, const nn_csv_field *field) {
    const nn_csv_columns *c = f->columns;
    nn_csv_kind *kind = &f->kind[i];
    bool declared = c->column[i].categories;
    double number;
    float as_float;

    if (nn_csv_is_missing(field->text)) {
        kind->missing++;
        return NN_OK;
    }
    if (declared || (!nn_text_to_real(field->text, &number) && kind->numbers == 0 &&
                     !nn_csv_has_decimal_comma(field->text))) {
        if (!kind->text.text) {
            kind->text = *field;
            kind->text.text = nn_pool_strdup(&f->pool, field->text);
        }
        return kind->text.text ? nn_csv_features_add(f, i, field->text) : NN_EMEMORY;
    }
    if (kind->text.text)
        return fail_mixed(c, i, &kind->text);
    if (!nn_text_to_real(field->text, &number) && !nn_csv_has_decimal_comma(field->text))
        return fail_mixed(c, i, field);
    NN_TRY(nn_csv_number(c, field, i, &as_float));
    add_number(kind, (double)as_float);
    return NN_OK;
}

static int refuse_missing(const nn_csv_features *f, size_t i, const nn_csv_field *field) {
    return nn_csv_fail(f->columns->options->path, field,
                       "column '%s' %s; every row needs its value%s", f->columns->column[i].name,
                       *field->text ? "has a missing value" : "is empty",
                       f->given ? ": the model was trained without missing values, so nothing says "
                                  "what fills them in"
                                : ", or missing: drop leaves such rows out and missing: mean fills "
                                  "them in (--missing)");
}

int nn_csv_features_survey(nn_csv_features *f, const nn_csv_row *row) {
    const nn_csv_columns *c = f->columns;

    for (size_t i = 0; i < c->count; i++) {
        const nn_csv_field *field = &row->field[i];
        if (c->column[i].role != NN_CSV_FEATURE)
            continue;
        if (c->options->missing != NN_CSV_MISSING_MEAN && nn_csv_is_missing(field->text) &&
            !(f->given && (f->kind[i].categories || isfinite(f->kind[i].fill))))
            return refuse_missing(f, i, field);
        if (!f->given)
            NN_TRY(survey_field(f, i, field));
    }
    return NN_OK;
}

/* Texts that hardly two rows share say nothing of other rows. */
static int check_categories(const nn_csv_features *f, size_t i, int64_t rows) {
    const nn_csv_column *column = &f->columns->column[i];
    int64_t count = (int64_t)f->kind[i].labels.count;

    if (column->categories || column->embedding || rows < 10 || count <= rows / 2)
        return NN_OK;
    return nn_fail(NN_EUSAGE,
                   "%s: column '%s' has %" PRId64 " different texts in %" PRId64
                   " rows: leave it out (drop, --drop), or make categories of them all the same "
                   "(categories, --categories)",
                   f->columns->options->path, column->name, count, rows);
}

static int add_feature(nn_csv_features *f, size_t *room, const char *name) {
    if (f->count == MOST_FEATURES)
        return nn_fail(NN_EUSAGE, "%s: more than %d features: leave columns out (drop, --drop)",
                       f->columns->options->path, MOST_FEATURES);
    NN_TRY(NN_GROW(&f->pool, &f->name, f->count, room));
    f->name[f->count++] = name;
    return name ? NN_OK : NN_EMEMORY;
}

static int plan_categories(nn_csv_features *f, size_t i, size_t *room) {
    nn_csv_kind *kind = &f->kind[i];
    const char **names;

    kind->categories = true;
    NN_TRY(nn_labels_number(&kind->labels));
    if (kind->missing) /* comes last, and changes nothing about the order of the others */
        NN_TRY(nn_csv_features_add(f, i, ""));
    if (f->columns->column[i].embedding) {
        kind->first = f->count;
        return add_feature(f, room, f->columns->column[i].name);
    }
    NN_TRY(nn_labels_names(&kind->labels, &names));
    kind->feature_of = nn_pool_alloc(&f->pool, kind->labels.count * sizeof *kind->feature_of);
    if (!kind->feature_of)
        return NN_EMEMORY;
    for (size_t k = 0; k < kind->labels.count; k++) {
        kind->feature_of[k] = f->count;
        NN_TRY(add_feature(
            f, room, nn_pool_printf(&f->pool, "%s=%s", f->columns->column[i].name, names[k])));
    }
    return NN_OK;
}

static int plan_column(nn_csv_features *f, size_t i, int64_t rows, size_t *room) {
    nn_csv_kind *kind = &f->kind[i];
    const char *name = f->columns->column[i].name;

    if (kind->text.text) {
        NN_TRY(check_categories(f, i, rows));
        return plan_categories(f, i, room);
    }
    if (kind->numbers == 0)
        return nn_fail(NN_EFORMAT,
                       "%s: column '%s' is empty in every row: leave it out (drop, --drop)",
                       f->columns->options->path, name);
    kind->first = f->count;
    kind->fill = kind->mean;
    return add_feature(f, room, name);
}

/* Numbers get mean 0 and deviation 1; categories stay 0 and 1. */
static int standardize(nn_csv_features *f) {
    f->scale = nn_pool_alloc(&f->pool, f->count * sizeof *f->scale);
    f->offset = nn_pool_alloc(&f->pool, f->count * sizeof *f->offset);
    if (!f->scale || !f->offset)
        return NN_EMEMORY;
    for (size_t k = 0; k < f->count; k++)
        f->scale[k] = 1;
    for (size_t i = 0; i < f->columns->count; i++) {
        const nn_csv_kind *kind = &f->kind[i];
        if (f->columns->column[i].role != NN_CSV_FEATURE || kind->categories)
            continue;
        double deviation = sqrt(kind->squares / (double)kind->numbers);
        f->scale[kind->first] = deviation > 0 ? 1 / deviation : 1;
        f->offset[kind->first] = -kind->mean * f->scale[kind->first];
    }
    return NN_OK;
}

static int by_bytes(const void *a, const void *b) {
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* A model knows its features by their names. */
static int check_names(nn_csv_features *f) {
    size_t bytes = f->count * sizeof *f->name;
    const char **sorted = nn_pool_alloc(&f->pool, bytes);

    if (!sorted)
        return NN_EMEMORY;
    memcpy(sorted, f->name, bytes);
    qsort(sorted, f->count, sizeof *sorted, by_bytes);
    for (size_t k = 1; k < f->count; k++)
        if (strcmp(sorted[k - 1], sorted[k]) == 0)
            return nn_fail(NN_EFORMAT,
                           "%s: two features are called '%s': give one of the columns another "
                           "name, or leave it out by its number (drop, --drop)",
                           f->columns->options->path, sorted[k]);
    return NN_OK;
}

/* How many values of each feature are filled in, if any. */
static int count_missing(nn_csv_features *f) {
    double *filled = nn_pool_alloc(&f->pool, f->count * sizeof *filled);

    if (!filled)
        return NN_EMEMORY;
    for (size_t i = 0; i < f->columns->count; i++) {
        const nn_csv_kind *kind = &f->kind[i];
        if (kind->missing == 0 || kind->categories)
            continue;
        filled[kind->first] = (double)kind->missing;
        f->filled = filled;
    }
    return NN_OK;
}

int nn_csv_features_plan(nn_csv_features *f, int64_t rows) {
    const nn_csv_options *o = f->columns->options;
    size_t room = 0;

    if (f->given)
        return NN_OK;
    for (size_t i = 0; i < f->columns->count; i++)
        if (f->columns->column[i].role == NN_CSV_FEATURE)
            NN_TRY(plan_column(f, i, rows, &room));
    NN_TRY(check_names(f));
    NN_TRY(nn_csv_features_list(f));
    NN_TRY(count_missing(f));
    return o->standardize || o->missing == NN_CSV_MISSING_MEAN ? standardize(f) : NN_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int put_category(nn_csv_features *f, nn_csv_kind *kind, const char *text, float *x) {
    int64_t at = nn_labels_find(&kind->labels, nn_csv_is_missing(text) ? "" : text);

    if (at >= 0 && !kind->feature_of) {
        x[kind->first] = (float)(at + 1);
    } else if (at >= 0) {
        x[kind->feature_of[at]] = 1;
    } else if (kind->strange++ == 0) {
        kind->stranger = nn_pool_strdup(&f->pool, text);
        return kind->stranger ? NN_OK : NN_EMEMORY;
    }
    return NN_OK;
}

int nn_csv_features_row(nn_csv_features *f, const nn_csv_row *row, float *x) {
    const nn_csv_columns *c = f->columns;

    memset(x, 0, f->count * sizeof *x);
    for (size_t i = 0; i < c->count; i++) {
        nn_csv_kind *kind = &f->kind[i];
        if (c->column[i].role != NN_CSV_FEATURE)
            continue;
        if (kind->categories)
            NN_TRY(put_category(f, kind, row->field[i].text, x));
        else if (nn_csv_is_missing(row->field[i].text))
            x[kind->first] = (float)kind->fill;
        else
            NN_TRY(nn_csv_number(c, &row->field[i], i, &x[kind->first]));
    }
    return NN_OK;
}

void nn_csv_features_warn_unknown(const nn_csv_features *f) {
    for (size_t i = 0; i < f->columns->count; i++)
        if (f->kind[i].strange)
            nn_warn("%s: column '%s': '%.40s' is a category that the model was not trained on, as "
                    "in %" PRId64 " rows: none of its categories is theirs",
                    f->columns->options->path, f->columns->column[i].name, f->kind[i].stranger,
                    f->kind[i].strange);
}

int nn_csv_features_init(nn_csv_features *f, nn_csv_columns *columns) {
    const nn_node *given = columns->options->columns;

    *f = (nn_csv_features){.columns = columns};
    f->kind = nn_pool_alloc(&f->pool, columns->count * sizeof *f->kind);
    if (!f->kind)
        return NN_EMEMORY;
    if (!given || nn_node_is_null(given))
        return NN_OK;
    if (given->kind != NN_NODE_LIST)
        return nn_node_fail(given, "columns is a list of names and {name: [scale, offset]}");
    return nn_csv_features_take(f, columns, given);
}

void nn_csv_features_release(nn_csv_features *f) {
    for (size_t i = 0; f->kind && i < f->columns->count; i++)
        nn_labels_release(&f->kind[i].labels);
    nn_pool_release(&f->pool);
    *f = (nn_csv_features){0};
}
